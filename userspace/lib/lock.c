// SPDX-License-Identifier: GPL-2.0-only
/*
 * Image locks, in QEMU's scheme: a shared lock on byte 100 + p says that this
 * user has permission p, one on byte 200 + p that it does not let others have
 * it. A conflict is found by asking for an exclusive lock on the opposite byte.
 */
#include <fcntl.h>
#include <unistd.h>

#include "lock.h"

#define PERMISSION_BYTE 100
#define UNSHARED_BYTE 200

enum {
	PERMISSION_READ = 1 << 0,
	PERMISSION_WRITE = 1 << 1,
	PERMISSION_RESIZE = 1 << 3,
	PERMISSIONS = 4,
};

static int lock_bytes(int fd, off_t first, unsigned int permissions)
{
	struct flock lock;
	unsigned int p;

	for (p = 0; p < PERMISSIONS; p++) {
		lock = (struct flock) {
			.l_type = permissions & 1 << p ? F_RDLCK : F_UNLCK,
			.l_whence = SEEK_SET,
			.l_start = first + p,
			.l_len = 1,
		};
		if (fcntl(fd, F_OFD_SETLK, &lock))
			return errno == EAGAIN || errno == EACCES ? -EBUSY :
								    -errno;
	}
	return 0;
}

/* Does another user hold one of these bytes? 1, 0 or an error. */
static int bytes_are_held(int fd, off_t first, unsigned int permissions)
{
	struct flock lock;
	unsigned int p;

	for (p = 0; p < PERMISSIONS; p++) {
		if (!(permissions & 1 << p))
			continue;
		lock = (struct flock) {
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = first + p,
			.l_len = 1,
		};
		if (fcntl(fd, F_OFD_GETLK, &lock))
			return -errno;
		if (lock.l_type != F_UNLCK)
			return 1;
	}
	return 0;
}

static int find_conflict(int fd, unsigned int held, unsigned int unshared,
			 enum vhdx_lock_conflict *conflict)
{
	int ret;

	ret = bytes_are_held(fd, PERMISSION_BYTE, unshared);
	if (ret > 0) {
		*conflict = VHDX_LOCK_HAS_WRITER;
		return -EBUSY;
	}
	if (ret < 0)
		return ret;
	ret = bytes_are_held(fd, UNSHARED_BYTE, held);
	if (ret > 0) {
		*conflict = VHDX_LOCK_HAS_READER;
		return -EBUSY;
	}
	return ret;
}

int vhdx_lock_image(int fd, bool write, enum vhdx_lock_conflict *conflict)
{
	unsigned int unshared = PERMISSION_WRITE | PERMISSION_RESIZE;
	unsigned int held = PERMISSION_READ | (write ? unshared : 0);
	int ret;

	*conflict = VHDX_LOCK_NONE;
	ret = lock_bytes(fd, PERMISSION_BYTE, held);
	if (!ret)
		ret = lock_bytes(fd, UNSHARED_BYTE, unshared);
	if (!ret)
		ret = find_conflict(fd, held, unshared, conflict);
	if (ret) {
		lock_bytes(fd, PERMISSION_BYTE, 0);
		lock_bytes(fd, UNSHARED_BYTE, 0);
	}
	return ret;
}
