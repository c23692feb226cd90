/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the platform in userspace offers beyond core/platform.h.
 */
#ifndef VHDX_LIB_PLATFORM_USER_H
#define VHDX_LIB_PLATFORM_USER_H

#include "../../dm-vhdx/core/platform.h"

/**
 * vhdx_platform_seed() - make vhdx_random_bytes() repeatable
 * @seed: the same seed gives the same bytes; 0 goes back to the kernel's
 *
 * For tests. Not thread-safe: call before any image is opened.
 */
void vhdx_platform_seed(u64 seed);

#endif
