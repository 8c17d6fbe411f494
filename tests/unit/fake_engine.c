/* SPDX-License-Identifier: GPL-2.0-only */
/* See fake_engine.h. */
#include "unit/fake_engine.h"

#include "unit/test.h"

#include <errno.h>
#include <stdio.h>

struct fake *fake_find(struct reconcile *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->pairs[i].name, name) == 0)
			return &r->pairs[i];
	return NULL;
}

/* ---- engine/reconcile.h, as far as the front calls it ---- */

void reconcile_mark_config(struct reconcile *r)
{
	r->load_due = true;
}

bool reconcile_is_loading(const struct reconcile *r)
{
	return r->loading;
}

bool reconcile_is_load_due(const struct reconcile *r)
{
	return r->load_due;
}

bool reconcile_is_settled(const struct reconcile *r)
{
	return !r->load_due;
}

size_t reconcile_n_pairs(const struct reconcile *r)
{
	return r->n;
}

void reconcile_status_at(struct reconcile *r, size_t i, uint64_t now_ms, struct status *ret)
{
	struct fake *fake = &r->pairs[i];

	status_make(fake->name, &fake->want, &fake->seen, &fake->task, &fake->history, ret);
	ret->meter = fake->measured_ms ? &fake->meter : NULL;
	ret->measured_ms = fake->measured_ms;
}

bool reconcile_status(struct reconcile *r, const char *name, uint64_t now_ms, struct status *ret)
{
	struct fake *fake = fake_find(r, name);

	if (fake)
		reconcile_status_at(r, fake - r->pairs, now_ms, ret);
	return fake != NULL;
}

void reconcile_refresh(struct reconcile *r, const char *name)
{
	struct fake *fake = fake_find(r, name);

	for (size_t i = 0; fake && i < fake->seen.end[0].n_chain; i++)
		fake->seen.end[0].chain[i].run_count++;
}

uint64_t reconcile_revision(const struct reconcile *r)
{
	return r->revision;
}

uint64_t reconcile_generation(const struct reconcile *r)
{
	return r->generation;
}

const struct catalog *reconcile_catalog(const struct reconcile *r)
{
	return &r->catalog;
}

const struct desired *reconcile_desired(const struct reconcile *r)
{
	return r->desired;
}

const struct kind_state *reconcile_kinds(const struct reconcile *r)
{
	return r->kinds;
}

int reconcile_preview(struct reconcile *r, struct plan *ret)
{
	struct plan plan = { .tasks = calloc(r->n + 1, sizeof(*plan.tasks)), .n_tasks = r->n };

	CHECK(plan.tasks);
	for (size_t i = 0; i < r->n; i++) {
		plan.tasks[i].verdict = r->pairs[i].task.verdict;
		memcpy(plan.tasks[i].name, r->pairs[i].name, IFNAMSIZ);
		if (plan.tasks[i].verdict != VERDICT_CHANGE)
			continue;
		plan.tasks[i].steps = calloc(1, sizeof(*plan.tasks[i].steps));
		CHECK(plan.tasks[i].steps);
		plan.tasks[i].steps[0].kind = STEP_DELETE;
		plan.tasks[i].n_steps = 1;
	}
	*ret = plan;
	return 0;
}

uint64_t reconcile_ask_look(struct reconcile *r)
{
	return r->n_looks + 1;
}

int reconcile_look_result(const struct reconcile *r, uint64_t look, const struct diag **ret_why)
{
	*ret_why = &r->look_why;
	if (r->n_looks < look)
		return -EAGAIN;
	return r->look_why.text ? -EIO : 0;
}

void reconcile_ask_meters(struct reconcile *r, const char *name, uint64_t now_ms)
{
	for (size_t i = 0; i < r->n; i++)
		if (!name || strcmp(r->pairs[i].name, name) == 0)
			r->pairs[i].measuring = true;
}

bool reconcile_is_measuring(const struct reconcile *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->pairs[i].name, name) == 0)
			return r->pairs[i].measuring;
	return false;
}

const struct feature_state *reconcile_features(const struct reconcile *r)
{
	return r->features;
}

