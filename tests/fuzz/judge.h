/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must hold whatever an input says. Each function ends the process, as a
 * fuzzer expects it, where it does not.
 */
#ifndef FUZZ_JUDGE_H
#define FUZZ_JUDGE_H

#include "image-ops.h"
#include "picture.h"

/* More blocks than this are not looked at one by one. */
#define JUDGE_BLOCKS 8192
#define JUDGE_VIRTUAL_BYTES (1ULL << 41)

enum how {
	FOR_READING,
	FOR_WRITING,
	FOR_CHECK,
};

/**
 * struct opened - what came of an open
 * @report: of the open
 * @host: on which it lies
 * @image: NULL if it was refused
 * @err: with which errno
 * @found: which findings there were
 */
struct opened {
	struct vhdx_report report;
	struct host *host;
	struct vhdx_image *image;
	int err;
	bool found[VHDX_F_COUNT];
};

__attribute__((format(printf, 1, 2), noreturn))
void judge_die(const char *format, ...);

/* Open it; the outcome is consistent and nothing has been written. */
bool judge_open(struct opened *opened, struct host *host,
		const struct picture *picture, enum how how, bool keep_going);
/* The same where it has to open. */
void judge_reopen(struct opened *opened, struct host *host,
		  const struct picture *picture, enum how how,
		  const char *when);
void judge_close(struct opened *opened);

/* Small enough for judge_view(). */
bool judge_can_view(const struct vhdx_image *image);
/*
 * Every answer about where data is makes sense: inside the file, inside the
 * block's space. @view (may be NULL) becomes what a guest sees: the bytes that
 * are not zero. False if the host did not let us.
 */
bool judge_view(const struct opened *opened, struct store *view);
void judge_same_view(const struct opened *opened, const struct store *a,
		     const struct store *b, const char *when);
/* No block shares space with another, a structure, or what is past the end. */
void judge_space(const struct opened *opened);

#endif
