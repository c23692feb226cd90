// SPDX-License-Identifier: GPL-2.0-only
/* The container over a file descriptor. */
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container-fd.h"

static int fd_of(struct vhdx_container *c)
{
	return container_of(c, struct vhdx_container_fd, container)->fd;
}

static int fd_read(struct vhdx_container *c, u64 offset_bytes, void *buf,
		   size_t len_bytes)
{
	ssize_t got;

	while (len_bytes) {
		got = pread(fd_of(c), buf, len_bytes, offset_bytes);
		if (!got)
			return -EUCLEAN;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0) {
			buf = (char *)buf + got;
			offset_bytes += got;
			len_bytes -= got;
		}
	}
	return 0;
}

static u64 fd_size(struct vhdx_container *c)
{
	struct stat st;

	if (c->fixed_size)
		return container_of(c, struct vhdx_container_fd,
				    container)->device_bytes;
	return fstat(fd_of(c), &st) ? 0 : st.st_size;
}

static int fd_write(struct vhdx_container *c, u64 offset_bytes,
		    const void *buf, size_t len_bytes)
{
	u64 end_bytes;
	ssize_t put;

	if (check_add_overflow(offset_bytes, (u64)len_bytes, &end_bytes) ||
	    end_bytes > fd_size(c))
		return -EINVAL;

	while (len_bytes) {
		put = pwrite(fd_of(c), buf, len_bytes, offset_bytes);
		if (!put)
			return -EIO;
		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			buf = (const char *)buf + put;
			offset_bytes += put;
			len_bytes -= put;
		}
	}
	return 0;
}

static int fd_flush(struct vhdx_container *c)
{
	return fdatasync(fd_of(c)) ? -errno : 0;
}

/*
 * The same call serves both kinds: on a block device it zeroes by unmapping
 * or write-zeroes and is refused, unlike BLKDISCARD, where the device does not
 * promise zeros. EINVAL there is a range off the device's sectors.
 */
static int fd_punch(struct vhdx_container *c, u64 offset_bytes, u64 len_bytes)
{
	int ret;

	do {
		ret = fallocate(fd_of(c),
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				offset_bytes, len_bytes);
	} while (ret && errno == EINTR);

	if (!ret)
		return 0;
	if (errno == ENOSYS || (errno == EINVAL && c->fixed_size))
		return -EOPNOTSUPP;
	return -errno;
}

static int fd_resize(struct vhdx_container *c, u64 size_bytes)
{
	int ret;

	if (c->fixed_size)
		return size_bytes > fd_size(c) ? -ENOSPC : 0;
	do {
		ret = ftruncate(fd_of(c), size_bytes);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

static u64 fd_next_data(struct vhdx_container *c, u64 offset_bytes,
			u64 end_bytes)
{
	off_t data;

	if (c->fixed_size)
		return offset_bytes;
	data = lseek(fd_of(c), offset_bytes, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? end_bytes : offset_bytes;
	return min((u64)data, end_bytes);
}

static const struct vhdx_container_ops fd_ops = {
	.read = fd_read,
	.write = fd_write,
	.flush = fd_flush,
	.punch = fd_punch,
	.resize = fd_resize,
	.size = fd_size,
	.next_data = fd_next_data,
};

int vhdx_container_fd_init(struct vhdx_container_fd *file, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -EMEDIUMTYPE;

	*file = (struct vhdx_container_fd) {
		.container.ops = &fd_ops,
		.container.fixed_size = S_ISBLK(st.st_mode),
		.fd = fd,
	};
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &file->device_bytes))
		return -errno;
	return 0;
}
