/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open VHDX image: what vhdx.c, map.c and txn.c share.
 */
#ifndef VHDX_VHDX_H
#define VHDX_VHDX_H

#include "bat.h"
#include "header.h"
#include "image-ops.h"
#include "log.h"
#include "metadata.h"
#include "region.h"

/**
 * struct vhdx - one
 * @image: the base; its space is in units of 1 MiB
 * @headers: the current header
 * @overlay: what the log holds while image.needs_replay
 * @regions: where BAT and metadata are
 * @metadata: the items
 * @bat: the table
 * @log: the writing end; in use while image.begun
 * @block_shift: log2 of the block size
 * @readable_bytes: what lies behind this offset is not in the file yet (a cut
 *	last block, or a replay in memory) and reads as zeros
 * @needed_bytes: the file must be this long before the first change
 * @pages: room for the pages of one log entry
 */
struct vhdx {
	struct vhdx_image image;
	struct vhdx_headers headers;
	struct vhdx_overlay overlay;
	struct vhdx_regions regions;
	struct vhdx_metadata metadata;
	struct vhdx_bat bat;
	struct vhdx_log log;
	u32 block_shift;
	u64 readable_bytes;
	u64 needed_bytes;
	struct vhdx_log_page *pages;
};

static inline struct vhdx *to_vhdx(struct vhdx_image *image)
{
	return container_of(image, struct vhdx, image);
}

static inline const struct vhdx *to_const_vhdx(const struct vhdx_image *image)
{
	return container_of(image, const struct vhdx, image);
}

/* map.c */
void vhdx_map(const struct vhdx_image *image, u64 virtual_bytes, u64 len_bytes,
	      bool write, struct vhdx_extent *extent);
void vhdx_plan_discard(const struct vhdx_image *image, u64 virtual_bytes,
		       u64 len_bytes, struct vhdx_plan *plan);
void vhdx_plan_zero(const struct vhdx_image *image, u64 virtual_bytes,
		    u64 len_bytes, bool keep_space, struct vhdx_plan *plan);
bool vhdx_block_space(const struct vhdx_image *image, u64 block,
		      u64 *offset_bytes, u64 *len_bytes);
bool vhdx_block_needs_tidy(const struct vhdx_image *image, u64 block);

/* txn.c */
int vhdx_session_back(struct vhdx_image *image);
int vhdx_session_begin(struct vhdx_image *image);
int vhdx_session_finish(struct vhdx_image *image);
int vhdx_begin_data_change(struct vhdx_image *image);
int vhdx_block_prepare_write(struct vhdx_image *image, u64 block);
int vhdx_block_release(struct vhdx_image *image, u64 block,
		       enum vhdx_release how);
int vhdx_block_move(struct vhdx_image *image, u64 block,
		    const struct vhdx_range *to);
int vhdx_block_tidy(struct vhdx_image *image, u64 block);
int vhdx_txn_commit(struct vhdx_image *image);
int vhdx_file_truncate(struct vhdx_image *image, u64 end_bytes);

#endif
