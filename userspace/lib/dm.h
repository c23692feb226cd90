/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device-mapper control: all calls to libdevmapper are behind these. With udev
 * they wait for it, without it (or with DM_DISABLE_UDEV=1) libdevmapper makes
 * the nodes in /dev/mapper itself. Every call needs root.
 */
#ifndef VHDX_LIB_DM_H
#define VHDX_LIB_DM_H

#include "core/platform.h"
#include "lib/error.h"

#define VHDX_DM_NAME_BYTES 128
#define VHDX_DM_UUID_BYTES 129

/**
 * struct vhdx_dm_device - one device
 * @open_count: opened files, mounts and devices on top of it
 * @read_only: its table was loaded read-only
 */
struct vhdx_dm_device {
	char name[VHDX_DM_NAME_BYTES];
	char uuid[VHDX_DM_UUID_BYTES];
	u32 major;
	u32 minor;
	int open_count;
	bool read_only;
	bool suspended;
};

/**
 * struct vhdx_dm_table - one target
 * @target: its type
 * @parameters: its table line or status line without the first three words
 */
struct vhdx_dm_table {
	u64 sectors;
	char target[16];
	const char *parameters;
	bool read_only;
};

/* Loads the module if need be. -ENODEV: there is none, or no device-mapper. */
int vhdx_dm_require_target(const char *target, struct vhdx_error *error);
int vhdx_dm_create(const char *name, const char *uuid,
		   const struct vhdx_dm_table *table, struct vhdx_error *error);
int vhdx_dm_reload(const char *name, const struct vhdx_dm_table *table,
		   struct vhdx_error *error);
/* @deferred: when the last user has gone, if not now. */
int vhdx_dm_remove(const char *name, bool deferred, struct vhdx_error *error);
/* -ENODEV: no such device. */
int vhdx_dm_find(const char *name, struct vhdx_dm_device *device,
		 struct vhdx_error *error);
/* Devices whose UUID begins with @prefix; *devices is for free(). */
int vhdx_dm_list(const char *prefix, struct vhdx_dm_device **devices,
		 size_t *count, struct vhdx_error *error);
/* The table, or the status; *text is for free(), @table points into it. */
int vhdx_dm_read_table(const char *name, bool status,
		       struct vhdx_dm_table *table, char **text,
		       struct vhdx_error *error);
/* *reply (may be NULL) is for free(), empty if there was none. */
int vhdx_dm_message(const char *name, const char *message, char **reply,
		    struct vhdx_error *error);

#endif
