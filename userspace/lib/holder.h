/* SPDX-License-Identifier: GPL-2.0-only */
/* Which mapping of this host holds an image. */
#ifndef VHDX_LIB_HOLDER_H
#define VHDX_LIB_HOLDER_H

#include "lib/dm.h"

/**
 * vhdx_holder_name() - the mapping that an image file is behind
 * @fd: the image
 * @name: filled in
 *
 * Root asks the device-mapper. Others cannot; for them the id in the image is
 * looked for in sysfs, which may name the mapping of a copy. Never fails
 * loudly: it serves error messages and the choice of a way, not safety.
 *
 * Return: true if there is one.
 */
bool vhdx_holder_name(int fd, char name[VHDX_DM_NAME_BYTES]);

#endif
