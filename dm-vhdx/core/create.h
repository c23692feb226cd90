/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing a new image into an empty container. Not part of the module.
 */
#ifndef VHDX_CREATE_H
#define VHDX_CREATE_H

#include "image.h"

/**
 * struct vhdx_create_options - what to create
 * @format: VHDX or VHD
 * @type: fixed or dynamic
 * @virtual_bytes: a multiple of the sector (VHD: of 1 MiB as Azure wants it)
 * @block_bytes: 0 for the default (VHDX 32 MiB, VHD 2 MiB)
 * @sector_bytes: 512 or 4096; 0 for 512
 * @physical_bytes: 512 or 4096; 0 for 4096
 * @log_bytes: 0 for 1 MiB
 * @timestamp: VHD, seconds since 2000-01-01 UTC
 */
struct vhdx_create_options {
	enum vhdx_format format;
	enum vhdx_type type;
	u64 virtual_bytes;
	u32 block_bytes;
	u32 sector_bytes;
	u32 physical_bytes;
	u32 log_bytes;
	u32 timestamp;
};

/**
 * vhdx_create() - write a new image and flush it
 * @container: empty; is resized
 * @options: what to create
 *
 * Return: 0, -EINVAL for numbers the format does not allow, or an I/O error.
 */
int vhdx_create(struct vhdx_container *container,
		const struct vhdx_create_options *options);
int vhdx_create_vhdx(struct vhdx_container *container,
		     const struct vhdx_create_options *options);
int vhdx_create_vhd(struct vhdx_container *container,
		    const struct vhdx_create_options *options);

#endif
