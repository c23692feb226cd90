/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a log replay would write, kept in memory: a read-only open sees the
 * file through it, a writable one writes it out before its first change.
 */
#ifndef VHDX_OVERLAY_H
#define VHDX_OVERLAY_H

#include "container.h"

/**
 * struct vhdx_patch - one descriptor of the log
 * @offset_bytes: where it goes, a multiple of 4096
 * @len_bytes: how much, a multiple of 4096
 * @page: the 4096 bytes, or NULL: zeros
 */
struct vhdx_patch {
	u64 offset_bytes;
	u64 len_bytes;
	const u8 *page;
};

/**
 * struct vhdx_overlay - patches in the order of their log entries
 * @patch: the patches
 * @count: how many
 * @room: how many fit
 * @pages: memory that @patch points into
 * @file_bytes: the file is at least this long after replay (LastFileOffset)
 */
struct vhdx_overlay {
	struct vhdx_patch *patch;
	size_t count;
	size_t room;
	void *pages;
	u64 file_bytes;
};

int vhdx_overlay_read(const struct vhdx_overlay *overlay,
		      struct vhdx_container *c, u64 offset_bytes, void *buf,
		      size_t len_bytes);
int vhdx_overlay_write_out(const struct vhdx_overlay *overlay,
			   struct vhdx_container *c);
u64 vhdx_overlay_size(const struct vhdx_overlay *overlay,
		      struct vhdx_container *c);
void vhdx_overlay_destroy(struct vhdx_overlay *overlay);

#endif
