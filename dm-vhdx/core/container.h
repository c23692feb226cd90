/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container: the file or block device that holds an image.
 *
 * Everything the core does to an image it does through these verbs, in one
 * thread at a time, so a container that records or refuses them sees the whole
 * truth. The promises:
 *
 * read   @len bytes at @offset. A range that ends past size() is -EUCLEAN.
 * write  Changes exactly the range. Nothing is durable; between two flushes
 *        writes, punches and resizes may survive in any order and any subset,
 *        a write may be torn at 512 bytes. Never extends: resize() first.
 * flush  All that completed before is durable on return. After an error
 *        nothing is known about it and nothing more may be promised (R10).
 * punch  The range reads as zeros afterwards and its space is given back where
 *        the host can. Size stays. -EOPNOTSUPP: nothing has changed.
 * resize Sets the size; what is added reads as zeros. Block devices accept
 *        any size up to their own and keep theirs.
 * size   Bytes, now.
 * next_data  The first offset in [@offset, @end) that is not in a hole of the
 *        host, or @end. Bytes in a hole read as zeros. May answer @offset when
 *        the host cannot tell.
 *
 * All may sleep, return 0 or -errno, and are idempotent.
 */
#ifndef VHDX_CONTAINER_H
#define VHDX_CONTAINER_H

#include "platform.h"

struct vhdx_container;

struct vhdx_container_ops {
	int (*read)(struct vhdx_container *c, u64 offset_bytes, void *buf,
		    size_t len_bytes);
	int (*write)(struct vhdx_container *c, u64 offset_bytes,
		     const void *buf, size_t len_bytes);
	int (*flush)(struct vhdx_container *c);
	int (*punch)(struct vhdx_container *c, u64 offset_bytes, u64 len_bytes);
	int (*resize)(struct vhdx_container *c, u64 size_bytes);
	u64 (*size)(struct vhdx_container *c);
	u64 (*next_data)(struct vhdx_container *c, u64 offset_bytes,
			 u64 end_bytes);
};

/**
 * struct vhdx_container - base of every container; embed it
 * @ops: the verbs
 * @fixed_size: a block device: resize() does not change size()
 * @cannot_punch: set by vhdx_container_zero() after the first -EOPNOTSUPP
 */
struct vhdx_container {
	const struct vhdx_container_ops *ops;
	bool fixed_size;
	bool cannot_punch;
};

int vhdx_container_zero(struct vhdx_container *c, u64 offset_bytes,
			u64 len_bytes);
int vhdx_container_copy(struct vhdx_container *c, u64 from_bytes, u64 to_bytes,
			u64 len_bytes, void *buf, size_t buf_bytes);
int vhdx_container_back(struct vhdx_container *c, u64 offset_bytes,
			u64 len_bytes);
bool vhdx_container_is_hole(struct vhdx_container *c, u64 offset_bytes,
			    u64 len_bytes);

static inline int vhdx_read(struct vhdx_container *c, u64 offset_bytes,
			    void *buf, size_t len_bytes)
{
	return c->ops->read(c, offset_bytes, buf, len_bytes);
}

static inline int vhdx_write(struct vhdx_container *c, u64 offset_bytes,
			     const void *buf, size_t len_bytes)
{
	return c->ops->write(c, offset_bytes, buf, len_bytes);
}

/*
 * After a flush that failed nobody knows what the medium has, whatever later ones
 * say. So this is no error after which one may try again: never -ENOMEM.
 */
static inline int vhdx_flush(struct vhdx_container *c)
{
	int err = c->ops->flush(c);

	return err == -ENOMEM ? -EIO : err;
}

static inline u64 vhdx_size(struct vhdx_container *c)
{
	return c->ops->size(c);
}

#endif
