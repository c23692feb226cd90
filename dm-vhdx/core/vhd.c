// SPDX-License-Identifier: GPL-2.0-only
/*
 * VHD, fixed and dynamic: open, and the lookups. The other vhd-*.c do the rest,
 * see vhd.h.
 *
 * A fixed image is its data and a footer. It is shown as if it had 2 MiB
 * blocks, all of them present, full and in order, and none of the changes but
 * the guest's own writes and holes ever happens to it.
 */
#include "vhd.h"

/* ---- lookups ------------------------------------------------------------ */

/* What has been cut off the end of the file reads as zeros. */
static void vhd_map_cut(const struct vhd_image *vhd, bool write,
			struct vhdx_extent *extent)
{
	u64 end = READ_ONCE(vhd->readable_bytes);
	u64 len = extent->len_bytes;

	if (extent->offset_bytes + len <= end)
		return;
	if (write)
		extent->kind = VHDX_EXTENT_PREPARE;
	else if (extent->offset_bytes >= end)
		extent->kind = VHDX_EXTENT_ZERO;
	else
		extent->len_bytes = end - extent->offset_bytes;
}

/* A read from a block of which the bitmap must be known. */
static void vhd_map_by_bitmap(const struct vhd_image *vhd, u64 block,
			      u64 in_block, struct vhdx_extent *extent)
{
	const u8 *bitmap = vhd_bitmap_loaded(vhd, block);
	u32 sector = in_block >> VHD_SECTOR_SHIFT;
	u32 end = (in_block + extent->len_bytes + VHD_SECTOR_BYTES - 1) >>
		VHD_SECTOR_SHIFT;
	u64 run_end;
	bool set;

	if (!bitmap) {
		extent->kind = VHDX_EXTENT_LOAD;
		return;
	}
	run_end = (u64)(sector + vhd_bitmap_run(bitmap, sector, end, &set)) <<
		VHD_SECTOR_SHIFT;
	extent->len_bytes = min(extent->len_bytes, run_end - in_block);
	extent->kind = set ? VHDX_EXTENT_DATA : VHDX_EXTENT_ZERO;
}

static void vhd_map(const struct vhdx_image *image, u64 virtual_bytes,
		    u64 len_bytes, bool write, struct vhdx_extent *extent)
{
	const struct vhd_image *vhd = vhd_image_const(image);
	u64 in_block = virtual_bytes & (image->geometry.block_bytes - 1);
	u64 block = virtual_bytes >> vhd->block_shift;
	u32 entry;

	extent->kind = VHDX_EXTENT_DATA;
	extent->offset_bytes = virtual_bytes;
	extent->len_bytes = min_t(u64, len_bytes,
				  image->geometry.block_bytes - in_block);
	if (image->geometry.type == VHDX_TYPE_FIXED)
		return;
	extent->kind = write ? VHDX_EXTENT_PREPARE : VHDX_EXTENT_ZERO;
	entry = vhd_entry(vhd, block);
	if (entry == VHD_ENTRY_NONE)
		return;
	extent->offset_bytes = vhd_entry_offset_bytes(entry) +
		vhd->bitmap_bytes + in_block;
	if (vhd_block_is_full(vhd, block))
		extent->kind = VHDX_EXTENT_DATA;
	else if (!write)
		vhd_map_by_bitmap(vhd, block, in_block, extent);
	if (extent->kind == VHDX_EXTENT_DATA)
		vhd_map_cut(vhd, write, extent);
}

/* The range is all of the block that is inside the disk. */
static bool vhd_range_is_block(const struct vhdx_image *image,
			       u64 virtual_bytes, u64 len_bytes)
{
	const struct vhdx_geometry *geometry = &image->geometry;

	if (virtual_bytes & (geometry->block_bytes - 1))
		return false;
	return len_bytes >= min_t(u64, geometry->block_bytes,
				  geometry->virtual_bytes - virtual_bytes);
}

/*
 * No bitmap is needed: zeroing data under a clear bit changes nothing, and
 * bits stay as they are.
 */
static void vhd_plan(const struct vhdx_image *image, u64 virtual_bytes,
		     u64 len_bytes, bool keep_space, struct vhdx_plan *plan)
{
	const struct vhd_image *vhd = vhd_image_const(image);
	u64 in_block = virtual_bytes & (image->geometry.block_bytes - 1);
	u32 entry;

	plan->kind = VHDX_PLAN_PUNCH;
	plan->how = VHDX_RELEASE_UNMAP;
	plan->offset_bytes = virtual_bytes;
	plan->len_bytes = len_bytes;
	if (image->geometry.type == VHDX_TYPE_FIXED)
		return;
	plan->kind = VHDX_PLAN_NOTHING;
	entry = vhd_entry(vhd, virtual_bytes >> vhd->block_shift);
	if (entry == VHD_ENTRY_NONE)
		return;
	if (!keep_space &&
	    vhd_range_is_block(image, virtual_bytes, len_bytes)) {
		plan->kind = VHDX_PLAN_RELEASE;
		return;
	}
	plan->kind = VHDX_PLAN_PUNCH;
	plan->offset_bytes = vhd_entry_offset_bytes(entry) +
		vhd->bitmap_bytes + in_block;
}

static void vhd_plan_discard(const struct vhdx_image *image, u64 virtual_bytes,
			     u64 len_bytes, struct vhdx_plan *plan)
{
	vhd_plan(image, virtual_bytes, len_bytes, false, plan);
}

