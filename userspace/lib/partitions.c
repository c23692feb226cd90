// SPDX-License-Identifier: GPL-2.0-only
/* Partition tables and file system types, by libblkid. */
#include <blkid.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/partitions.h"

#define CLEANUP_PROBE CLEANUP(cleanup_probe)

static void cleanup_probe(blkid_probe *probe)
{
	if (*probe)
		blkid_free_probe(*probe);
}

static struct vhdx_partition decode(blkid_partition partition)
{
	struct vhdx_partition p = {
		.number = blkid_partition_get_partno(partition),
		.start_sectors = blkid_partition_get_start(partition),
		.len_sectors = blkid_partition_get_size(partition),
	};

	if (blkid_partition_is_extended(partition))
		p.len_sectors = min_t(u64, p.len_sectors, 2);
	return p;
}

int vhdx_partitions_read(const char *path, struct vhdx_partition **partitions,
			 size_t *count, struct vhdx_error *error)
{
	CLEANUP_PROBE blkid_probe probe = blkid_new_probe_from_filename(path);
	blkid_partlist list;
	int i, found;

	*partitions = NULL;
	*count = 0;
	if (!probe)
		return vhdx_error_set(error, errno ? errno : EIO,
				      "%s: cannot be read: %s", path,
				      strerror(errno ? errno : EIO));
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	list = blkid_probe_get_partitions(probe);
	if (!list)
		return 0;

	found = blkid_partlist_numof_partitions(list);
	if (found <= 0)
		return 0;
	*partitions = calloc(found, sizeof(**partitions));
	if (!*partitions)
		return vhdx_error_set(error, ENOMEM, "out of memory");
	for (i = 0; i < found; i++)
		(*partitions)[i] = decode(blkid_partlist_get_partition(list, i));
	*count = found;
	return 0;
}

void vhdx_filesystem_type(const char *path, char *type, size_t type_bytes)
{
	CLEANUP_PROBE blkid_probe probe = blkid_new_probe_from_filename(path);
	const char *value = NULL;

	type[0] = '\0';
	if (!probe)
		return;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
	if (!blkid_do_safeprobe(probe) &&
	    !blkid_probe_lookup_value(probe, "TYPE", &value, NULL))
		snprintf(type, type_bytes, "%s", value);
}
