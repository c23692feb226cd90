/* SPDX-License-Identifier: GPL-2.0-only */
/* The partition table of a device, as libblkid reads it. */
#ifndef VHDX_LIB_PARTITIONS_H
#define VHDX_LIB_PARTITIONS_H

#include "core/platform.h"
#include "lib/error.h"

struct vhdx_partition {
	int number;
	u64 start_sectors;
	u64 len_sectors;
};

/**
 * vhdx_partitions_read() - read the partition table
 * @path: of the block device
 * @partitions: for free(), NULL if there is none
 * @count: of them
 * @error: what went wrong
 *
 * An extended partition is cut to two sectors, as the kernel and kpartx do.
 * Return: 0 (also where there is no partition table) or -errno.
 */
int vhdx_partitions_read(const char *path, struct vhdx_partition **partitions,
			 size_t *count, struct vhdx_error *error);

/**
 * vhdx_filesystem_type() - what libblkid takes the content of a device for
 * @path: of the block device
 * @type: filled in: "ext4", "crypto_LUKS", ..., empty if it cannot tell
 * @type_bytes: room in @type
 */
void vhdx_filesystem_type(const char *path, char *type, size_t type_bytes);

#endif
