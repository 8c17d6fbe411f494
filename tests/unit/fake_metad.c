/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's front: the real server and methods over an engine that does only what standard
 * input says, a command a line, each answered by "ok". Pairs that show everything a status can say
 * are there from the beginning. test_server.py drives it.
 *
 *	add NAME, gone NAME, change NAME	what the engine tells its observer
 *	wait NAME				add, and it waits for something
 *	log N					the last error of "full" has a log of N bytes
 *	churn N					N changes, of one pair after the other
 *	begin, loaded				reading of the configuration begins, ends
 *	conflicts				declarations are in conflict otherwise
 *	looked, blind				a look at everything is over, or has failed
 *	measured NAME				its counters have been read, if somebody asked for them
 */
#include "engine/amendments.h"
#include "front/server.h"
#include "unit/test.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>

#define PAIRS 8192

struct fake {
	char name[IFNAMSIZ];
	struct pair want;
	struct sighting seen;
	struct task task;
	struct history history;
	bool measuring;
	struct meter meter;
	uint64_t measured_ms;
};

struct reconcile {
	struct fake pairs[PAIRS]; /* sorted by name */
	size_t n;
	uint64_t generation;
	bool load_due, loading;
	struct catalog catalog;
	struct desired *desired;
	struct kind_state kinds[N_KINDS];
	struct feature_state features[N_FEATURES];
	uint64_t n_looks; /* over */
	struct diag look_why; /* of the last one; text NULL: it was well */
};

static struct fake *find(struct reconcile *r, const char *name)
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
	struct fake *fake = find(r, name);

	if (fake)
		reconcile_status_at(r, fake - r->pairs, now_ms, ret);
	return fake != NULL;
}

void reconcile_refresh(struct reconcile *r, const char *name)
{
	struct fake *fake = find(r, name);

	for (size_t i = 0; fake && i < fake->seen.end[0].n_chain; i++)
		fake->seen.end[0].chain[i].run_count++;
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
	usage_sort(ret);
	return 0;
}

const struct object *reconcile_object(const struct reconcile *r, const char *program)
{
	static const struct object object = { .why.text = (char *)"there is no such file" };

	return strcmp(program, "count") == 0 ? &object : NULL;
}

/* ---- engine/amendments.h: nothing can be amended here ---- */

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

static struct fake *add(struct reconcile *r, const char *name, enum verdict verdict)
{
	size_t i = r->n;

	CHECK(r->n < PAIRS);
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
	struct fake *fake = add(r, "full", VERDICT_CHANGE);
	static struct use uses[] = { { .program = "acl" }, { .program = "count" } };
	static struct slot chain[] = {
		{ .program = "acl", .prog_id = 7, .link_id = 9, .kernel_name = "acl", .run_count = 5 },
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
	static struct diag fault = { .file = (char *)"/etc/\xe9.yaml", .line = 1, .column = 2,
				     .text = (char *)"unknown key" };
	static char *paths[] = { (char *)"/etc/a.yaml" };
	static struct catalog_file file = { .paths = paths, .n_paths = 1, .in_force = true };

