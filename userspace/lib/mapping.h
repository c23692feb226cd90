/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mapping: an image behind a device of target vhdx, and the partition maps
 * on top of it, named and tagged as kpartx does.
 */
#ifndef VHDX_LIB_MAPPING_H
#define VHDX_LIB_MAPPING_H

#include "core/image.h"
#include "lib/cleanup.h"
#include "lib/dm.h"
#include "lib/partitions.h"

struct vhdx_image_file;

#define VHDX_TARGET "vhdx"
#define VHDX_UUID_PREFIX "VHDX-"
/* So that the longest UUID, that of a partition map, still fits. */
#define VHDX_MAPPING_NAME_MAX 80

/**
 * struct vhdx_mapping - an active mapping
 * @device: as the device-mapper knows it
 * @sectors: its size
 * @image: path of the image as the kernel names it, unescaped
 * @arguments: the rest of the table line
 */
struct vhdx_mapping {
	struct vhdx_dm_device device;
	u64 sectors;
	char *image;
	char *arguments;
};

#define CLEANUP_MAPPING CLEANUP(vhdx_mapping_free)

/**
 * struct vhdx_mapping_options - how to map
 */
struct vhdx_mapping_options {
	bool read_only;
	bool no_discard;
	bool no_partitions;
};

/* 0, or -EINVAL for a name that is empty, too long or needs escaping. */
int vhdx_mapping_check_name(const char *name, struct vhdx_error *error);

/*
 * 0, or -EOPNOTSUPP for a file that the module will refuse to write. Before it is
 * opened for writing: on overlayfs that alone may copy all of it.
 */
int vhdx_mapping_check_file(const char *path,
			    const struct vhdx_mapping_options *options,
			    struct vhdx_error *error);
void vhdx_mapping_uuid(const struct vhdx_geometry *geometry, const char *name,
		       char uuid[VHDX_DM_UUID_BYTES]);

/**
 * vhdx_mapping_open() - map an image that is open, locked and loaded
 * @file: its descriptor goes to the kernel with the lock on it; the image is
 *	closed, the file may be closed afterwards (a block device is)
 * @name: checked
 * @options: how
 * @error: what went wrong; nothing is left behind then
 */
int vhdx_mapping_open(struct vhdx_image_file *file, const char *name,
		      const struct vhdx_mapping_options *options,
		      struct vhdx_error *error);
int vhdx_mapping_close(const char *name, bool deferred,
		       struct vhdx_error *error);
/* Make the partition maps follow the partition table. Maps in use stay. */
int vhdx_mapping_refresh(const struct vhdx_mapping *mapping,
			 struct vhdx_error *error);

/* Devices of target vhdx; *devices is for free(). */
int vhdx_mapping_list(struct vhdx_dm_device **devices, size_t *count,
		      struct vhdx_error *error);
/* @mapping: all zero. -ENODEV: no such device; -EMEDIUMTYPE: not one of ours */
int vhdx_mapping_find(const char *name, struct vhdx_mapping *mapping,
		      struct vhdx_error *error);
/* By a mount, a program, another device: partition maps alone do not count. */
int vhdx_mapping_in_use(const struct vhdx_mapping *mapping, bool *in_use,
			struct vhdx_error *error);
void vhdx_mapping_free(struct vhdx_mapping *mapping);

/**
 * struct vhdx_mapping_status - the status line of the target
 *
 * In the order of the line; the words stand for themselves.
 */
struct vhdx_mapping_status {
	u64 virtual_bytes;
	u64 block_bytes;
	u64 blocks;
	u64 blocks_present;
	u64 file_bytes;
	u64 free_bytes;
	u64 pending_bytes;
	u64 commits;
	u64 dirty;
	char format[8];
	char type[16];
	char io[16];
	char compaction[16];
	u64 percent;
	char mode[8];
};

int vhdx_mapping_read_status(const char *name,
			     struct vhdx_mapping_status *status,
			     struct vhdx_error *error);

/* The map of partition @number; name or UUID. */
void vhdx_partition_name(const char *mapping, int number,
			 char name[VHDX_DM_NAME_BYTES]);
void vhdx_partition_uuid(const char *mapping_uuid, int number,
			 char uuid[VHDX_DM_UUID_BYTES]);
/* Number of the partition that @device maps on @mapping_uuid, 0 if none. */
int vhdx_partition_number(const struct vhdx_dm_device *device,
			  const char *mapping_uuid);

#endif
