// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns each unit of the file, and when freed space may be used again.
 *
 * A unit is in one of these states:
 *
 *   free        nobody owns it; its contents are unknown
 *   owned       a block or a structure of the image lives there
 *   pending     released, but the release is not durable: after a power cut
 *               the old owner may be back, so nobody may touch it (R7)
 *   punchable   released and durable, waits for its hole
 *   punching    handed out to whoever punches
 *
 *          alloc                 release            committed
 *   free --------> owned -----------------> pending ---------> punchable
 *    ^  <--------         (never published)                        |
 *    |   unalloc                                                   | next_punch
 *    +-------------------------------------------------- punching <+
 *                          punched
 *
 * Only "free" is open to alloc(); one bit a unit says free or not, and the two
 * queues say which of the busy ones are on their way back. Nothing here is on
 * the disk: the map is rebuilt from the BAT at open, so space that was pending
 * or punchable when the power went is simply free again, with its old contents.
 *
 * That is why free space inside the file is never trusted to be zero, even
 * though it has mostly been punched: whoever allocates it zeroes it (a punch,
 * cheap on a hole) and the zeros are durable before the entry that publishes
 * it, because every commit begins with a flush (R2). Space that the file has
 * just been extended by reads as zeros by the container's promise.
 *
 * Allocation takes the lowest free run. Low space first keeps the end of the
 * file free, which is what truncation wants, and makes compaction's choice the
 * same as everybody's. @hint bounds the search from below.
 */
#include "space.h"

#define VHDX_SPANS_FIRST_ROOM 64
/* The kernel's bitmap_clear() counts in int. */
#define VHDX_SPAN_MAX_UNITS (1ULL << 30)

static void vhdx_spans_destroy(struct vhdx_spans *spans)
{
	vhdx_free(spans->span);
	memset(spans, 0, sizeof(*spans));
}

/* Room for one more at the end, or -ENOMEM and nothing changed. */
static int vhdx_spans_reserve(struct vhdx_spans *spans, size_t extra)
{
	size_t need = spans->count + extra;
	size_t room = max_t(size_t, spans->room, VHDX_SPANS_FIRST_ROOM);
	struct vhdx_span *span;

	if (spans->first + need <= spans->room)
		return 0;
	while (room < need * 2)
		room *= 2;
	span = vhdx_alloc(room * sizeof(*span));
	if (!span)
		return -ENOMEM;
	if (spans->count)
		memcpy(span, spans->span + spans->first,
		       spans->count * sizeof(*span));
	vhdx_free(spans->span);
	spans->span = span;
	spans->first = 0;
	spans->room = room;
	return 0;
}

/* One behind or in front of the other becomes one, if not too long. */
static bool vhdx_span_join(struct vhdx_span *span, u64 unit, u64 units)
{
	if (span->units + units > VHDX_SPAN_MAX_UNITS)
		return false;
	if (unit + units == span->unit)
		span->unit = unit;
	else if (span->unit + span->units != unit)
		return false;
	span->units += units;
	return true;
}

/* Append, or lengthen the last one. Room has been reserved. */
static void vhdx_spans_push(struct vhdx_spans *spans, u64 unit, u64 units)
{
	struct vhdx_span *last;

	if (spans->count &&
	    vhdx_span_join(&spans->span[spans->first + spans->count - 1],
			   unit, units))
		return;
	last = &spans->span[spans->first + spans->count++];
	last->unit = unit;
	last->units = units;
}

static bool vhdx_spans_pop(struct vhdx_spans *spans, struct vhdx_span *span)
{
	if (!spans->count)
		return false;
	*span = spans->span[spans->first++];
	if (!--spans->count)
		spans->first = 0;
	return true;
}

