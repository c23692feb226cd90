// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes to a dynamic VHD, and their order.
 *
 * There is no log. What makes a change is one sector of the BAT: 512 aligned
 * bytes, which a disk writes whole or not at all. So the rule is that all that
 * an entry relies on is durable before its sector is written, and that nothing
 * which the old entry relied on is touched until the sector is durable:
 *
 *   allocate  1 the file grows (vhd-end.c: footer at its new end, flush)
 *             2 the slot reads as zeros, the bitmap says full
 *             3 flush          } commit: for all changes since the last one;
 *             4 BAT sectors    } data the guest wrote meanwhile rides along
 *             5 flush          }
 *   release   the entry is dropped in memory, the space pends; 3-5; then the
 *             space may be punched and used again (R7)
 *   move      copy, flush (the caller, R8); new entry, the old space pends;
 *             3-5; then as above
 *   fill      of a block whose bitmap is not full (vhd-bitmap.c): zeros under
 *             the clear bits, flush, all bits, flush
 *   shorten   vhd-end.c
 *
 * A block is born zeroed and full, so writing to it is writing data, nothing
 * else, whichever way a reader treats bitmaps. One commit may hold changes of
 * every kind: each entry stands for itself, none relies on another.
 *
 * When the power goes ...          the image shows                    is left
 *
 *   in 1, file longer, no footer   as before; footer by its copy      a
 *   in 1, footer written           as before                          b
 *   in 2, before 4                 as before                          b
 *   in 4, some sectors written     some of the blocks, each zeros     b
 *                                  or what was written to it
 *   after 5                        all of them
 *   release, before 4 has landed   the old block, untouched
 *   move, before 4 has landed      the old place, untouched           b
 *   move, after 4                  the new place, the same bytes      b
 *   in fill                        the same bytes, zeros either way
 *   a bitmap torn at 512 bytes     the same bytes, see fill
 *   shorten, before the end is cut as before, two footers             b
 *   shorten, after                 as before
 *
 *   a: the next session writes the footer (vhd_begin())
 *   b: space that nobody owns: the next open finds it free, as it builds the
 *      map from the BAT. Its contents are not trusted: see 2
 *
 * Promised: a write, discard or zeroing is durable when the next commit (or,
 * if the image is not dirty, the next flush) returns. Without it a new block
 * holds zeros or the data written, a released one its old data or zeros. No
 * block ever shows what another one held.
 */
#include "vhd.h"

static void vhd_entry_set(struct vhd_image *vhd, u64 block, u32 entry)
{
	/* Pairs with vhd_entry(): what is known of the block comes first. */
	smp_store_release(&vhd->bat[block], entry);
	__set_bit(block / VHD_ENTRIES_PER_SECTOR, vhd->bat_dirty);
	WRITE_ONCE(vhd->base.dirty, true);
}

static int vhd_space_alloc(struct vhd_image *vhd, u64 *unit)
{
	struct vhdx_space *space = &vhd->base.space;
	u64 units = vhd->base.slot_units;
	int err = vhdx_space_alloc(space, units, space->units, unit);

	if (err != -ENOSPC)
		return err;
	err = vhd_grow(vhd);
	if (err)
		return err;
	return vhdx_space_alloc(space, units, space->units, unit);
}

/*
 * The block's space, with the slack in front of its bitmap unless that is not
 * only the block's own.
 */
static int vhd_space_release(struct vhd_image *vhd, u32 entry)
{
	struct vhdx_space *space = &vhd->base.space;
	u64 start = vhd_entry_offset_bytes(entry);
	u64 end = start + vhd_block_space_bytes(vhd);

	if (!vhd_unit_has_structure(vhd, start >> space->unit_shift))
		start = ALIGN_DOWN(start, vhd_unit_bytes(vhd));
	return vhdx_space_release(space, start, end - start);
}

/* Zeros and a full bitmap at a place that no entry names yet. */
static int vhd_block_write_new(struct vhd_image *vhd, u64 start_bytes)
{
	struct vhdx_container *c = vhd->base.container;
	u64 data = start_bytes + vhd->bitmap_bytes;
	u64 len = vhd->base.geometry.block_bytes;
	int err = 0;

	if (!vhdx_container_is_hole(c, data, len))
		err = vhdx_container_zero(c, data, len);
	if (!err)
		err = vhd_bitmap_write_full(vhd, start_bytes);
	return err;
}

static int vhd_block_new(struct vhd_image *vhd, u64 block)
{
	struct vhdx_image *base = &vhd->base;
	u64 unit, start;
	int err;

	err = vhd_space_alloc(vhd, &unit);
	if (err)
		return err;
	start = (unit << base->space.unit_shift) + base->slot_lead_bytes;
	err = vhd_block_write_new(vhd, start);
	if (err) {
		vhdx_space_unalloc(&base->space, unit, base->slot_units);
		return vhdx_image_change_result(&vhd->base, err);
	}
	vhd_block_set_full(vhd, block);
	vhd_entry_set(vhd, block, start >> VHD_SECTOR_SHIFT);
	base->blocks_present++;
	return 0;
}

