// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be said with the container's verbs: zero a range, copy a range,
 * ask whether a range is a hole.
 */
#include "container.h"

#define VHDX_ZERO_CHUNK_BYTES (64 * 1024)
/* Hosts make no smaller holes, as a rule. */
#define VHDX_HOLE_BYTES 4096

static int vhdx_container_write_zeros(struct vhdx_container *c,
				      u64 offset_bytes, u64 len_bytes)
{
	void *zeros = vhdx_alloc(VHDX_ZERO_CHUNK_BYTES);
	int err = 0;

	if (!zeros)
		return -ENOMEM;
	while (len_bytes && !err) {
		size_t n = min_t(u64, len_bytes, VHDX_ZERO_CHUNK_BYTES);

		err = vhdx_write(c, offset_bytes, zeros, n);
		offset_bytes += n;
		len_bytes -= n;
		vhdx_relax();
	}
	vhdx_free(zeros);
	return err;
}

/**
 * vhdx_container_zero() - make a range read as zeros
 * @c: container
 * @offset_bytes: start
 * @len_bytes: length; all inside the container
 *
 * Punches where the host can, else writes zeros. Not durable. May sleep.
 *
 * Return: 0 or -errno; after an error the range holds a mix.
 */
int vhdx_container_zero(struct vhdx_container *c, u64 offset_bytes,
			u64 len_bytes)
{
	int err = -EOPNOTSUPP;

	if (!len_bytes)
		return 0;
	if (!c->cannot_punch) {
		err = c->ops->punch(c, offset_bytes, len_bytes);
		if (err == -EOPNOTSUPP)
			c->cannot_punch = true;
	}
	if (err == -EOPNOTSUPP)
		err = vhdx_container_write_zeros(c, offset_bytes, len_bytes);
	return err;
}

/**
 * vhdx_container_copy() - copy bytes within the container
 * @c: container
 * @from_bytes: source
 * @to_bytes: destination, reads as zeros; must not overlap the source
 * @len_bytes: how much
 * @buf: buffer
 * @buf_bytes: its size
 *
 * Holes and zeros of the source are left out, so the copy takes no more space
 * than the original. Not durable. May sleep.
 *
 * Return: 0 or -errno.
 */
int vhdx_container_copy(struct vhdx_container *c, u64 from_bytes, u64 to_bytes,
			u64 len_bytes, void *buf, size_t buf_bytes)
{
	u64 done = 0;

	while (done < len_bytes) {
		u64 data = c->ops->next_data(c, from_bytes + done,
					     from_bytes + len_bytes);
		size_t n;
		int err;

		done = data - from_bytes;
		if (done >= len_bytes)
			break;
		n = min_t(u64, len_bytes - done, buf_bytes);
		err = vhdx_read(c, from_bytes + done, buf, n);
		if (!err && !vhdx_is_zero(buf, n))
			err = vhdx_write(c, to_bytes + done, buf, n);
		if (err)
			return err;
		done += n;
		vhdx_relax();
	}
	return 0;
}

/* Should the host be wrong about its holes, nothing is lost but time. */
static int vhdx_container_rewrite(struct vhdx_container *c, u64 offset_bytes,
				  u64 len_bytes)
{
	void *buf = vhdx_alloc(VHDX_ZERO_CHUNK_BYTES);
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (len_bytes && !err) {
		size_t n = min_t(u64, len_bytes, VHDX_ZERO_CHUNK_BYTES);

		err = vhdx_read(c, offset_bytes, buf, n);
		if (!err)
			err = vhdx_write(c, offset_bytes, buf, n);
		offset_bytes += n;
		len_bytes -= n;
		vhdx_relax();
	}
	vhdx_free(buf);
	return err;
}

/**
 * vhdx_container_back() - see that the host has space for a range
 * @c: container
 * @offset_bytes: start, a multiple of 4096
 * @len_bytes: length; all inside the container
 *
 * Holes are filled with what they read as, so what is written there later finds its space.
 * Not durable. May sleep.
 *
 * Return: 0, -ENOSPC or another -errno; the range reads as before.
 */
int vhdx_container_back(struct vhdx_container *c, u64 offset_bytes,
			u64 len_bytes)
{
	u64 end = offset_bytes + len_bytes;
	int err = 0;

	while (offset_bytes < end && !err) {
		u64 data = c->ops->next_data(c, offset_bytes, end);

		if (data > offset_bytes)
			err = vhdx_container_rewrite(c, offset_bytes,
						     data - offset_bytes);
		offset_bytes = ALIGN_DOWN(data, VHDX_HOLE_BYTES) +
			       VHDX_HOLE_BYTES;
		vhdx_relax();
	}
	return err;
}

/**
 * vhdx_container_is_hole() - does the range lie in a hole of the host
 * @c: container
 * @offset_bytes: start
 * @len_bytes: length
 *
 * Return: true only if the whole range owns no space and reads as zeros.
 */
bool vhdx_container_is_hole(struct vhdx_container *c, u64 offset_bytes,
			    u64 len_bytes)
{
	u64 end = offset_bytes + len_bytes;

	return c->ops->next_data(c, offset_bytes, end) >= end;
}