/**
 * vhdx_space_init() - an empty map of a file
 * @space: the map
 * @unit_shift: log2 of the unit in bytes
 * @file_bytes: length of the file
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_space_init(struct vhdx_space *space, u32 unit_shift, u64 file_bytes)
{
	memset(space, 0, sizeof(*space));
	space->unit_shift = unit_shift;
	return vhdx_space_resize(space, file_bytes);
}

void vhdx_space_destroy(struct vhdx_space *space)
{
	vhdx_free(space->busy);
	vhdx_spans_destroy(&space->pending);
	vhdx_spans_destroy(&space->punchable);
	memset(space, 0, sizeof(*space));
}

static int vhdx_space_make_room(struct vhdx_space *space, u64 units)
{
	u64 room = max_t(u64, space->room, 1024);
	unsigned long *busy;

	if (units <= space->room)
		return 0;
	while (room < units)
		room *= 2;
	busy = vhdx_alloc(BITS_TO_LONGS(room) * sizeof(long));
	if (!busy)
		return -ENOMEM;
	if (space->busy)
		memcpy(busy, space->busy,
		       BITS_TO_LONGS(space->units) * sizeof(long));
	vhdx_free(space->busy);
	space->busy = busy;
	space->room = room;
	return 0;
}

/* By runs and not by bits: a hostile file may claim the same ones many times. */
static u64 vhdx_space_count_busy(const struct vhdx_space *space, u64 unit,
				 u64 end)
{
	u64 count = 0, next;

	for (;;) {
		unit = find_next_bit(space->busy, end, unit);
		if (unit >= end)
			return count;
		next = find_next_zero_bit(space->busy, end, unit);
		count += next - unit;
		unit = next;
	}
}

static void vhdx_space_set_busy(struct vhdx_space *space, u64 unit, u64 units)
{
	space->busy_units += units - vhdx_space_count_busy(space, unit,
							   unit + units);
	bitmap_set(space->busy, unit, units);
}

static void vhdx_space_set_free(struct vhdx_space *space, u64 unit, u64 units)
{
	u64 end = min(unit + units, space->units);
	u64 i;

	if (unit >= end)
		return;
	space->hint = min(space->hint, unit);
	if (find_next_zero_bit(space->busy, end, unit) >= end) {
		bitmap_clear(space->busy, unit, end - unit);
		space->busy_units -= end - unit;
		return;
	}
	/* Mostly none: the end that a file has lost was free. */
	for (i = find_next_bit(space->busy, end, unit); i < end;
	     i = find_next_bit(space->busy, end, i + 1)) {
		__clear_bit(i, space->busy);
		space->busy_units--;
	}
}

/**
 * vhdx_space_resize() - follow a change of the file's length
 * @space: the map
 * @file_bytes: the new length; a unit that it cuts is not in the map
 *
 * When the file has shrunk, the units cut off were free.
 *
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int vhdx_space_resize(struct vhdx_space *space, u64 file_bytes)
{
	u64 units = file_bytes >> space->unit_shift;
	int err = vhdx_space_make_room(space, units);

	if (err)
		return err;
	if (units < space->units)
		vhdx_space_set_free(space, units, space->units - units);
	space->units = units;
	space->hint = min(space->hint, units);
	return 0;
}

/* The units that a range touches; -ERANGE if one of them is past the end. */
static int vhdx_space_touched(const struct vhdx_space *space, u64 offset_bytes,
			      u64 len_bytes, u64 *first, u64 *end)
{
	u64 mask = (1ULL << space->unit_shift) - 1;

	if (check_add_overflow(offset_bytes, len_bytes, end) ||
	    check_add_overflow(*end, mask, end))
		return -ERANGE;
	*first = offset_bytes >> space->unit_shift;
	*end >>= space->unit_shift;
	return *end > space->units ? -ERANGE : 0;
}

/**
 * vhdx_space_is_free() - does nobody live here
 * @space: the map
 * @offset_bytes: first byte
 * @len_bytes: how many; units touched in part count too
 *
 * Return: true if all of it is in the map and free.
 */
bool vhdx_space_is_free(const struct vhdx_space *space, u64 offset_bytes,
			u64 len_bytes)
{
	u64 first, end;

	return !vhdx_space_touched(space, offset_bytes, len_bytes, &first,
				   &end) &&
	       find_next_bit(space->busy, end, first) >= end;
}

/**
 * vhdx_space_claim() - somebody lives here
 * @space: the map
 * @offset_bytes: first byte
 * @len_bytes: how many; units touched in part are claimed whole
 *
 * Return: 0; -ERANGE past the end of the map, nothing claimed; -EEXIST when a
 * unit was claimed before, all are claimed now.
 */
