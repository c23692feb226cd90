/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who owns each unit of the file, and when freed space may be used again.
 * The unit is 1 MiB for VHDX, 4096 or 512 bytes for VHD. The essay is in
 * space.c.
 */
#ifndef VHDX_SPACE_H
#define VHDX_SPACE_H

#include "platform.h"

struct vhdx_range;

/**
 * struct vhdx_span - a run of units
 */
struct vhdx_span {
	u64 unit;
	u64 units;
};

/* A first-in first-out list of spans; grows by itself. */
struct vhdx_spans {
	struct vhdx_span *span;
	size_t first;
	size_t count;
	size_t room;
};

/**
 * struct vhdx_space - the map
 * @unit_shift: log2 of a unit in bytes
 * @units: units in the map: the file's length, rounded down
 * @room: units the bitmap has room for
 * @busy: one bit a unit: not to be allocated
 * @busy_units: how many are set below @units
 * @hint: no free unit below this one
 * @floor: the free end of the file does not begin below this unit, even if all
 *	behind it is free
 * @pending: released, the release is not durable yet
 * @punchable: released and durable, to be punched; still busy
 * @punching_units: handed out for punching
 */
struct vhdx_space {
	u32 unit_shift;
	u64 units;
	u64 room;
	unsigned long *busy;
	u64 busy_units;
	u64 hint;
	u64 floor;
	struct vhdx_spans pending;
	struct vhdx_spans punchable;
	u64 pending_units;
	u64 punching_units;
};

int vhdx_space_init(struct vhdx_space *space, u32 unit_shift, u64 file_bytes);
void vhdx_space_destroy(struct vhdx_space *space);

/* The file has now this length; what is new is free. -ENOMEM changes nothing. */
int vhdx_space_resize(struct vhdx_space *space, u64 file_bytes);

/*
 * Every unit that the range touches becomes busy. -EEXIST: one was already
 * (the others are busy now all the same); -ERANGE: past the end.
 */
int vhdx_space_claim(struct vhdx_space *space, u64 offset_bytes,
		     u64 len_bytes);

/* All units that the range touches are in the map and free. */
bool vhdx_space_is_free(const struct vhdx_space *space, u64 offset_bytes,
			u64 len_bytes);

/* Lowest free run of @units that ends at or below @below, now busy; -ENOSPC. */
int vhdx_space_alloc(struct vhdx_space *space, u64 units, u64 below,
		     u64 *unit);
/* Undo an alloc() that was never published. */
void vhdx_space_unalloc(struct vhdx_space *space, u64 unit, u64 units);

/*
 * Owned space is given up: pending until vhdx_space_committed(). -ENOMEM
 * changes nothing. Units that the range covers only in part stay busy.
 */
int vhdx_space_release(struct vhdx_space *space, u64 offset_bytes,
		       u64 len_bytes);
/* All that was pending is durable: it becomes punchable. */
void vhdx_space_committed(struct vhdx_space *space);
bool vhdx_space_next_punch(struct vhdx_space *space, struct vhdx_span *span);
void vhdx_space_punched(struct vhdx_space *space, const struct vhdx_span *span);

/* First unit of the free run that ends the map; @units if the last is busy. */
u64 vhdx_space_tail(const struct vhdx_space *space);

static inline u64 vhdx_space_free_bytes(const struct vhdx_space *space)
{
	return (space->units - space->busy_units) << space->unit_shift;
}

#endif
