/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VHDX block allocation table in memory ([MS-VHDX] 2.5).
 */
#ifndef VHDX_BAT_H
#define VHDX_BAT_H

#include "log.h"
#include "overlay.h"
#include "vhdx-format.h"

/**
 * struct vhdx_bat - the table, in pages of 4 KiB as on disk
 * @offset_bytes: of the region in the file
 * @blocks: payload blocks
 * @ratio_shift: log2 of the chunk ratio: payload entries between two bitmap
 *	entries
 * @entries: payload and bitmap entries in use; what follows is padding
 * @pages: length of @page
 * @page: NULL where all 512 entries are zero, so that a table costs memory
 *	only where the disk has been used
 * @dirty: one bit a page: changed since it was last logged
 * @nr_dirty: how many are set
 * @scan: where the next search for dirty pages starts
 *
 * Lookups read without a lock while the one thread that makes changes writes:
 * entries are 64 bit and written at once, a new page is published complete.
 */
struct vhdx_bat {
	u64 offset_bytes;
	u64 blocks;
	u32 ratio_shift;
	u64 entries;
	u64 pages;
	__le64 **page;
	unsigned long *dirty;
	u64 nr_dirty;
	u64 scan;
};

int vhdx_bat_load(struct vhdx_bat *bat, struct vhdx_container *c,
		  const struct vhdx_overlay *overlay,
		  struct vhdx_report *report);
void vhdx_bat_destroy(struct vhdx_bat *bat);

u64 vhdx_bat_entry_count(u64 blocks, u32 ratio_shift);

/* Where the entry of a payload block stands, bitmap entries counted. */
static inline u64 vhdx_bat_index(const struct vhdx_bat *bat, u64 block)
{
	return block + (block >> bat->ratio_shift);
}

/* An entry by its index. */
static inline u64 vhdx_bat_get_index(const struct vhdx_bat *bat, u64 index)
{
	const __le64 *page;

	/* Pairs with the release in vhdx_bat_prepare_set(). */
	page = smp_load_acquire(&bat->page[index / VHDX_BAT_ENTRIES_PER_PAGE]);
	if (!page)
		return 0;
	return le64_to_cpu(READ_ONCE(page[index % VHDX_BAT_ENTRIES_PER_PAGE]));
}

/* The entry of a payload block. */
static inline u64 vhdx_bat_get(const struct vhdx_bat *bat, u64 block)
{
	return vhdx_bat_get_index(bat, vhdx_bat_index(bat, block));
}

static inline enum vhdx_block_state vhdx_entry_state(u64 entry)
{
	return entry & VHDX_BAT_STATE_MASK;
}

static inline u64 vhdx_entry_offset(u64 entry)
{
	return entry & VHDX_BAT_OFFSET_MASK;
}

static inline bool vhdx_entry_is_present(u64 entry)
{
	return vhdx_entry_state(entry) == VHDX_BLOCK_FULLY_PRESENT;
}

/* An absent block that still owns its former space. */
static inline bool vhdx_entry_is_anchored(u64 entry)
{
	return (vhdx_entry_state(entry) == VHDX_BLOCK_UNDEFINED ||
		vhdx_entry_state(entry) == VHDX_BLOCK_UNMAPPED) &&
	       vhdx_entry_offset(entry);
}

int vhdx_bat_prepare_set(struct vhdx_bat *bat, struct vhdx_container *c,
			 u64 block);
void vhdx_bat_set(struct vhdx_bat *bat, u64 block,
		  enum vhdx_block_state state, u64 offset_bytes);
unsigned int vhdx_bat_take_dirty(struct vhdx_bat *bat,
				 struct vhdx_log_page *pages,
				 unsigned int count);

#endif