int reconcile_usage(struct reconcile *r, struct usage *ret)
{
	usage_init(ret, r->desired);
	for (size_t i = 0; i < r->n; i++)
		CHECK(usage_add(ret, r->pairs[i].name, &r->pairs[i].want, &r->pairs[i].seen) == 0);
	CHECK(usage_sort(ret) == 0);
	return 0;
}

const struct object *reconcile_object(const struct reconcile *r, const char *program)
{
	static const struct object object = { .why.text = (char *)"there is no such file" };

	return strcmp(program, "count") == 0 ? &object : NULL;
}

/* ---- engine/amendments.h: nothing can be amended here, nor changes hands ---- */

int reconcile_hand(struct reconcile *r, struct hand *hand)
{
	return -ENOMEM;
}

int amendments_add(struct reconcile *r, struct amendment *amendment, uint64_t until_ms,
		   amended_fn fn, void *ctx, struct amending **ret)
{
	amendment_done(amendment);
	return -ENOSYS;
}

uint64_t amendments_number(const struct amending *amending)
{
	return 0;
}

void amendments_forget(struct amending *amending)
{
}

const struct trial_state *amendments_trial(const struct reconcile *r)
{
	static const struct trial_state none;

	return &none;
}

/* ---- pairs ---- */

struct fake *fake_add(struct reconcile *r, const char *name, enum verdict verdict)
{
	size_t i = r->n;

	CHECK(r->n < FAKE_PAIRS);
	for (; i > 0 && strcmp(r->pairs[i - 1].name, name) > 0; i--)
		r->pairs[i] = r->pairs[i - 1];
	r->n++;
	r->pairs[i] = (struct fake){ .task = { .kind = KIND_VETH, .verdict = verdict },
				     .seen = { .owner = OWNER_METAD, .nsid = -1 } };
	snprintf(r->pairs[i].name, sizeof(r->pairs[i].name), "%s", name);
	snprintf(r->pairs[i].want.end[1].attrs.name, IFNAMSIZ, "eth0");
	r->pairs[i].want.netns.text = strdup("web");
	r->pairs[i].history.generation = ++r->generation;
	return &r->pairs[i];
}

static void add_full(struct reconcile *r)
{
	struct fake *fake = fake_add(r, "full", VERDICT_CHANGE);
	static struct use uses[] = { { .program = "acl" }, { .program = "count" } };
	static struct slot chain[] = {
		{ .program = "acl",
		  .prog_id = 7,
		  .link_id = 9,
		  .kernel_name = "acl",
		  .run_count = 5 },
		{ .foreign = true, .prog_id = 8, .kernel_name = "other" },
	};
	static struct address addresses[2] = { [1] = { .foreign = true } };
	static struct route routes[1] = { { .table = 254 } };
	static struct neighbour neighbours[1];
	static struct sysctl sysctls[] = { { (char *)"net.a", (char *)"1" }, { (char *)"net.b" } };

	CHECK(prefix_parse("10.0.0.1/24", &addresses[0].prefix) == 0);
	CHECK(prefix_parse("fe80::1/64", &addresses[1].prefix) == 0);
	CHECK(prefix_parse("0.0.0.0/0", &routes[0].to) == 0);
	CHECK(ip_parse("169.254.1.1", &neighbours[0].ip) == 0);
	fake->want.end[0].uses = uses;
	fake->want.end[0].n_uses = ARRAY_SIZE(uses);
	fake->want.end[1].addresses = addresses;
	fake->want.end[1].n_addresses = 1;
	fake->want.at = (struct diag){ .file = (char *)"/etc/a.yaml", .line = 3 };
	fake->seen.nsid = 0;
	for (enum side side = 0; side < N_SIDES; side++) {
		struct sighted_end *end = &fake->seen.end[side];

		end->ifindex = 3 + side;
		end->attrs = (struct attrs){ .has = 0x3ff, .mtu = 1500, .up = true };
		snprintf(end->attrs.name, IFNAMSIZ, side ? "\xff\x1b[2J" : "full");
		end->addresses = addresses;
		end->n_addresses = 2;
		end->routes = routes;
		end->n_routes = 1;
		end->neighbours = neighbours;
		end->n_neighbours = 1;
	}
	fake->seen.end[0].chain = chain;
	fake->seen.end[0].n_chain = ARRAY_SIZE(chain);
	fake->seen.end[1].sysctls = sysctls;
	fake->seen.end[1].n_sysctls = ARRAY_SIZE(sysctls);
	fake->task.limits.text = (char *)"scrub is not known to veth";
	fake->history.n_failures = 2;
	fake->history.retry_ms = 1500;
	fake->history.error.text = (char *)"the verifier refused acl";
	fake->history.error.detail = strdup("0: r0 = 1\n1: exit\n");
}

