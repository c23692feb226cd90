// SPDX-License-Identifier: GPL-2.0-only
/* Which mapping of this host holds an image. */
#include <stdio.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/holder.h"
#include "lib/image-file.h"
#include "lib/mapping.h"

static bool same_file(const struct stat *a, const char *path)
{
	struct stat b;

	if (stat(path, &b))
		return false;
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b.st_mode) && a->st_rdev == b.st_rdev;
	return a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

static bool ask_device_mapper(int fd, char name[VHDX_DM_NAME_BYTES])
{
	CLEANUP_FREE struct vhdx_dm_device *devices = NULL;
	struct vhdx_error error;
	size_t i, count;
	bool found = false;
	struct stat st;

	if (fstat(fd, &st) || vhdx_mapping_list(&devices, &count, &error))
		return false;
	for (i = 0; i < count && !found; i++) {
		CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };

		if (vhdx_mapping_find(devices[i].name, &mapping, &error) ||
		    !same_file(&st, mapping.image))
			continue;
		snprintf(name, VHDX_DM_NAME_BYTES, "%s", devices[i].name);
		found = true;
	}
	return found;
}

/* First line of /sys/block/DISK/dm/WHAT. */
static bool read_attribute(const char *disk, const char *what, char *text,
			   int text_bytes)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char path[320];

	snprintf(path, sizeof(path), "/sys/block/%s/dm/%s", disk, what);
	file = fopen(path, "re");
	if (!file || !fgets(text, text_bytes, file))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool ask_sysfs(int fd, char name[VHDX_DM_NAME_BYTES])
{
	CLEANUP_CLOSEDIR DIR *disks = opendir("/sys/block");
	struct vhdx_open_options options = { .any_format = true };
	char prefix[VHDX_DM_UUID_BYTES], uuid[VHDX_DM_UUID_BYTES];
	struct vhdx_report report = { 0 };
	struct vhdx_container_fd file;
	struct vhdx_image *image;
	struct dirent *disk;

	if (!disks || vhdx_container_fd_init(&file, fd) ||
	    vhdx_image_open(&file.container, &options, &report, &image))
		return false;
	vhdx_mapping_uuid(vhdx_image_geometry(image), "", prefix);
	vhdx_image_close(image);

	while ((disk = readdir(disks)))
		if (!strncmp(disk->d_name, "dm-", 3) &&
		    read_attribute(disk->d_name, "uuid", uuid, sizeof(uuid)) &&
		    !strncmp(uuid, prefix, strlen(prefix)))
			return read_attribute(disk->d_name, "name", name,
					      VHDX_DM_NAME_BYTES);
	return false;
}

bool vhdx_holder_name(int fd, char name[VHDX_DM_NAME_BYTES])
{
	return geteuid() ? ask_sysfs(fd, name) : ask_device_mapper(fd, name);
}