int vhdx_space_claim(struct vhdx_space *space, u64 offset_bytes, u64 len_bytes)
{
	u64 before = space->busy_units;
	u64 first, end;
	int err;

	err = vhdx_space_touched(space, offset_bytes, len_bytes, &first, &end);
	if (err)
		return err;
	vhdx_space_set_busy(space, first, end - first);
	return space->busy_units - before == end - first ? 0 : -EEXIST;
}

/**
 * vhdx_space_alloc() - take the lowest free run
 * @space: the map
 * @units: how long
 * @below: the run ends at or below this unit
 * @unit: its first unit, on success
 *
 * The contents of the run are unknown: see the essay.
 *
 * Return: 0 or -ENOSPC.
 */
int vhdx_space_alloc(struct vhdx_space *space, u64 units, u64 below, u64 *unit)
{
	u64 limit = min(below, space->units);
	u64 start, end;

	/* A fixed VHD has an empty map and takes nothing from it. */
	if (!units || space->units - space->busy_units < units)
		return -ENOSPC;
	start = find_next_zero_bit(space->busy, space->units, space->hint);
	space->hint = start;
	while (start + units <= limit) {
		end = find_next_bit(space->busy, start + units, start);
		if (end >= start + units) {
			vhdx_space_set_busy(space, start, units);
			*unit = start;
			return 0;
		}
		start = find_next_zero_bit(space->busy, space->units, end);
	}
	return -ENOSPC;
}

/**
 * vhdx_space_unalloc() - give back what was allocated but never published
 * @space: the map
 * @unit: as vhdx_space_alloc() said
 * @units: as asked for
 */
void vhdx_space_unalloc(struct vhdx_space *space, u64 unit, u64 units)
{
	vhdx_space_set_free(space, unit, units);
}

/**
 * vhdx_space_release() - an owner gives up its space
 * @space: the map
 * @offset_bytes: first byte
 * @len_bytes: how many; a unit covered only in part stays busy, as a
 *	neighbour may live in the rest of it
 *
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int vhdx_space_release(struct vhdx_space *space, u64 offset_bytes,
		       u64 len_bytes)
{
	u64 mask = (1ULL << space->unit_shift) - 1;
	u64 first = (offset_bytes + mask) >> space->unit_shift;
	u64 end = (offset_bytes + len_bytes) >> space->unit_shift;
	int err;

	if (end <= first)
		return 0;
	err = vhdx_spans_reserve(&space->pending, 1);
	if (!err)
		/* So that vhdx_space_committed() cannot fail. */
		err = vhdx_spans_reserve(&space->punchable,
					 space->pending.count + 1);
	if (err)
		return err;
	vhdx_spans_push(&space->pending, first, end - first);
	space->pending_units += end - first;
	return 0;
}

/**
 * vhdx_space_committed() - everything released so far is durable
 * @space: the map
 */
void vhdx_space_committed(struct vhdx_space *space)
{
	struct vhdx_span span;

	while (vhdx_spans_pop(&space->pending, &span))
		vhdx_spans_push(&space->punchable, span.unit, span.units);
	space->punching_units += space->pending_units;
	space->pending_units = 0;
}

/**
 * vhdx_space_next_punch() - hand out a run to be punched
 * @space: the map
 * @span: the run; it belongs to the caller until vhdx_space_punched()
 *
 * Return: false when there is none.
 */
bool vhdx_space_next_punch(struct vhdx_space *space, struct vhdx_span *span)
{
	return vhdx_spans_pop(&space->punchable, span);
}

/**
 * vhdx_space_punched() - a run handed out is free now
 * @space: the map
 * @span: the run
 */
void vhdx_space_punched(struct vhdx_space *space, const struct vhdx_span *span)
{
	vhdx_space_set_free(space, span->unit, span->units);
	space->punching_units -= span->units;
}

/**
 * vhdx_space_tail() - where the free end of the file begins
 * @space: the map
 *
 * Return: a unit; all from there on are free.
 */
u64 vhdx_space_tail(const struct vhdx_space *space)
{
	u64 floor = min(space->floor, space->units);
	u64 last = find_last_bit(space->busy, space->units);

	return last < space->units ? max(last + 1, floor) : floor;
}
