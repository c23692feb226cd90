/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of the device mapper as the load needs, without any library. */
#ifndef KILL_DM_H
#define KILL_DM_H

#include <stdint.h>

/* Return 0 or -1 with errno. The device is /dev/dm-0 if it is the first. */
int dm_create(const char *name, uint64_t sectors, const char *target,
	      const char *params);
int dm_message(const char *name, const char *message);

#endif
