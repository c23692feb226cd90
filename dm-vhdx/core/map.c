// SPDX-License-Identifier: GPL-2.0-only
/*
 * VHDX lookups: where a virtual range lives, and what a discard or a
 * write-zeroes there needs. Nothing here sleeps, fails or takes a lock.
 */
#include "vhdx.h"

static u64 vhdx_block_of(const struct vhdx *vhdx, u64 virtual_bytes)
{
	return virtual_bytes >> vhdx->block_shift;
}

static u64 vhdx_offset_in_block(const struct vhdx *vhdx, u64 virtual_bytes)
{
	return virtual_bytes & (vhdx->image.geometry.block_bytes - 1);
}

/* Bytes of a block that lie inside the disk. */
static u64 vhdx_block_virtual_bytes(const struct vhdx *vhdx, u64 block)
{
	u64 start = block << vhdx->block_shift;

	return min_t(u64, vhdx->image.geometry.block_bytes,
		     vhdx->image.geometry.virtual_bytes - start);
}

/**
 * vhdx_map() - vhdx_image_map() for VHDX
 * @image: the image
 * @virtual_bytes: start
 * @len_bytes: length, > 0, inside the disk
 * @write: for a write
 * @extent: result
 *
 * [MS-VHDX] 2.5.1.1 leaves to the reader what the states other than ZERO and
 * FULLY_PRESENT show; we show zeros, always, as everyone does.
 */
void vhdx_map(const struct vhdx_image *image, u64 virtual_bytes, u64 len_bytes,
	      bool write, struct vhdx_extent *extent)
{
	const struct vhdx *vhdx = to_const_vhdx(image);
	u64 in_block = vhdx_offset_in_block(vhdx, virtual_bytes);
	u64 entry = vhdx_bat_get(&vhdx->bat,
				 vhdx_block_of(vhdx, virtual_bytes));
	u64 readable = READ_ONCE(vhdx->readable_bytes);

	extent->len_bytes = min(len_bytes, image->geometry.block_bytes -
					   in_block);
	extent->offset_bytes = vhdx_entry_offset(entry) + in_block;
	if (!vhdx_entry_is_present(entry)) {
		extent->kind = write ? VHDX_EXTENT_PREPARE : VHDX_EXTENT_ZERO;
		return;
	}
	extent->kind = VHDX_EXTENT_DATA;
	if (extent->offset_bytes + extent->len_bytes <= readable)
		return;
	if (write)
		extent->kind = VHDX_EXTENT_PREPARE;
	else if (extent->offset_bytes >= readable)
		extent->kind = VHDX_EXTENT_ZERO;
	else
		extent->len_bytes = readable - extent->offset_bytes;
}

static bool vhdx_keeps_blocks(const struct vhdx *vhdx)
{
	return vhdx->image.geometry.type == VHDX_TYPE_FIXED;
}

static void vhdx_plan(const struct vhdx *vhdx, u64 virtual_bytes,
		      u64 len_bytes, bool keep_space, enum vhdx_release how,
		      struct vhdx_plan *plan)
{
	u64 block = vhdx_block_of(vhdx, virtual_bytes);
	u64 in_block = vhdx_offset_in_block(vhdx, virtual_bytes);
	u64 entry = vhdx_bat_get(&vhdx->bat, block);

	plan->how = how;
	plan->offset_bytes = vhdx_entry_offset(entry) + in_block;
	plan->len_bytes = len_bytes;
	if (!vhdx_entry_is_present(entry))
		plan->kind = VHDX_PLAN_NOTHING;
	else if (!keep_space && !in_block &&
		 len_bytes == vhdx_block_virtual_bytes(vhdx, block))
		plan->kind = VHDX_PLAN_RELEASE;
	else
		plan->kind = VHDX_PLAN_PUNCH;
}

/**
 * vhdx_plan_discard() - vhdx_image_plan_discard() for VHDX
 * @image: the image
 * @virtual_bytes: start
 * @len_bytes: length, inside one block
 * @plan: result
 *
 * A whole block becomes UNMAPPED, part of one is punched; a fixed image keeps
 * its blocks.
 */
void vhdx_plan_discard(const struct vhdx_image *image, u64 virtual_bytes,
		       u64 len_bytes, struct vhdx_plan *plan)
{
	const struct vhdx *vhdx = to_const_vhdx(image);

	vhdx_plan(vhdx, virtual_bytes, len_bytes, vhdx_keeps_blocks(vhdx),
		  VHDX_RELEASE_UNMAP, plan);
}

/**
 * vhdx_plan_zero() - vhdx_image_plan_zero() for VHDX
 * @image: the image
 * @virtual_bytes: start
 * @len_bytes: length, inside one block
 * @keep_space: an allocated block keeps its space
 * @plan: result
 *
 * An absent block without an anchor reads as zeros with every reader; one with
 * an anchor may show its old contents to others, so it becomes ZERO.
 */
void vhdx_plan_zero(const struct vhdx_image *image, u64 virtual_bytes,
		    u64 len_bytes, bool keep_space, struct vhdx_plan *plan)
{
	const struct vhdx *vhdx = to_const_vhdx(image);
	u64 entry = vhdx_bat_get(&vhdx->bat,
				 vhdx_block_of(vhdx, virtual_bytes));

	vhdx_plan(vhdx, virtual_bytes, len_bytes,
		  keep_space || vhdx_keeps_blocks(vhdx), VHDX_RELEASE_ZERO,
		  plan);
	if (!vhdx_entry_is_anchored(entry))
		return;
	/* A fixed image keeps the space, so the old contents have to go. */
	plan->kind = vhdx_keeps_blocks(vhdx) ? VHDX_PLAN_PUNCH :
					       VHDX_PLAN_RELEASE;
}

/**
 * vhdx_block_space() - vhdx_image_block_space() for VHDX
 * @image: the image
 * @block: payload block
 * @offset_bytes: its place in the file
 * @len_bytes: always the block size
 *
 * Return: false if it owns none. Anchors count as owners.
 */
bool vhdx_block_space(const struct vhdx_image *image, u64 block,
		      u64 *offset_bytes, u64 *len_bytes)
{
	const struct vhdx *vhdx = to_const_vhdx(image);
	u64 entry = vhdx_bat_get(&vhdx->bat, block);

	*offset_bytes = vhdx_entry_offset(entry);
	*len_bytes = image->geometry.block_bytes;
	return vhdx_entry_is_present(entry) || vhdx_entry_is_anchored(entry);
}

/**
 * vhdx_block_needs_tidy() - an absent block that has an offset or an anchor
 * @image: the image
 * @block: payload block
 */
bool vhdx_block_needs_tidy(const struct vhdx_image *image, u64 block)
{
	u64 entry = vhdx_bat_get(&to_const_vhdx(image)->bat, block);

	return !vhdx_entry_is_present(entry) && vhdx_entry_offset(entry);
}
