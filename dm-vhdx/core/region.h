/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VHDX region table ([MS-VHDX] 2.2.3).
 */
#ifndef VHDX_REGION_H
#define VHDX_REGION_H

#include "finding.h"
#include "overlay.h"
#include "space.h"
#include "vhdx-format.h"

/**
 * struct vhdx_region - where a region is; zero length: there is none
 */
struct vhdx_region {
	u64 offset_bytes;
	u32 len_bytes;
};

/**
 * struct vhdx_regions - the known ones
 * @bat: block allocation table
 * @metadata: metadata table and items
 */
struct vhdx_regions {
	struct vhdx_region bat;
	struct vhdx_region metadata;
};

int vhdx_regions_read(struct vhdx_regions *regions, struct vhdx_container *c,
		      const struct vhdx_overlay *overlay,
		      struct vhdx_space *space, bool check,
		      struct vhdx_report *report);

#endif
