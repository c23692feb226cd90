/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VHDX metadata region ([MS-VHDX] 2.6).
 */
#ifndef VHDX_METADATA_H
#define VHDX_METADATA_H

#include "finding.h"
#include "overlay.h"
#include "region.h"
#include "vhdx-format.h"

/**
 * struct vhdx_metadata - the known items, checked
 * @block_bytes: payload block size
 * @leave_blocks_allocated: a fixed image
 * @virtual_bytes: size of the disk
 * @sector_bytes: logical sector
 * @physical_bytes: physical sector
 * @disk_id: virtual disk id (SCSI VPD page 83)
 */
struct vhdx_metadata {
	u32 block_bytes;
	bool leave_blocks_allocated;
	u64 virtual_bytes;
	u32 sector_bytes;
	u32 physical_bytes;
	vhdx_guid disk_id;
};

int vhdx_metadata_read(struct vhdx_metadata *metadata,
		       struct vhdx_container *c,
		       const struct vhdx_overlay *overlay,
		       const struct vhdx_region *region,
		       struct vhdx_report *report);

#endif
