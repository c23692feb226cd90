/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs of vhdxsetup share. */
#ifndef VHDXSETUP_H
#define VHDXSETUP_H

#include <json-c/json.h>

#include "lib/cleanup.h"
#include "lib/error.h"
#include "lib/image-file.h"
#include "tool/options.h"

/**
 * struct invocation - one command line, parsed
 * @verb: its name
 * @value: of each option; NULL if it was not given, "" if it takes none
 * @argument: the rest
 * @arguments: how many
 */
struct invocation {
	const char *verb;
	const char *value[OPTION_COUNT];
	char **argument;
	int arguments;
};

/* One function a verb; each returns the exit code. */
int verb_check(const struct invocation *run);
int verb_close(const struct invocation *run);
int verb_compact(const struct invocation *run);
int verb_create(const struct invocation *run);
int verb_dump(const struct invocation *run);
int verb_list(const struct invocation *run);
int verb_map(const struct invocation *run);
int verb_open(const struct invocation *run);
int verb_read(const struct invocation *run);
int verb_status(const struct invocation *run);

static inline bool given(const struct invocation *run, enum option_id option)
{
	return run->value[option];
}

/* ---- out.c -------------------------------------------------------------- */

/* One line to standard error, whatever the message holds. */
__attribute__((format(printf, 1, 2)))
void complain(const char *format, ...);
/* Print the error and return its exit code. */
int fail(const struct vhdx_error *error);
/* A wrong command line: print it and return its exit code. */
__attribute__((format(printf, 1, 2)))
int usage_error(const char *format, ...);

/*
 * The value of an option as a size (1024: K, KiB; 1000: KB) or a number.
 * Without the option *number keeps its value. @error is set with -EINVAL.
 */
int option_size(const struct invocation *run, enum option_id option,
		u64 *number, struct vhdx_error *error);
int option_number(const struct invocation *run, enum option_id option,
		  u64 *number, struct vhdx_error *error);

/* "1.5 GiB (1610612736 bytes)" */
#define SIZE_TEXT_BYTES 64
const char *size_text(u64 bytes, char text[SIZE_TEXT_BYTES]);

/* A JSON document to be: already holds "schema". */
struct json_object *json_document(void);
void json_set_text(struct json_object *object, const char *key,
		   const char *text);
void json_set_number(struct json_object *object, const char *key, u64 number);
void json_set_flag(struct json_object *object, const char *key, bool flag);
/* A 64-bit counter, as text: it may not fit the numbers of a reader. */
void json_set_counter(struct json_object *object, const char *key, u64 number);
/* Print the document and give it back. */
void json_finish(struct json_object *object);
/*
 * As --json wants it, or the same for people: a line a value, keys that end in
 * _bytes as sizes, objects indented, without the schema. Gives it back.
 */
void print_document(const struct invocation *run, struct json_object *object);

const char *format_name(enum vhdx_format format);
const char *type_name(enum vhdx_type type);

/* ---- progress.c --------------------------------------------------------- */

/**
 * struct progress - how to tell about long work
 * @what: path or name that is worked on
 * @json: one object a line
 * @terminal: one line, rewritten
 * @every_seconds: how often; 0 for never
 */
struct progress {
	const char *what;
	bool json;
	bool terminal;
	double every_seconds;
	double started;
	double last;
	bool shown;
};

int progress_start(struct progress *progress, const struct invocation *run,
		   const char *what, struct vhdx_error *error);
void progress_show(void *progress, const char *doing, u32 percent);
void progress_end(struct progress *progress);
/* From here on SIGINT and SIGTERM only ask to stop. */
void stop_on_signals(void);
bool stop_wanted(void *unused);

#endif