static void vhd_plan_zero(const struct vhdx_image *image, u64 virtual_bytes,
			  u64 len_bytes, bool keep_space,
			  struct vhdx_plan *plan)
{
	vhd_plan(image, virtual_bytes, len_bytes, keep_space, plan);
}

static bool vhd_block_space(const struct vhdx_image *image, u64 block,
			    u64 *offset_bytes, u64 *len_bytes)
{
	const struct vhd_image *vhd = vhd_image_const(image);
	const struct vhdx_geometry *geometry = &image->geometry;
	u32 entry;

	if (geometry->type == VHDX_TYPE_FIXED) {
		*offset_bytes = block << vhd->block_shift;
		*len_bytes = min_t(u64, geometry->block_bytes,
				   geometry->virtual_bytes - *offset_bytes);
		return true;
	}
	entry = vhd_entry(vhd, block);
	if (entry == VHD_ENTRY_NONE)
		return false;
	*offset_bytes = vhd_entry_offset_bytes(entry);
	*len_bytes = vhd_block_space_bytes(vhd);
	return true;
}

/* ---- open, close -------------------------------------------------------- */

/* No field of the image says whether its data has changed. */
static int vhd_begin_data_change(struct vhdx_image *image)
{
	(void)image;
	return 0;
}

/* The base has cut off what is unused; nothing marks a session. */
static int vhd_finish(struct vhdx_image *image)
{
	(void)image;
	return 0;
}

static void vhd_close(struct vhdx_image *image)
{
	struct vhd_image *vhd = vhd_image(image);

	vhd_bitmaps_destroy(vhd);
	vhdx_free(vhd->bat);
	vhdx_free(vhd->bat_dirty);
	vhdx_free(vhd->full);
	vhdx_free(vhd->ones);
	vhdx_free(vhd->bat_buf);
	vhdx_space_destroy(&image->space);
	vhdx_free(vhd);
}

static const struct vhdx_image_ops vhd_ops = {
	.close = vhd_close,
	.map = vhd_map,
	.plan_discard = vhd_plan_discard,
	.plan_zero = vhd_plan_zero,
	.block_space = vhd_block_space,
	.begin = vhd_begin,
	.begin_data_change = vhd_begin_data_change,
	.load = vhd_load,
	.prepare_write = vhd_prepare_write,
	.release = vhd_release,
	.move = vhd_move,
	.commit = vhd_commit,
	.truncate = vhd_truncate,
	.finish = vhd_finish,
};

static int vhd_open_fixed(struct vhd_opening *o)
{
	struct vhdx_geometry *geometry = &o->vhd->base.geometry;

	geometry->block_bytes = VHD_BLOCK_BYTES_DEFAULT;
	geometry->data_alignment = 4096;
	geometry->physical_bytes = 4096;
	o->vhd->block_shift = ilog2(VHD_BLOCK_BYTES_DEFAULT);
	geometry->blocks = (geometry->virtual_bytes + geometry->block_bytes -
			    1) >> o->vhd->block_shift;
	o->vhd->base.blocks_present = geometry->blocks;
	if (geometry->virtual_bytes > o->vhd->footer_bytes)
		return vhd_found(o, VHDX_F_FIXED_INCOMPLETE,
				 o->vhd->footer_bytes,
				 geometry->virtual_bytes);
	return 0;
}

static int vhd_open_dynamic(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;
	int err = vhd_header_open(o);

	if (!err)
		err = vhd_bat_open(o);
	if (err || !o->options->writable)
		return err;
	vhd->ones = vhdx_alloc(vhd->bitmap_bytes);
	vhd->bat_buf = vhdx_alloc(VHD_SECTOR_BYTES);
	if (!vhd->ones || !vhd->bat_buf)
		return vhdx_report_io(o->report, -ENOMEM, 0);
	memset(vhd->ones, 0xFF, vhd->bitmap_bytes);
	return 0;
}

static int vhd_open_any(struct vhd_opening *o)
{
	struct vhd_image *vhd = o->vhd;
	int err;

	vhd->base.ops = &vhd_ops;
	vhd->base.container = o->container;
	vhd->base.grow_bytes = o->options->grow_bytes;
	vhd->base.writable = o->options->writable;
	vhd->base.geometry.format = VHDX_FORMAT_VHD;
	vhd->base.geometry.sector_bytes = VHD_SECTOR_BYTES;
	o->size_bytes = vhdx_size(o->container);
	err = vhd_footer_open(o);
	if (err)
		return err;
	if (vhd->base.geometry.type == VHDX_TYPE_FIXED)
		err = vhd_open_fixed(o);
	else
		err = vhd_open_dynamic(o);
	return err ? err : o->err;
}

/**
 * vhd_open() - open a VHD; see vhdx_image_open()
 * @container: where it is; outlives the image
 * @options: how
 * @report: where findings go
 * @image: the image, on success
 *
 * Writes nothing. May sleep.
 *
 * Return: 0 or the negative errno of what has been reported.
 */
int vhd_open(struct vhdx_container *container,
	     const struct vhdx_open_options *options,
	     struct vhdx_report *report, struct vhdx_image **image)
{
	struct vhd_opening *o = vhdx_alloc(sizeof(*o));
	struct vhd_image *vhd = vhdx_alloc(sizeof(*vhd));
	int err;

	if (!o || !vhd) {
		vhdx_free(vhd);
		vhdx_free(o);
		return vhdx_report_io(report, -ENOMEM, 0);
	}
	o->vhd = vhd;
	o->container = container;
	o->options = options;
	o->report = report;
	err = vhd_open_any(o);
	vhdx_free(o);
	if (err)
		vhd_close(&vhd->base);
	else
		*image = &vhd->base;
	return err;
}
