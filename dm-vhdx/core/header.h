/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two VHDX headers: which one is current, and how one is replaced.
 */
#ifndef VHDX_HEADER_H
#define VHDX_HEADER_H

#include "container.h"
#include "finding.h"
#include "vhdx-format.h"

/**
 * struct vhdx_headers - the current header
 * @page: its 4096 bytes, as on disk
 * @slot: 0 or 1: where it lives
 * @other_invalid: the other slot holds no valid header
 */
struct vhdx_headers {
	struct vhdx_header_disk *page;
	unsigned int slot;
	bool other_invalid;
};

int vhdx_headers_read(struct vhdx_headers *headers, struct vhdx_container *c,
		      struct vhdx_report *report);
void vhdx_headers_destroy(struct vhdx_headers *headers);
int vhdx_headers_write(struct vhdx_headers *headers, struct vhdx_container *c);

bool vhdx_guid_is_zero(const vhdx_guid *guid);
void vhdx_guid_new(vhdx_guid *guid);

static inline bool vhdx_guid_equal(const vhdx_guid *a, const vhdx_guid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

u32 vhdx_checksum(const void *data, size_t bytes, size_t field_offset);

#endif
