/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The GUIDs by which others notice that a VHDX has been changed: rules R1a and
 * R1d of Documentation/write-path.md, looked at from the outside.
 */
#ifndef CRASH_GUIDS_H
#define CRASH_GUIDS_H

#include "sim-disk.h"

struct guids {
	u8 file_write[16];
	u8 data_write[16];
};

/* Those of the current header; false if there is none. */
bool guids_read(const struct sim_state *state, struct guids *guids);
/* Same bytes, whatever the two headers say. */
bool same_but_headers(const struct sim_state *a, const struct sim_state *b);

#endif
