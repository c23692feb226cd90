/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VHDX log: find what waits for replay, write what must survive. The essay
 * is in log.c.
 */
#ifndef VHDX_LOG_H
#define VHDX_LOG_H

#include "container.h"
#include "finding.h"
#include "overlay.h"
#include "vhdx-format.h"

/* Pages in one entry: their descriptors fill its first sector. */
#define VHDX_LOG_ENTRY_PAGES 126
#define VHDX_LOG_ENTRY_MAX_BYTES ((1 + VHDX_LOG_ENTRY_PAGES) * VHDX_PAGE_BYTES)

/*
 * More pages and ranges of zeros, and more bytes in them, than any active
 * sequence of a real writer: the largest BAT has 513 MiB.
 */
#define VHDX_LOG_MAX_PATCHES (1U << 18)
#define VHDX_LOG_MAX_PATCH_BYTES (2ULL << 30)

/**
 * struct vhdx_log_page - one page of metadata to be logged
 * @offset_bytes: its place in the file, a multiple of 4096
 * @data: its 4096 bytes
 */
struct vhdx_log_page {
	u64 offset_bytes;
	const void *data;
};

/**
 * struct vhdx_log - the writing end
 * @offset_bytes: of the ring in the file
 * @len_bytes: of the ring
 * @guid: of this session
 * @sequence: of the next entry
 * @active_start: the last durable entry: the whole of the active sequence
 * @active_bytes: its length
 * @entry: buffer for the next one
 */
struct vhdx_log {
	u64 offset_bytes;
	u32 len_bytes;
	vhdx_guid guid;
	u64 sequence;
	u32 active_start;
	u32 active_bytes;
	u8 *entry;
};

int vhdx_log_replay(struct vhdx_container *c, u64 offset_bytes, u32 len_bytes,
		    const vhdx_guid *guid, struct vhdx_overlay *overlay,
		    struct vhdx_report *report);

int vhdx_log_start(struct vhdx_log *log, struct vhdx_container *c,
		   u64 file_bytes);
int vhdx_log_append(struct vhdx_log *log, struct vhdx_container *c,
		    const struct vhdx_log_page *pages, unsigned int count,
		    u64 file_bytes);
void vhdx_log_stop(struct vhdx_log *log);

#endif