	add(r, "late", VERDICT_WAIT)->task.why.text = (char *)"there is no namespace late";
	add(r, "ok", VERDICT_READY);
	add_full(r);
	r->desired = desired_new();
	CHECK(r->desired);
	define(r, "+drop", "drop", (struct diag){});
	define(r, "acl", "acl", (struct diag){});
	define(r, "count", "/opt/count.o", (struct diag){ .file = strdup("/etc/a.yaml"), .line = 9 });
	r->features[FEATURE_TCX].usable = true;
	r->features[FEATURE_BTF].why = (char *)"no BTF";
	r->kinds[KIND_META].why = (char *)"the kernel has none";
	r->kinds[KIND_VETH].usable = true;
	r->catalog.files = &file;
	r->catalog.n_files = 1;
	r->catalog.troubles = (struct diag_list){ &fault, 1 };
}

/* ---- commands ---- */

static void change(struct reconcile *r, struct server *server, struct fake *fake)
{
	fake->history.generation = ++r->generation;
	server_on_pair(server, fake->name, false);
}

static void forget(struct reconcile *r, struct fake *fake)
{
	free(fake->want.netns.text);
	free(fake->history.error.detail);
	memmove(fake, fake + 1, (char *)&r->pairs[r->n] - (char *)(fake + 1));
	r->n--;
}

static void set_log(struct fake *fake, size_t len)
{
	char *log = calloc(1, len + 1);

	CHECK(log);
	memset(log, 'x', len);
	free(fake->history.error.detail);
	fake->history.error.detail = log;
}

static void measure(struct fake *fake)
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

static void obey(struct reconcile *r, struct server *server, const char *verb, const char *name)
{
	struct fake *fake = find(r, name);

	if (strcmp(verb, "add") == 0) {
		change(r, server, add(r, name, VERDICT_READY));
	} else if (strcmp(verb, "wait") == 0) {
		change(r, server, add(r, name, VERDICT_WAIT));
	} else if (strcmp(verb, "log") == 0) {
		set_log(find(r, "full"), strtoul(name, NULL, 10));
	} else if (strcmp(verb, "gone") == 0 && fake) {
		forget(r, fake);
		r->generation++;
		server_on_pair(server, name, true);
	} else if (strcmp(verb, "change") == 0 && fake) {
		change(r, server, fake);
	} else if (strcmp(verb, "churn") == 0) {
		for (size_t i = 0; i < strtoul(name, NULL, 10); i++)
			change(r, server, &r->pairs[i % r->n]);
	} else if (strcmp(verb, "conflicts") == 0) {
		server_on_event(server, CALL_CONFLICTS);
	} else if (strcmp(verb, "begin") == 0) {
		r->load_due = false;
		r->loading = true;
	} else if (strcmp(verb, "looked") == 0 || strcmp(verb, "blind") == 0) {
		r->look_why.text = verb[0] == 'b' ? (char *)"the test is blind" : NULL;
		r->n_looks++;
		server_on_event(server, CALL_LOOKED);
	} else if (strcmp(verb, "measured") == 0 && fake) {
		measure(fake);
		server_on_event(server, CALL_MEASURED);
	} else if (strcmp(verb, "loaded") == 0) {
		r->loading = false;
		server_on_event(server, CALL_LOADED);
	} else {
		CHECK(!"a known command");
	}
	puts("ok");
	fflush(stdout);
}

/* False: standard input has ended. */
static bool read_command(struct reconcile *r, struct server *server)
{
	char line[64] = "", verb[16] = "", name[IFNAMSIZ] = "";

	for (size_t i = 0; i + 1 < sizeof(line); i++) {
		if (read(STDIN_FILENO, &line[i], 1) != 1)
			return false;
		if (line[i] == '\n')
			break;
	}
	CHECK(sscanf(line, "%15s %15s", verb, name) >= 1);
	obey(r, server, verb, name);
	return true;
}

static void serve(struct reconcile *r, struct server *server)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
					{ .fd = server_fd(server), .events = POLLIN } };
		uint64_t wake_ms = server_turn(server, util_now_ms());

		CHECK(poll(fds, ARRAY_SIZE(fds), wake_ms < INT_MAX ? (int)wake_ms : -1) >= 0 ||
		      errno == EINTR);
		if (fds[1].revents)
			server_drain(server);
		if (fds[0].revents && !read_command(r, server))
			return;
	}
}

int main(int argc, char **argv)
{
	struct reconcile *r = calloc(1, sizeof(*r));
	struct server_options options = { .fd = -1 };
	struct server *server = NULL;
	int error;

	signal(SIGPIPE, SIG_IGN);
	CHECK(r && argc == 2);
	options.path = argv[1];
	fill(r);
	error = server_new(&options, r, &server);
	if (!error) {
		puts("ok");
		fflush(stdout);
		serve(r, server);
	}
	server_free(server);
	while (r->n)
		forget(r, &r->pairs[r->n - 1]);
	desired_unref(r->desired);
	free(r);
	return error ? 1 : 0;
}
