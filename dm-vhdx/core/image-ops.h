/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a format supplies: struct vhdx_image is the base that image.c hands
 * out, VHDX (vhdx.c and what it calls) and VHD (vhd.c) embed it first.
 */
#ifndef VHDX_IMAGE_OPS_H
#define VHDX_IMAGE_OPS_H

#include "image.h"
#include "space.h"

struct vhdx_image_ops {
	void (*close)(struct vhdx_image *image);
	void (*map)(const struct vhdx_image *image, u64 virtual_bytes,
		    u64 len_bytes, bool write, struct vhdx_extent *extent);
	void (*plan_discard)(const struct vhdx_image *image, u64 virtual_bytes,
			     u64 len_bytes, struct vhdx_plan *plan);
	void (*plan_zero)(const struct vhdx_image *image, u64 virtual_bytes,
			  u64 len_bytes, bool keep_space,
			  struct vhdx_plan *plan);
	bool (*block_space)(const struct vhdx_image *image, u64 block,
			    u64 *offset_bytes, u64 *len_bytes);
	/*
	 * See that the host has space for what a commit writes; changes no
	 * byte. Called before a session begins. NULL: it always has.
	 */
	int (*back)(struct vhdx_image *image);
	/*
	 * Start a session: everything that must be durable before any other
	 * byte changes. Called once, before the first change.
	 */
	int (*begin)(struct vhdx_image *image);
	int (*begin_data_change)(struct vhdx_image *image);
	/* NULL: lookups never answer LOAD. */
	int (*load)(struct vhdx_image *image, u64 block);
	int (*prepare_write)(struct vhdx_image *image, u64 block);
	int (*release)(struct vhdx_image *image, u64 block,
		       enum vhdx_release how);
	int (*move)(struct vhdx_image *image, u64 block,
		    const struct vhdx_range *to);
	/* NULL: there is never anything to tidy. */
	int (*tidy_entry)(struct vhdx_image *image, u64 block);
	/* A lookup: tidy_entry() would change something. NULL: never. */
	bool (*needs_tidy)(const struct vhdx_image *image, u64 block);
	/*
	 * Make every change durable; image->dirty is true. On success the base
	 * turns pending space into punchable space.
	 */
	int (*commit)(struct vhdx_image *image);
	/*
	 * Shorten the file to end_bytes (all above is free), by R11. Never
	 * called for a fixed image or a block device.
	 */
	int (*truncate)(struct vhdx_image *image, u64 end_bytes);
	/* End the session: a clean image. Everything is committed. */
	int (*finish)(struct vhdx_image *image);
};

/**
 * struct vhdx_image - base of both formats
 * @ops: the format
 * @container: where the bytes are
 * @geometry: what never changes
 * @space: who owns the file (a fixed VHD has an empty one)
 * @slot_units: units of @space that the place of one block takes
 * @slot_lead_bytes: where in such a place the block's space (ops->block_space)
 *	starts: VHDX 0; VHD may have slack in front of the block's bitmap
 * @data_lead_bytes: where in the block's space its data starts: VHDX 0, VHD
 *	behind the bitmap. The data is what the guest sees and may be holes
 * @grow_bytes: see struct vhdx_open_options
 * @writable: opened for writing
 * @begun: the session has started: the file may be changed
 * @data_change_begun: R1d is done (read by lookups)
 * @dirty: changes wait for a commit (read by lookups)
 * @failed: no change is possible any more (read by lookups)
 * @needs_replay: the log in the file waits for replay
 * @blocks_present: blocks that own space
 * @commits: commits since open
 */
struct vhdx_image {
	const struct vhdx_image_ops *ops;
	struct vhdx_container *container;
	struct vhdx_geometry geometry;
	struct vhdx_space space;
	u64 slot_units;
	u32 slot_lead_bytes;
	u32 data_lead_bytes;
	u32 grow_bytes;
	bool writable;
	bool begun;
	bool data_change_begun;
	bool dirty;
	bool failed;
	bool needs_replay;
	u64 blocks_present;
	u64 commits;
};

/* Every change calls this first: session started, not failed, or -EROFS. */
int vhdx_image_begin(struct vhdx_image *image);

/*
 * A failed metadata write or flush ends all changes (R10): returns @err, and
 * if it is an error marks the image failed.
 */
int vhdx_image_metadata_result(struct vhdx_image *image, int err);

/*
 * The same for a change that nothing relies on yet: running out of space or
 * memory loses nothing.
 */
int vhdx_image_change_result(struct vhdx_image *image, int err);

int vhdx_open(struct vhdx_container *container,
	      const struct vhdx_open_options *options,
	      struct vhdx_report *report, struct vhdx_image **image);
int vhd_open(struct vhdx_container *container,
	     const struct vhdx_open_options *options,
	     struct vhdx_report *report, struct vhdx_image **image);

#endif
