/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compaction as a list of small steps. compact.c decides the next one, its
 * driver (the module's compactor, the tool, the simulator) carries it out,
 * because only the driver knows how to hold a block against live I/O. The
 * image is sound after every step, and any step may be the last.
 */
#ifndef VHDX_COMPACT_H
#define VHDX_COMPACT_H

#include "image.h"

/* The numbers of Msvm_ImageManagementService.CompactVirtualHardDisk. */
enum vhdx_compact_mode {
	VHDX_COMPACT_FULL = 0,
	VHDX_COMPACT_QUICK = 1,
	VHDX_COMPACT_RETRIM = 2,
	VHDX_COMPACT_PRETRIMMED = 3,
	VHDX_COMPACT_PREZEROED = 4,
};

enum vhdx_compact_step_kind {
	/* Hold .block exclusively; vhdx_compact_probe(). */
	VHDX_STEP_PROBE,
	/* The same; vhdx_compact_reserve(), copy, vhdx_compact_switch(). */
	VHDX_STEP_MOVE,
	/* vhdx_compact_tidy(): no block needs to be held. */
	VHDX_STEP_TIDY,
	/* vhdx_image_commit(), then punch what waits (vhdx_image_next_punch()). */
	VHDX_STEP_COMMIT,
	/* vhdx_image_truncate() */
	VHDX_STEP_TRUNCATE,
	VHDX_STEP_DONE,
};

struct vhdx_compact_step {
	enum vhdx_compact_step_kind kind;
	u64 block;
};

/**
 * struct vhdx_compact_counts - what a compaction did so far
 */
struct vhdx_compact_counts {
	u64 blocks_probed;
	u64 blocks_released;
	u64 blocks_moved;
	u64 bytes_moved;
	u64 entries_tidied;
	u64 length_before;
	u64 length_now;
	u32 percent;
};

struct vhdx_compact_place {
	u64 offset_bytes;
	u64 block;
};

/**
 * struct vhdx_compact - one compaction under way
 * @no_move: release and tidy only
 * @counts: for status
 *
 * The rest is the plan's own.
 */
struct vhdx_compact {
	struct vhdx_image *image;
	bool no_move;
	struct vhdx_compact_counts counts;
	int phase;
	u64 next;
	u32 since_commit;
	u32 passes;
	u64 moved_this_pass;
	struct vhdx_compact_place *places;
	u64 nr_places;
};

int vhdx_compact_start(struct vhdx_compact *compact, struct vhdx_image *image,
		       enum vhdx_compact_mode mode, bool no_move);
int vhdx_compact_next(struct vhdx_compact *compact,
		      struct vhdx_compact_step *step);
void vhdx_compact_end(struct vhdx_compact *compact);

/* The steps' parts; MOVE is reserve, copy, switch. */
int vhdx_compact_probe(struct vhdx_compact *compact, u64 block);
int vhdx_compact_tidy(struct vhdx_compact *compact, u64 block);
int vhdx_compact_reserve(struct vhdx_compact *compact, u64 block,
			 struct vhdx_range *from, struct vhdx_range *to);
int vhdx_compact_switch(struct vhdx_compact *compact, u64 block,
			const struct vhdx_range *to, int copied);
/* Carry out any step; all there is to do where no other I/O is going on. */
int vhdx_compact_do(struct vhdx_compact *compact,
		    const struct vhdx_compact_step *step, void *buf,
		    size_t buf_bytes);

#endif