static void define(struct reconcile *r, const char *name, const char *object, struct diag at)
{
	struct program program = { .object = strdup(object), .at = at };

	CHECK(program.object);
	snprintf(program.name, sizeof(program.name), "%s", name);
	CHECK(ARRAY_APPEND(r->desired->programs, r->desired->n_programs, program) == 0);
}

static void fill(struct reconcile *r)
{
	static struct diag fault = { .file = (char *)"/etc/\xe9.yaml",
				     .line = 1,
				     .column = 2,
				     .text = (char *)"unknown key" };
	static char *paths[] = { (char *)"/etc/a.yaml" };
	static struct catalog_file file = { .paths = paths, .n_paths = 1, .in_force = true };

	fake_add(r, "late", VERDICT_WAIT)->task.why.text = (char *)"there is no namespace late";
	fake_add(r, "ok", VERDICT_READY);
	add_full(r);
	r->desired = desired_new();
	CHECK(r->desired);
	define(r, "+drop", "drop", (struct diag){});
	define(r, "acl", "acl", (struct diag){});
	define(r, "count", "/opt/count.o",
	       (struct diag){ .file = strdup("/etc/a.yaml"), .line = 9 });
	r->features[FEATURE_TCX].usable = true;
	r->features[FEATURE_BTF].why = (char *)"no BTF";
	r->kinds[KIND_META].why = (char *)"the kernel has none";
	r->kinds[KIND_VETH].usable = true;
	r->catalog.files = &file;
	r->catalog.n_files = 1;
	r->catalog.troubles = (struct diag_list){ &fault, 1 };
}

void fake_change(struct reconcile *r, struct fake *fake)
{
	fake->history.generation = ++r->generation;
}

void fake_forget(struct reconcile *r, struct fake *fake)
{
	free(fake->want.netns.text);
	free(fake->history.error.detail);
	memmove(fake, fake + 1, (char *)&r->pairs[r->n] - (char *)(fake + 1));
	r->n--;
	r->generation++;
}

void fake_set_log(struct fake *fake, size_t len)
{
	char *log = calloc(1, len + 1);

	CHECK(log);
	memset(log, 'x', len);
	free(fake->history.error.detail);
	fake->history.error.detail = log;
}

void fake_use(struct fake *fake)
{
	static struct use uses[] = { { .program = "acl" } };

	fake->want.end[SIDE_PEER].uses = uses;
	fake->want.end[SIDE_PEER].n_uses = 1;
}

void fake_measure(struct fake *fake)
{
	if (!fake->measuring)
		return;
	fake->measuring = false;
	fake->measured_ms += 1000;
	memcpy(fake->meter.name, fake->name, IFNAMSIZ);
	for (enum side side = 0; side < N_SIDES; side++)
		fake->meter.end[side] = (struct meter_end){
			.ifindex = fake->seen.end[side].ifindex,
			.known = side == SIDE_PRIMARY,
			.received = { 1, 2, 3, 4 },
			.transmitted = { 1ULL << 40, 6, 7, 8 },
		};
}

void fake_look(struct reconcile *r, const char *why)
{
	r->look_why.text = (char *)why;
	r->n_looks++;
}

/* ---- life ---- */

struct reconcile *fake_new(void)
{
	struct reconcile *r = calloc(1, sizeof(*r));

	CHECK(r);
	r->pairs = calloc(FAKE_PAIRS, sizeof(*r->pairs));
	CHECK(r->pairs);
	fill(r);
	return r;
}

void fake_free(struct reconcile *r)
{
	while (r->n)
		fake_forget(r, &r->pairs[r->n - 1]);
	desired_unref(r->desired);
	free(r->pairs);
	free(r);
}