/**
 * vhd_prepare_write() - make a block fit for being written anywhere
 * @image: the image; its session has begun
 * @block: a block
 *
 * It has space and is full afterwards; a new one with the next commit. May
 * sleep.
 *
 * Return: 0, -ENOSPC and nothing has changed, or -errno.
 */
int vhd_prepare_write(struct vhdx_image *image, u64 block)
{
	struct vhd_image *vhd = vhd_image(image);

	if (image->geometry.type == VHDX_TYPE_FIXED)
		return 0;
	if (vhd_entry(vhd, block) == VHD_ENTRY_NONE)
		return vhd_block_new(vhd, block);
	return vhdx_image_change_result(image, vhd_bitmap_fill(vhd, block));
}

/**
 * vhd_release() - give up a block: it reads as zeros
 * @image: the image; its session has begun
 * @block: a block that the caller holds exclusively
 * @how: makes no difference here
 *
 * Durable with the next commit. May sleep.
 *
 * Return: 0 or -errno, and then nothing has changed.
 */
int vhd_release(struct vhdx_image *image, u64 block, enum vhdx_release how)
{
	struct vhd_image *vhd = vhd_image(image);
	u32 entry;
	int err;

	(void)how;
	if (image->geometry.type == VHDX_TYPE_FIXED)
		return -EOPNOTSUPP;
	entry = vhd_entry(vhd, block);
	if (entry == VHD_ENTRY_NONE)
		return 0;
	err = vhd_space_release(vhd, entry);
	if (err)
		return err;
	vhd_entry_set(vhd, block, VHD_ENTRY_NONE);
	vhd_bitmap_forget(vhd, block);
	image->blocks_present--;
	return 0;
}

/**
 * vhd_move() - the block is somewhere else now
 * @image: the image; its session has begun
 * @block: a present block that the caller holds exclusively
 * @to: its new place: bitmap and data, a durable copy of the old one
 *
 * Durable with the next commit. May sleep.
 *
 * Return: 0 or -errno, and then nothing has changed.
 */
int vhd_move(struct vhdx_image *image, u64 block, const struct vhdx_range *to)
{
	struct vhd_image *vhd = vhd_image(image);
	u32 entry;
	int err;

	if (image->geometry.type == VHDX_TYPE_FIXED)
		return -EOPNOTSUPP;
	entry = vhd_entry(vhd, block);
	if (entry == VHD_ENTRY_NONE)
		return -EINVAL;
	err = vhd_space_release(vhd, entry);
	if (err)
		return err;
	vhd_entry_set(vhd, block, to->offset_bytes >> VHD_SECTOR_SHIFT);
	return 0;
}

static int vhd_bat_write_sector(struct vhd_image *vhd, u32 sector)
{
	u64 at = (u64)sector * VHD_SECTOR_BYTES;
	const u32 *entry = vhd->bat + (u64)sector * VHD_ENTRIES_PER_SECTOR;
	__be32 *disk = vhd->bat_buf;
	u32 i;

	for (i = 0; i < VHD_ENTRIES_PER_SECTOR; i++)
		disk[i] = cpu_to_be32(entry[i]);
	return vhdx_write(vhd->base.container, vhd->bat_bytes + at, disk,
			  VHD_SECTOR_BYTES);
}

static int vhd_bat_write_dirty(struct vhd_image *vhd)
{
	unsigned long sector = 0;
	int err = 0;

	for (;;) {
		sector = find_next_bit(vhd->bat_dirty, vhd->bat_sectors,
				       sector);
		if (sector >= vhd->bat_sectors)
			break;
		err = vhd_bat_write_sector(vhd, sector++);
		if (err)
			break;
	}
	return err;
}

/**
 * vhd_commit() - make every change durable
 * @image: a dynamic image; a fixed one is never dirty
 *
 * May sleep.
 *
 * Return: 0 or -errno, and then the image has failed.
 */
int vhd_commit(struct vhdx_image *image)
{
	struct vhd_image *vhd = vhd_image(image);
	struct vhdx_container *c = image->container;
	int err = vhdx_flush(c);

	if (!err)
		err = vhd_bat_write_dirty(vhd);
	if (!err)
		err = vhdx_flush(c);
	if (err)
		return vhdx_image_metadata_result(image, err);
	memset(vhd->bat_dirty, 0,
	       BITS_TO_LONGS(vhd->bat_sectors) * sizeof(long));
	return 0;
}
