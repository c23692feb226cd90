/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is done to a VHDX image, as a line of text: the order of the operations
 * is the promise (R1 to R11), so tests compare it as a whole.
 *
 *   H1 H2   a header is written, followed by what differs from the one that was
 *           current: f FileWriteGuid, d DataWriteGuid, l a LogGuid, 0 no LogGuid
 *   L       a log entry
 *   R M B   region tables, metadata, BAT
 *   D Z     a write, a punch in the blocks
 *   S       a new length
 *   F       a flush
 */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include "vhdx-build.h"

/* From now on, until another trace starts; the image lies as @vb says. */
void trace_start(struct ram *ram, const struct vhdx_build *vb);
/* What has happened since the last call, separated by spaces. */
const char *trace_text(void);

#endif
