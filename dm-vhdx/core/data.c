// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synchronous data path: reading, writing and discarding through the
 * container, for those who have the image to themselves (the tool, the crash
 * simulator, the fuzzers). The module moves data its own way.
 */
#include "image.h"

static bool vhdx_data_in_disk(const struct vhdx_image *image, u64 start,
			      u64 len_bytes)
{
	u64 end;

	return !check_add_overflow(start, len_bytes, &end) &&
	       end <= vhdx_image_geometry(image)->virtual_bytes;
}

static u64 vhdx_data_block(const struct vhdx_image *image, u64 virtual_bytes)
{
	return virtual_bytes >> ilog2(vhdx_image_geometry(image)->block_bytes);
}

/* As much of a range as lies in its first block. */
static u64 vhdx_data_in_block(const struct vhdx_image *image, u64 virtual_bytes,
			      u64 len_bytes)
{
	u64 block_bytes = vhdx_image_geometry(image)->block_bytes;

	return min(len_bytes,
		   block_bytes - (virtual_bytes & (block_bytes - 1)));
}

static int vhdx_data_map(struct vhdx_image *image, u64 virtual_bytes, u64 len,
			 bool write, struct vhdx_extent *extent)
{
	u64 block = vhdx_data_block(image, virtual_bytes);
	int err;

	vhdx_image_map(image, virtual_bytes, len, write, extent);
	if (extent->kind == VHDX_EXTENT_LOAD)
		err = vhdx_image_load(image, block);
	else if (extent->kind == VHDX_EXTENT_PREPARE)
		err = vhdx_image_prepare_write(image, block);
	else
		return 0;
	if (err)
		return err;
	vhdx_image_map(image, virtual_bytes, len, write, extent);
	/* Loaded or prepared, and nobody else is here. */
	return extent->kind == VHDX_EXTENT_LOAD ||
	       extent->kind == VHDX_EXTENT_PREPARE ? -EIO : 0;
}

/**
 * vhdx_image_read() - read guest data
 * @image: the image
 * @virtual_bytes: where
 * @buf: to
 * @len_bytes: how much
 *
 * Return: 0, -EINVAL outside the disk, or -errno.
 */
int vhdx_image_read(struct vhdx_image *image, u64 virtual_bytes, void *buf,
		    size_t len_bytes)
{
	struct vhdx_container *c = vhdx_image_container(image);
	struct vhdx_extent extent;
	int err;

	if (!vhdx_data_in_disk(image, virtual_bytes, len_bytes))
		return -EINVAL;
	while (len_bytes) {
		err = vhdx_data_map(image, virtual_bytes, len_bytes, false,
				    &extent);
		if (err)
			return err;
		if (extent.kind == VHDX_EXTENT_DATA)
			err = vhdx_read(c, extent.offset_bytes, buf,
					extent.len_bytes);
		else
			memset(buf, 0, extent.len_bytes);
		if (err)
			return err;
		virtual_bytes += extent.len_bytes;
		buf = (u8 *)buf + extent.len_bytes;
		len_bytes -= extent.len_bytes;
	}
	return 0;
}

/**
 * vhdx_image_write() - write guest data
 * @image: the image, writable
 * @virtual_bytes: where
 * @buf: from
 * @len_bytes: how much
 *
 * Durable after vhdx_image_commit(). Return: 0, -EINVAL outside the disk, or
 * -errno: any part may have been written then.
 */
int vhdx_image_write(struct vhdx_image *image, u64 virtual_bytes,
		     const void *buf, size_t len_bytes)
{
	struct vhdx_container *c = vhdx_image_container(image);
	struct vhdx_extent extent;
	int err;

	if (!vhdx_data_in_disk(image, virtual_bytes, len_bytes))
		return -EINVAL;
	err = vhdx_image_begin_data_change(image);
	while (len_bytes && !err) {
		err = vhdx_data_map(image, virtual_bytes, len_bytes, true,
				    &extent);
		if (!err)
			err = vhdx_write(c, extent.offset_bytes, buf,
					 extent.len_bytes);
		virtual_bytes += extent.len_bytes;
		buf = (const u8 *)buf + extent.len_bytes;
		len_bytes -= extent.len_bytes;
	}
	return err;
}

static int vhdx_data_execute(struct vhdx_image *image, u64 block,
			     const struct vhdx_plan *plan, bool must_zero)
{
	struct vhdx_container *c = vhdx_image_container(image);
	int err;

	switch (plan->kind) {
	case VHDX_PLAN_RELEASE:
		return vhdx_image_release(image, block, plan->how);
	case VHDX_PLAN_PUNCH:
		if (must_zero)
			return vhdx_container_zero(c, plan->offset_bytes,
						   plan->len_bytes);
		err = c->ops->punch(c, plan->offset_bytes, plan->len_bytes);
		return err == -EOPNOTSUPP ? 0 : err;
	default:
		/* Loaded, and nobody else is here. */
		return -EIO;
	}
}

/* One block's part of a discard or a write-zeroes. */
static int vhdx_data_clear(struct vhdx_image *image, u64 virtual_bytes,
			   u64 len_bytes, bool must_zero, bool keep_space)
{
	u64 block = vhdx_data_block(image, virtual_bytes);
	struct vhdx_plan plan;
	int err, tries;

	for (tries = 0; tries < 2; tries++) {
		if (must_zero)
			vhdx_image_plan_zero(image, virtual_bytes, len_bytes,
					     keep_space, &plan);
		else
			vhdx_image_plan_discard(image, virtual_bytes,
						len_bytes, &plan);
		if (plan.kind != VHDX_PLAN_LOAD)
			break;
		err = vhdx_image_load(image, block);
		if (err)
			return err;
	}
	if (plan.kind == VHDX_PLAN_NOTHING)
		return 0;
	err = vhdx_image_begin_data_change(image);
	return err ? err : vhdx_data_execute(image, block, &plan, must_zero);
}

static int vhdx_data_clear_range(struct vhdx_image *image, u64 virtual_bytes,
				 u64 len_bytes, bool must_zero, bool keep_space)
{
	int err = 0;

	if (!vhdx_data_in_disk(image, virtual_bytes, len_bytes))
		return -EINVAL;
	while (len_bytes && !err) {
		u64 n = vhdx_data_in_block(image, virtual_bytes, len_bytes);

		err = vhdx_data_clear(image, virtual_bytes, n, must_zero,
				      keep_space);
		virtual_bytes += n;
		len_bytes -= n;
	}
	return err;
}

/**
 * vhdx_image_discard() - the guest does not need a range any more
 * @image: the image, writable
 * @virtual_bytes: start
 * @len_bytes: length
 *
 * Whole blocks are released, parts are punched. Reads as zeros afterwards
 * where the host can punch. Return: 0 or -errno.
 */
int vhdx_image_discard(struct vhdx_image *image, u64 virtual_bytes,
		       u64 len_bytes)
{
	return vhdx_data_clear_range(image, virtual_bytes, len_bytes, false,
				     false);
}

/**
 * vhdx_image_write_zeroes() - a range reads as zeros from now on
 * @image: the image, writable
 * @virtual_bytes: start
 * @len_bytes: length
 * @keep_space: what is allocated stays allocated
 *
 * Return: 0 or -errno.
 */
int vhdx_image_write_zeroes(struct vhdx_image *image, u64 virtual_bytes,
			    u64 len_bytes, bool keep_space)
{
	return vhdx_data_clear_range(image, virtual_bytes, len_bytes, true,
				     keep_space);
}
