/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VHD inside the core: what vhd.c and the other vhd-*.c share.
 *
 *   vhd.c         open, lookups
 *   vhd-footer.c  the footer and its copy: read, judge, choose
 *   vhd-header.c  dynamic header, BAT: read, judge, claim space
 *   vhd-bitmap.c  sector bitmaps of blocks
 *   vhd-change.c  allocate, release, move, commit; the ordering essay
 *   vhd-end.c     the end of the file: where the footer is
 */
#ifndef VHDX_VHD_H
#define VHDX_VHD_H

#include "image-ops.h"
#include "vhd-format.h"

/* Bitmaps kept in memory hang on pages of this many pointers. */
#define VHD_BITMAPS_PER_PAGE 512

/**
 * struct vhd_image - an open VHD
 * @base: what image.c knows. @base.space maps the file up to the footer; the
 *	unit that holds the footer is the first one behind the map
 * @footer: as it is written whenever it is written
 * @footer_bytes: where the footer is, or where begin() will put it
 * @footer_at_end: it is there
 * @copy_good: the copy at the start of the file is as it should be
 * @readable_bytes: nothing is readable from here on: the file has been cut
 *	short. begin() mends that. Read by lookups
 * @block_shift: log2 of the block size
 * @bitmap_bytes: length of a block's sector bitmap
 * @header_bytes: where the dynamic header is
 * @bat_bytes: where the BAT is
 * @bat_len_bytes: its length in the file, whole sectors
 * @bat: its first @entries, then the rest of the last sector. Read by lookups
 * @entries: as many as the disk has blocks, or more: what is behind the disk
 *	belongs to it for readers that do not go by the geometry (vhd-footer.c).
 *	It keeps its space and is left alone, unless that is the disk's too
 * @bat_sectors: length of @bat in sectors
 * @bat_dirty: one bit for each of them: it waits for the next commit
 * @full: one bit a block: all its sectors have data. Read by lookups
 * @partial: bitmaps of blocks known not to be full. Read by lookups; they live
 *	until the block is released or the image closed
 * @ones: a bitmap that says full, if writable
 * @bat_buf: one sector of the BAT as it is written, if writable
 *
 * A fixed image has only the first five and block_shift.
 */
struct vhd_image {
	struct vhdx_image base;
	struct vhd_footer_disk footer;
	u64 footer_bytes;
	bool footer_at_end;
	bool copy_good;
	u64 readable_bytes;
	u32 block_shift;
	u32 bitmap_bytes;
	u64 header_bytes;
	u64 bat_bytes;
	u64 bat_len_bytes;
	u32 *bat;
	u64 entries;
	u32 bat_sectors;
	unsigned long *bat_dirty;
	unsigned long *full;
	u8 ***partial;
	u8 *ones;
	__be32 *bat_buf;
};

static inline struct vhd_image *vhd_image(struct vhdx_image *image)
{
	return container_of(image, struct vhd_image, base);
}

static inline const struct vhd_image *
vhd_image_const(const struct vhdx_image *image)
{
	return container_of(image, struct vhd_image, base);
}

/* A block owns its bitmap and its data, this much. */
static inline u64 vhd_block_space_bytes(const struct vhd_image *vhd)
{
	return (u64)vhd->base.geometry.block_bytes + vhd->bitmap_bytes;
}

static inline u32 vhd_entry(const struct vhd_image *vhd, u64 block)
{
	/* Pairs with vhd_entry_set(). */
	return smp_load_acquire(&vhd->bat[block]);
}

static inline u64 vhd_entry_offset_bytes(u32 entry)
{
	return (u64)entry << VHD_SECTOR_SHIFT;
}

static inline u64 vhd_unit_bytes(const struct vhd_image *vhd)
{
	return 1ULL << vhd->base.space.unit_shift;
}

/* One range of bytes touches another. Neither passes the end of u64. */
static inline bool vhd_overlap(u64 a, u64 a_len, u64 b, u64 b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* ---- opening ----------------------------------------------------------- */

enum vhd_footer_state {
	VHD_FOOTER_ABSENT,
	VHD_FOOTER_POISONED,
	VHD_FOOTER_BAD_CHECKSUM,
	VHD_FOOTER_GOOD,
};

struct vhd_footer_seen {
	struct vhd_footer_disk disk;
	enum vhd_footer_state state;
	u64 at_bytes;
	bool is_short;
};

/**
 * struct vhd_opening - an open under way
 * @vhd: what is being made
 * @container: from where
 * @options: how
 * @report: where findings go
 * @size_bytes: length of the file
 * @err: first fatal finding that a check has passed over
 * @end: the footer at the end
 * @copy: what is at the start of the file
 * @header: the dynamic header
 */
struct vhd_opening {
	struct vhd_image *vhd;
	struct vhdx_container *container;
	const struct vhdx_open_options *options;
	struct vhdx_report *report;
	u64 size_bytes;
	int err;
	struct vhd_footer_seen end;
	struct vhd_footer_seen copy;
	struct vhd_header_disk header;
};

int vhd_found(struct vhd_opening *o, enum vhdx_finding finding, u64 where,
	      u64 value);
int vhd_found_but_go_on(struct vhd_opening *o, enum vhdx_finding finding,
			u64 where, u64 value);

u32 vhd_checksum(const void *disk, size_t bytes, size_t field_bytes);
void vhd_footer_seal(struct vhd_footer_disk *footer);
bool vhd_creator_is(const struct vhd_footer_disk *footer, const char *name);
int vhd_footer_open(struct vhd_opening *o);

int vhd_header_open(struct vhd_opening *o);
int vhd_bat_open(struct vhd_opening *o);

/* ---- open -------------------------------------------------------------- */

/* vhd-bitmap.c */
u32 vhd_bitmap_run(const u8 *bitmap, u32 sector, u32 end, bool *set);
const u8 *vhd_bitmap_loaded(const struct vhd_image *vhd, u64 block);
bool vhd_block_is_full(const struct vhd_image *vhd, u64 block);
void vhd_block_set_full(struct vhd_image *vhd, u64 block);
void vhd_bitmap_forget(struct vhd_image *vhd, u64 block);
void vhd_bitmaps_destroy(struct vhd_image *vhd);
int vhd_load(struct vhdx_image *image, u64 block);
int vhd_bitmap_write_full(struct vhd_image *vhd, u64 offset_bytes);
int vhd_bitmap_fill(struct vhd_image *vhd, u64 block);

/* vhd-change.c */
int vhd_prepare_write(struct vhdx_image *image, u64 block);
int vhd_release(struct vhdx_image *image, u64 block, enum vhdx_release how);
int vhd_move(struct vhdx_image *image, u64 block, const struct vhdx_range *to);
int vhd_commit(struct vhdx_image *image);

/* vhd-end.c */
void vhd_claim_structures(struct vhd_image *vhd);
bool vhd_unit_has_structure(const struct vhd_image *vhd, u64 unit);
int vhd_begin(struct vhdx_image *image);
int vhd_grow(struct vhd_image *vhd);
int vhd_truncate(struct vhdx_image *image, u64 end_bytes);

#endif
