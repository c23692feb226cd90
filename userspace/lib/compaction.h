/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compacting an image wherever it is: mapped, by messages to the module while
 * the device stays in use; not mapped, by the same core in this process.
 */
#ifndef VHDX_LIB_COMPACTION_H
#define VHDX_LIB_COMPACTION_H

#include <time.h>

#include "core/compact.h"
#include "lib/filesystems.h"

/**
 * struct vhdx_file_usage - what an image costs its host
 */
struct vhdx_file_usage {
	u64 length_bytes;
	u64 allocated_bytes;
};

/**
 * struct vhdx_compaction - one compaction
 * @mode: what is asked for
 * @timeout_seconds: stop at the next safe step after so long; 0: never
 * @stop: asked at each safe step, true ends it; may be NULL
 * @progress: told at each step what is going on and how far; may be NULL
 * @data: for @stop and @progress
 * @mode_used: result: what was really done
 * @mapping: result: name of the mapping that it went through, or empty
 * @before: result: before the first change
 * @after: result: at the end, also after an error
 * @counts: result: what was done
 * @filesystems: result: whom it asked; for vhdx_filesystems_free()
 */
struct vhdx_compaction {
	enum vhdx_compact_mode mode;
	u32 timeout_seconds;
	bool (*stop)(void *data);
	void (*progress)(void *data, const char *what, u32 percent);
	void *data;

	enum vhdx_compact_mode mode_used;
	char mapping[VHDX_DM_NAME_BYTES];
	struct vhdx_file_usage before;
	struct vhdx_file_usage after;
	struct vhdx_compact_counts counts;
	struct vhdx_filesystems filesystems;

	/* private */
	struct timespec deadline;
};

/**
 * vhdx_compaction_run() - compact
 * @compaction: zero but for the wishes
 * @target: path of an image, or name or device of a mapping
 * @error: what went wrong. EINTR: stopped by @stop; ETIMEDOUT: by the timeout
 *
 * The image is sound however this ends. What it reports as done is durable.
 */
int vhdx_compaction_run(struct vhdx_compaction *compaction, const char *target,
			struct vhdx_error *error);

/* Of a mapping only; the device stays in use. Needs root. */
int vhdx_compaction_run_mapped(struct vhdx_compaction *compaction,
			       const char *name, struct vhdx_error *error);

/* At a safe step: -EINTR or -ETIMEDOUT if that is to be the last. */
int vhdx_compaction_may_go_on(const struct vhdx_compaction *compaction,
			      struct vhdx_error *error);
int vhdx_file_usage_read(int fd, struct vhdx_file_usage *usage);

const char *vhdx_compact_mode_name(enum vhdx_compact_mode mode);
/* -EINVAL: there is no such mode */
int vhdx_compact_mode_parse(const char *text, enum vhdx_compact_mode *mode);

#endif
