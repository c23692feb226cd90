// SPDX-License-Identifier: GPL-2.0-only
/* Telling about long work, and being asked to end it. */
#include <signal.h>
#include <time.h>

#include "tool/vhdxsetup.h"

#define TERMINAL_SECONDS 0.2
#define JSON_SECONDS 0.5

/* Only ever set, by one store: the handler needs no more. */
static sig_atomic_t stopping;

static void ask_to_stop(int signal_number)
{
	(void)signal_number;
	WRITE_ONCE(stopping, 1);
}

void stop_on_signals(void)
{
	struct sigaction action = { .sa_handler = ask_to_stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool stop_wanted(void *unused)
{
	(void)unused;
	return READ_ONCE(stopping);
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int progress_start(struct progress *progress, const struct invocation *run,
		   const char *what, struct vhdx_error *error)
{
	u64 seconds = 0;

	if (option_number(run, OPTION_PROGRESS_FREQUENCY, &seconds, error))
		return -EINVAL;
	*progress = (struct progress) {
		.what = what,
		.json = given(run, OPTION_PROGRESS_JSON),
		.every_seconds = seconds,
		.started = now_seconds(),
	};
	if (!seconds && progress->json)
		progress->every_seconds = JSON_SECONDS;
	if (!seconds && !progress->json && isatty(STDERR_FILENO)) {
		progress->terminal = true;
		progress->every_seconds = TERMINAL_SECONDS;
	}
	return 0;
}

static void show_json(const struct progress *progress, const char *doing,
		      u32 percent, double elapsed)
{
	const int style = JSON_C_TO_STRING_PLAIN |
			  JSON_C_TO_STRING_NOSLASHESCAPE;
	struct json_object *object = json_document();
	char milliseconds[32];

	json_set_text(object, "device", progress->what);
	json_set_text(object, "step", doing);
	json_set_number(object, "percent", percent);
	snprintf(milliseconds, sizeof(milliseconds), "%.0f", elapsed * 1000);
	json_set_text(object, "time_ms", milliseconds);
	fprintf(stderr, "%s\n", json_object_to_json_string_ext(object, style));
	json_object_put(object);
}

void progress_show(void *data, const char *doing, u32 percent)
{
	struct progress *progress = data;
	double now = now_seconds();

	if (!progress->every_seconds ||
	    now - progress->last < progress->every_seconds)
		return;
	progress->last = now;
	progress->shown = true;
	if (progress->json)
		show_json(progress, doing, percent, now - progress->started);
	else
		fprintf(stderr, "%s%s: %s, %u %%%s",
			progress->terminal ? "\r\033[K" : "", progress->what,
			doing, percent, progress->terminal ? "" : "\n");
}

void progress_end(struct progress *progress)
{
	if (progress->terminal && progress->shown)
		fputs("\r\033[K", stderr);
}
