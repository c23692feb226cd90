// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading through, and writing out, what the log holds.
 */
#include "overlay.h"
#include "vhdx-format.h"

/* Bytes of a patch that fall into [offset, offset + len) of a buffer. */
static void vhdx_patch_apply(const struct vhdx_patch *patch, u64 offset,
			     u8 *buf, size_t len)
{
	u64 start = max(patch->offset_bytes, offset);
	u64 end = min(patch->offset_bytes + patch->len_bytes, offset + len);

	if (start >= end)
		return;
	if (patch->page)
		memcpy(buf + (start - offset),
		       patch->page + (start - patch->offset_bytes),
		       end - start);
	else
		memset(buf + (start - offset), 0, end - start);
}

/**
 * vhdx_overlay_size() - length of the file as it will be after replay
 * @overlay: what the log holds
 * @c: container
 */
u64 vhdx_overlay_size(const struct vhdx_overlay *overlay,
		      struct vhdx_container *c)
{
	return max(vhdx_size(c), overlay->file_bytes);
}

/**
 * vhdx_overlay_read() - read the file as it will be after replay
 * @overlay: what the log holds
 * @c: container
 * @offset_bytes: where
 * @buf: to
 * @len_bytes: how much, inside vhdx_overlay_size()
 *
 * May sleep. Return: 0 or -errno.
 */
int vhdx_overlay_read(const struct vhdx_overlay *overlay,
		      struct vhdx_container *c, u64 offset_bytes, void *buf,
		      size_t len_bytes)
{
	u64 size = vhdx_size(c);
	u64 in_file = offset_bytes < size ?
		      min_t(u64, len_bytes, size - offset_bytes) : 0;
	size_t i;
	int err;

	if (offset_bytes + len_bytes > vhdx_overlay_size(overlay, c))
		return -EUCLEAN;
	if (in_file) {
		err = vhdx_read(c, offset_bytes, buf, in_file);
		if (err)
			return err;
	}
	memset((u8 *)buf + in_file, 0, len_bytes - in_file);
	for (i = 0; i < overlay->count; i++)
		vhdx_patch_apply(&overlay->patch[i], offset_bytes, buf,
				 len_bytes);
	return 0;
}

/**
 * vhdx_overlay_write_out() - replay into the file ([MS-VHDX] 2.3.3)
 * @overlay: what the log holds
 * @c: container
 *
 * Idempotent: after a crash inside it the log is still there and does it
 * again. Durable on return. May sleep.
 *
 * Return: 0 or -errno.
 */
int vhdx_overlay_write_out(const struct vhdx_overlay *overlay,
			   struct vhdx_container *c)
{
	size_t i;
	int err = 0;

	if (overlay->file_bytes > vhdx_size(c))
		err = c->ops->resize(c, overlay->file_bytes);
	for (i = 0; i < overlay->count && !err; i++) {
		const struct vhdx_patch *patch = &overlay->patch[i];

		if (patch->page)
			err = vhdx_write(c, patch->offset_bytes, patch->page,
					 patch->len_bytes);
		else
			err = vhdx_container_zero(c, patch->offset_bytes,
						  patch->len_bytes);
		vhdx_relax();
	}
	return err ? err : vhdx_flush(c);
}

void vhdx_overlay_destroy(struct vhdx_overlay *overlay)
{
	vhdx_free(overlay->patch);
	vhdx_free(overlay->pages);
	memset(overlay, 0, sizeof(*overlay));
}
