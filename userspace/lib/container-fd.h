/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The container over a file descriptor: a regular file or a block device.
 */
#ifndef VHDX_LIB_CONTAINER_FD_H
#define VHDX_LIB_CONTAINER_FD_H

#include "core/container.h"

/**
 * struct vhdx_container_fd - a container over a descriptor
 * @container: the base
 * @fd: belongs to the caller
 * @device_bytes: size of a block device
 */
struct vhdx_container_fd {
	struct vhdx_container container;
	int fd;
	u64 device_bytes;
};

/**
 * vhdx_container_fd_init() - make a container of an open descriptor
 * @file: to be filled in; nothing to undo
 * @fd: must stay open as long as the container is used
 *
 * Return: 0; -EISDIR for a directory, -EMEDIUMTYPE for anything else that is
 * neither a regular file nor a block device, or an I/O error.
 */
int vhdx_container_fd_init(struct vhdx_container_fd *file, int fd);

#endif
