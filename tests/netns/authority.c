/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An authority in the place of polkit's, on the bus that DBUS_SYSTEM_BUS_ADDRESS names. Prints each
 * CheckAuthorization as a line of words, and "gone" when a connection that asked closes before it was
 * answered. What it answers is a line of standard input: yes, no, challenge, error or silence.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static char answer[32] = "no";

static int on_gone(sd_bus_track *track, void *ctx)
{
	puts("gone");
	sd_bus_track_unref(track);
	return 0;
}

/* The process that a pidfd is of, by what the kernel says of the descriptor. */
static long process_of(int pidfd)
{
	char path[64], line[256];
	long pid = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Pid: %ld", &pid);
	if (file)
		fclose(file);
	return pid;
}

static int print_subject(sd_bus_message *m)
{
	const char *sort, *key;
	int r = sd_bus_message_enter_container(m, 'r', "sa{sv}");

	if (r >= 0)
		r = sd_bus_message_read(m, "s", &sort);
	printf("%s", sort);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		uint64_t start;
		uint32_t pid;
		int32_t number;

		sd_bus_message_read(m, "s", &key);
		if (strcmp(key, "pid") == 0 && sd_bus_message_read(m, "v", "u", &pid) >= 0)
			printf(" pid=%u", pid);
		else if (strcmp(key, "start-time") == 0 && sd_bus_message_read(m, "v", "t", &start) >= 0)
			printf(" start-time=%llu", (unsigned long long)start);
		else if (strcmp(key, "uid") == 0 && sd_bus_message_read(m, "v", "i", &number) >= 0)
			printf(" uid=%d", number);
		else if (strcmp(key, "pidfd") == 0 && sd_bus_message_read(m, "v", "h", &number) >= 0)
			printf(" pidfd=%ld", process_of(number));
		r = sd_bus_message_exit_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int print_rest(sd_bus_message *m)
{
	const char *action, *key, *value, *cancellation;
	uint32_t flags;
	int r = sd_bus_message_read(m, "s", &action);

	printf(" action=%s", action);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "{ss}");
	while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
		printf(" %s=%s", key, value);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r >= 0)
		r = sd_bus_message_read(m, "us", &flags, &cancellation);
	printf(" flags=%u\n", flags);
	return r;
}

static int check(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	int r = print_subject(m);

	if (r >= 0)
		r = print_rest(m);
	if (r < 0)
		return r;
	if (strcmp(answer, "silence") == 0) {
		sd_bus_track *track = NULL;

		r = sd_bus_track_new(sd_bus_message_get_bus(m), &track, on_gone, NULL);
		return r < 0 ? r : sd_bus_track_add_sender(track, m);
	}
	if (strcmp(answer, "error") == 0)
		return sd_bus_reply_method_errorf(m, "org.freedesktop.PolicyKit1.Error.Failed", "no");
	/* polkit says more than asked for: what it will remember, and for how long. */
	return sd_bus_reply_method_return(m, "(bba{ss})", strcmp(answer, "yes") == 0,
					  strcmp(answer, "challenge") == 0, 1,
					  "polkit.retains_authorization_after_challenge", "1");
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", check,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int on_input(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	char line[32];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	if (n <= 0)
		return sd_event_exit(sd_event_source_get_event(source), 0);
	line[n] = 0;
	sscanf(line, "%31s", answer);
	printf("answer=%s\n", answer);
	return 0;
}

int main(void)
{
	sd_event *event = NULL;
	sd_bus *bus = NULL;
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	r = sd_event_new(&event);
	if (r >= 0)
		r = sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
					     "org.freedesktop.PolicyKit1.Authority", vtable, NULL);
	if (r >= 0)
		r = sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0);
	if (r >= 0)
		r = sd_bus_attach_event(bus, event, 0);
	if (r >= 0)
		r = sd_event_add_io(event, NULL, STDIN_FILENO, 1, on_input, NULL);
	if (r >= 0) {
		puts("here");
		r = sd_event_loop(event);
	}
	if (r < 0)
		fprintf(stderr, "authority: %s\n", strerror(-r));
	sd_bus_flush_close_unref(bus);
	sd_event_unref(event);
	return r < 0;
}
