// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sector bitmaps: one bit a sector, the most significant bit of byte 0 first.
 * In an image without parent a clear bit says that the sector was never
 * written and reads as zeros. Some readers believe it and some read the data,
 * so both must agree: what we write has all bits set, over zeros or data.
 *
 * A bitmap is read when somebody first asks for the block. Nearly all of them
 * turn out to be full, which takes one bit to remember; the others are kept.
 */
#include "vhd.h"

static bool vhd_bitmap_bit(const u8 *bitmap, u32 sector)
{
	return bitmap[sector / 8] & (0x80 >> (sector % 8));
}

/**
 * vhd_bitmap_run() - how many sectors have the same bit
 * @bitmap: the bitmap
 * @sector: the first one
 * @end: look no further, > @sector
 * @set: whether their bits are set
 *
 * Return: sectors, at least 1.
 */
u32 vhd_bitmap_run(const u8 *bitmap, u32 sector, u32 end, bool *set)
{
	bool first = vhd_bitmap_bit(bitmap, sector);
	u8 same = first ? 0xFF : 0x00;
	u32 i = sector + 1;

	while (i < end) {
		if (!(i % 8) && bitmap[i / 8] == same)
			i += 8;
		else if (vhd_bitmap_bit(bitmap, i) == first)
			i++;
		else
			break;
	}
	*set = first;
	return min(i, end) - sector;
}

/**
 * vhd_bitmap_loaded() - the bitmap of a block that is not full
 * @vhd: the image
 * @block: an allocated block
 *
 * A lookup: never sleeps; valid while the caller holds the block.
 *
 * Return: NULL if it has not been loaded, or the block is full.
 */
const u8 *vhd_bitmap_loaded(const struct vhd_image *vhd, u64 block)
{
	/* Pairs with the releases in vhd_bitmap_keep(). */
	u8 **page = smp_load_acquire(&vhd->partial[block /
						   VHD_BITMAPS_PER_PAGE]);

	if (!page)
		return NULL;
	/* As above. */
	return smp_load_acquire(&page[block % VHD_BITMAPS_PER_PAGE]);
}

/**
 * vhd_block_is_full() - the block is known to have all its sectors
 * @vhd: the image
 * @block: an allocated block
 *
 * A lookup: never sleeps.
 */
bool vhd_block_is_full(const struct vhd_image *vhd, u64 block)
{
	return test_bit(block, vhd->full);
}

static void vhd_block_put_full(struct vhd_image *vhd, u64 block, bool full)
{
	unsigned long *word = &vhd->full[block / BITS_PER_LONG];
	unsigned long bit = 1UL << (block % BITS_PER_LONG);

	/* One writer; lookups of other blocks read the same word. */
	smp_store_release(word, full ? *word | bit : *word & ~bit);
}

/**
 * vhd_block_set_full() - from now on the block has all its sectors
 * @vhd: the image
 * @block: a block
 */
void vhd_block_set_full(struct vhd_image *vhd, u64 block)
{
	vhd_block_put_full(vhd, block, true);
}

/**
 * vhd_bitmap_forget() - the block is no more
 * @vhd: the image
 * @block: a block that the caller's caller holds exclusively
 */
void vhd_bitmap_forget(struct vhd_image *vhd, u64 block)
{
	u8 **page = vhd->partial[block / VHD_BITMAPS_PER_PAGE];

	vhd_block_put_full(vhd, block, false);
	if (!page)
		return;
	vhdx_free(page[block % VHD_BITMAPS_PER_PAGE]);
	page[block % VHD_BITMAPS_PER_PAGE] = NULL;
}

static void vhd_bitmap_page_destroy(u8 **page)
{
	u32 i;

	for (i = 0; page && i < VHD_BITMAPS_PER_PAGE; i++)
		vhdx_free(page[i]);
	vhdx_free(page);
}

/**
 * vhd_bitmaps_destroy() - free what has been loaded
 * @vhd: the image
 */
void vhd_bitmaps_destroy(struct vhd_image *vhd)
{
	u64 pages = vhd->base.geometry.blocks / VHD_BITMAPS_PER_PAGE + 1;
	u64 i;

	for (i = 0; vhd->partial && i < pages; i++)
		vhd_bitmap_page_destroy(vhd->partial[i]);
	vhdx_free(vhd->partial);
}

/*
 * In the file a bitmap has at least a sector. Of a tiny block that is nearly
 * all padding, and an image can have millions of those.
 */
