/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file systems on a mapping, and asking the mounted ones to say what they
 * do not use.
 */
#ifndef VHDX_LIB_FILESYSTEMS_H
#define VHDX_LIB_FILESYSTEMS_H

#include "lib/mapping.h"

/**
 * struct vhdx_filesystem - one partition, or a whole disk without partitions
 * @number: of the partition, 0 for the whole disk
 * @device: path of its device, empty if it has none
 * @type: what is on it, empty if unknown
 * @mount_point: one of them, NULL if it is not mounted
 * @trimmed_bytes: what it said was unused
 * @trimmed: it was asked and answered
 * @why_not: why it was not asked, or did not answer
 */
struct vhdx_filesystem {
	int number;
	char device[VHDX_DM_NAME_BYTES + 16];
	char type[32];
	char *mount_point;
	u64 trimmed_bytes;
	bool trimmed;
	char why_not[192];
};

struct vhdx_filesystems {
	struct vhdx_filesystem *list;
	size_t count;
};

#define CLEANUP_FILESYSTEMS CLEANUP(vhdx_filesystems_free)

int vhdx_filesystems_find(const struct vhdx_mapping *mapping,
			  struct vhdx_filesystems *filesystems,
			  struct vhdx_error *error);
void vhdx_filesystems_free(struct vhdx_filesystems *filesystems);

/**
 * vhdx_filesystem_trim() - FITRIM, in pieces where the file system allows it
 * @filesystem: mounted; what happened is noted in it
 * @stop: asked between pieces, true ends it; may be NULL
 * @data: for @stop
 */
void vhdx_filesystem_trim(struct vhdx_filesystem *filesystem,
			  bool (*stop)(void *data), void *data);

#endif
