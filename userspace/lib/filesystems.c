// SPDX-License-Identifier: GPL-2.0-only
/* The file systems on a mapping, by libblkid, libmount and sysfs. */
#include <fcntl.h>
#include <libmount.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "lib/filesystems.h"

#define TRIM_PIECE_BYTES (16ULL << 30)

#define CLEANUP_MOUNTS CLEANUP(cleanup_mounts)
#define CLEANUP_ITERATOR CLEANUP(cleanup_iterator)

static void cleanup_mounts(struct libmnt_table **mounts)
{
	mnt_unref_table(*mounts);
}

static void cleanup_iterator(struct libmnt_iter **iterator)
{
	mnt_free_iter(*iterator);
}

/* btrfs mounts show an anonymous device; there the source tells. */
static bool is_mount_of(struct libmnt_fs *mount, dev_t device)
{
	const char *source = mnt_fs_get_source(mount);
	struct stat st;

	if (mnt_fs_get_devno(mount) == device)
		return true;
	return major(mnt_fs_get_devno(mount)) == 0 && source &&
	       source[0] == '/' && !stat(source, &st) &&
	       S_ISBLK(st.st_mode) && st.st_rdev == device;
}

/* Another mount may lie on top of it, and would be asked in its place. */
static bool is_covered(struct libmnt_fs *mount)
{
	dev_t device = mnt_fs_get_devno(mount);
	struct stat st;

	if (stat(mnt_fs_get_target(mount), &st))
		return true;
	return major(device) && st.st_dev != device;
}

/* The first mount that can be reached. */
static int find_mount(struct libmnt_table *mounts, dev_t device,
		      struct vhdx_filesystem *fs)
{
	CLEANUP_ITERATOR struct libmnt_iter *iterator = NULL;
	struct libmnt_fs *mount;

	iterator = mnt_new_iter(MNT_ITER_FORWARD);
	if (!iterator)
		return -ENOMEM;
	while (!mnt_table_next_fs(mounts, iterator, &mount)) {
		if (!is_mount_of(mount, device))
			continue;
		if (is_covered(mount)) {
			snprintf(fs->why_not, sizeof(fs->why_not),
				 "it cannot be reached at %.100s, another mount covers it",
				 mnt_fs_get_target(mount));
			continue;
		}
		snprintf(fs->type, sizeof(fs->type), "%s",
			 mnt_fs_get_fstype(mount));
		fs->mount_point = strdup(mnt_fs_get_target(mount));
		return fs->mount_point ? 0 : -ENOMEM;
	}
	return 0;
}

/* Something stacked on the device: its name in sysfs, or false. */
static bool find_user(dev_t device, char *name, size_t name_bytes)
{
	CLEANUP_CLOSEDIR DIR *holders = NULL;
	struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders",
		 major(device), minor(device));
	holders = opendir(path);
	while (holders && (entry = readdir(holders))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, name_bytes, "%.32s", entry->d_name);
		return true;
	}
	return false;
}

static void explain_unmounted(struct vhdx_filesystem *fs, dev_t device)
{
	char user[40];

	vhdx_filesystem_type(fs->device, fs->type, sizeof(fs->type));
	if (fs->why_not[0])
		return;
	if (find_user(device, user, sizeof(user)))
		snprintf(fs->why_not, sizeof(fs->why_not),
			 "it is part of %s, which is not looked into", user);
	else if (!fs->type[0])
		snprintf(fs->why_not, sizeof(fs->why_not),
			 "it holds no file system that is known");
	else
		snprintf(fs->why_not, sizeof(fs->why_not), "it is not mounted");
}

/* Fill in what is on the device named @name. */
static int look_at(struct vhdx_filesystem *fs, const char *name,
		   struct libmnt_table *mounts)
{
	struct stat st;
	int ret;

	snprintf(fs->device, sizeof(fs->device), "/dev/mapper/%s", name);
	if (stat(fs->device, &st) || !S_ISBLK(st.st_mode)) {
		fs->device[0] = '\0';
		snprintf(fs->why_not, sizeof(fs->why_not),
			 "it has no partition map; 'vhdxsetup open --refresh' makes one");
		return 0;
	}
	ret = find_mount(mounts, st.st_rdev, fs);
	if (!ret && !fs->mount_point)
		explain_unmounted(fs, st.st_rdev);
	return ret;
}