static int vhd_bitmap_keep(struct vhd_image *vhd, u64 block, const u8 *bitmap)
{
	u8 ***page = &vhd->partial[block / VHD_BITMAPS_PER_PAGE];
	u32 sectors = vhd->base.geometry.block_bytes >> VHD_SECTOR_SHIFT;
	u32 bytes = (sectors + 7) / 8;
	u8 **fresh, *kept;

	if (!*page) {
		fresh = vhdx_alloc_for_change(VHD_BITMAPS_PER_PAGE *
					      sizeof(*fresh));
		if (!fresh)
			return -ENOMEM;
		/* Empty for vhd_bitmap_loaded() ... */
		smp_store_release(page, fresh);
	}
	kept = vhdx_alloc_for_change(bytes);
	if (!kept)
		return -ENOMEM;
	memcpy(kept, bitmap, bytes);
	/* ... and complete. */
	smp_store_release(&(*page)[block % VHD_BITMAPS_PER_PAGE], kept);
	return 0;
}

/* Sectors of the block that are inside the disk; behind it bits mean nothing. */
static u32 vhd_block_sectors(const struct vhd_image *vhd, u64 block)
{
	const struct vhdx_geometry *geometry = &vhd->base.geometry;
	u64 left = geometry->virtual_bytes - (block << vhd->block_shift);

	return min_t(u64, left, geometry->block_bytes) >> VHD_SECTOR_SHIFT;
}

/**
 * vhd_load() - learn which sectors of a block are there
 * @image: the image
 * @block: a block
 *
 * May sleep. Changes nothing in the file.
 *
 * Return: 0 or -errno.
 */
int vhd_load(struct vhdx_image *image, u64 block)
{
	struct vhd_image *vhd = vhd_image(image);
	u32 sectors = vhd_block_sectors(vhd, block);
	u8 *bitmap;
	bool set;
	int err;

	if (!vhd->bat || vhd_entry(vhd, block) == VHD_ENTRY_NONE ||
	    vhd_block_is_full(vhd, block) || vhd_bitmap_loaded(vhd, block))
		return 0;
	bitmap = vhdx_alloc_for_change(vhd->bitmap_bytes);
	if (!bitmap)
		return -ENOMEM;
	err = vhdx_read(image->container,
			vhd_entry_offset_bytes(vhd_entry(vhd, block)), bitmap,
			vhd->bitmap_bytes);
	if (err)
		goto out_with_bitmap;
	if (vhd_bitmap_run(bitmap, 0, sectors, &set) == sectors && set)
		vhd_block_set_full(vhd, block);
	else
		err = vhd_bitmap_keep(vhd, block, bitmap);
out_with_bitmap:
	vhdx_free(bitmap);
	return err;
}

/**
 * vhd_bitmap_write_full() - write a bitmap that says full
 * @vhd: the image
 * @offset_bytes: where
 *
 * May sleep. Not durable.
 *
 * Return: 0 or -errno.
 */
int vhd_bitmap_write_full(struct vhd_image *vhd, u64 offset_bytes)
{
	return vhdx_write(vhd->base.container, offset_bytes, vhd->ones,
			  vhd->bitmap_bytes);
}

/* The runs whose bits are clear read as zeros afterwards, without the bits. */
static int vhd_bitmap_zero_clear(struct vhd_image *vhd, const u8 *bitmap,
				 u64 data_bytes)
{
	u32 end = vhd->base.geometry.block_bytes >> VHD_SECTOR_SHIFT;
	u32 sector = 0;
	int err = 0;

	while (sector < end && !err) {
		bool set;
		u32 run = vhd_bitmap_run(bitmap, sector, end, &set);

		if (!set)
			err = vhdx_container_zero(vhd->base.container,
						  data_bytes + ((u64)sector <<
						  VHD_SECTOR_SHIFT),
						  (u64)run << VHD_SECTOR_SHIFT);
		sector += run;
		vhdx_relax();
	}
	return err;
}

/*
 * What a failed flush has lost, data of the guest included, the host tells only
 * once, be the error what it may (R10).
 */
static int vhd_bitmap_flush(struct vhd_image *vhd)
{
	return vhdx_image_metadata_result(&vhd->base,
					  vhdx_flush(vhd->base.container));
}

/**
 * vhd_bitmap_fill() - make a block full
 * @vhd: the image; its session has begun
 * @block: an allocated block
 *
 * Zeros, flush, bits, flush: never a bit before its data, and it is durable
 * on return, so that writes to the block need not think of it. May sleep.
 *
 * Return: 0 or -errno; if it was a flush that failed, so has the image.
 */
int vhd_bitmap_fill(struct vhd_image *vhd, u64 block)
{
	u64 offset = vhd_entry_offset_bytes(vhd_entry(vhd, block));
	const u8 *bitmap;
	int err;

	err = vhd_load(&vhd->base, block);
	if (err || vhd_block_is_full(vhd, block))
		return err;
	bitmap = vhd_bitmap_loaded(vhd, block);
	err = vhd_bitmap_zero_clear(vhd, bitmap, offset + vhd->bitmap_bytes);
	if (!err)
		err = vhd_bitmap_flush(vhd);
	if (!err)
		err = vhd_bitmap_write_full(vhd, offset);
	if (!err)
		err = vhd_bitmap_flush(vhd);
	if (!err)
		vhd_block_set_full(vhd, block);
	return err;
}