static int look_at_all(const struct vhdx_mapping *mapping,
		       const struct vhdx_partition *partitions, size_t count,
		       struct vhdx_filesystems *filesystems)
{
	CLEANUP_MOUNTS struct libmnt_table *mounts = NULL;
	char name[VHDX_DM_NAME_BYTES];
	size_t i;
	int ret = 0;

	mounts = mnt_new_table_from_file("/proc/self/mountinfo");
	if (!mounts)
		return -ENOENT;
	filesystems->list = calloc(count ? count : 1,
				   sizeof(*filesystems->list));
	if (!filesystems->list)
		return -ENOMEM;
	if (!count) {
		filesystems->count = 1;
		return look_at(&filesystems->list[0], mapping->device.name,
			       mounts);
	}
	for (i = 0; !ret && i < count; i++) {
		struct vhdx_filesystem *fs;

		if (partitions[i].len_sectors <= 2)
			continue;	/* extended */
		fs = &filesystems->list[filesystems->count++];
		fs->number = partitions[i].number;
		vhdx_partition_name(mapping->device.name, fs->number, name);
		ret = look_at(fs, name, mounts);
	}
	return ret;
}

int vhdx_filesystems_find(const struct vhdx_mapping *mapping,
			  struct vhdx_filesystems *filesystems,
			  struct vhdx_error *error)
{
	CLEANUP_FREE struct vhdx_partition *partitions = NULL;
	char path[VHDX_DM_NAME_BYTES + 16];
	size_t count;
	int ret;

	snprintf(path, sizeof(path), "/dev/mapper/%s", mapping->device.name);
	ret = vhdx_partitions_read(path, &partitions, &count, error);
	if (ret)
		return ret;
	ret = look_at_all(mapping, partitions, count, filesystems);
	return ret ? vhdx_error_set(error, -ret,
				    "%s: the mounted file systems cannot be found: %s",
				    mapping->device.name, strerror(-ret)) : 0;
}

void vhdx_filesystems_free(struct vhdx_filesystems *filesystems)
{
	size_t i;

	for (i = 0; i < filesystems->count; i++)
		free(filesystems->list[i].mount_point);
	free(filesystems->list);
}

/* How much to trim in one call: others number their space in other ways. */
static u64 piece_bytes(const struct vhdx_filesystem *fs)
{
	if (!strncmp(fs->type, "ext", 3) || !strcmp(fs->type, "xfs"))
		return TRIM_PIECE_BYTES;
	return U64_MAX;
}

static int trim_pieces(struct vhdx_filesystem *fs, int fd,
		       bool (*stop)(void *data), void *data)
{
	struct fstrim_range range = { .len = piece_bytes(fs) };
	struct statfs st;
	u64 end_bytes;

	/* What was deleted is free only after the journal says so. */
	if (syncfs(fd) || fstatfs(fd, &st))
		return -errno;
	/* Some file systems keep blocks of their own out of f_blocks. */
	end_bytes = (u64)st.f_blocks * st.f_frsize;
	end_bytes += end_bytes / 8 + TRIM_PIECE_BYTES;
	for (;;) {
		if (stop && stop(data))
			return -EINTR;
		if (ioctl(fd, FITRIM, &range)) {
			/* Past its end, and no longer the first piece. */
			if (errno == EINVAL && range.start)
				return 0;
			return -errno;
		}
		fs->trimmed_bytes += range.len;
		if (piece_bytes(fs) == U64_MAX ||
		    range.start + TRIM_PIECE_BYTES >= end_bytes)
			return 0;
		range.start += TRIM_PIECE_BYTES;
		range.len = TRIM_PIECE_BYTES;
	}
}

void vhdx_filesystem_trim(struct vhdx_filesystem *filesystem,
			  bool (*stop)(void *data), void *data)
{
	CLEANUP_CLOSE int fd = -1;
	int ret;

	fd = open(filesystem->mount_point, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ret = fd < 0 ? -errno : trim_pieces(filesystem, fd, stop, data);
	switch (ret) {
	case 0:
		filesystem->trimmed = true;
		return;
	case -ENOTTY:
	case -EOPNOTSUPP:
		snprintf(filesystem->why_not, sizeof(filesystem->why_not),
			 "%s here does not discard", filesystem->type);
		return;
	case -EINTR:
		snprintf(filesystem->why_not, sizeof(filesystem->why_not),
			 "stopped on request");
		return;
	default:
		snprintf(filesystem->why_not, sizeof(filesystem->why_not),
			 "discarding failed: %s", strerror(-ret));
	}
}
