/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VHDX in memory, open for writing, as the tests of changes use it.
 */
#ifndef TESTS_TXN_SESSION_H
#define TESTS_TXN_SESSION_H

#include "alloc.h"
#include "image.h"
#include "trace.h"
#include "unit.h"

#define BLOCK (2 * MIB)
#define GUID 0x42

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static u8 data[4096];

/* Headers of a session: R1a, R1b, R1c; and R1d. The current one is in slot 2. */
#define BEGIN "H1f F H2 F L F H1l F H2 F"
#define BEGIN_DATA " H1d F H2 F"

static const struct vhdx_build plain = {
	.virtual_bytes = 64 * MIB,
	.block_bytes = BLOCK,
	.present = 4,
};

static inline int reopen(bool check)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = true,
		.check = check,
	};
	struct vhdx_report report = { };

	vhdx_image_close(image);
	return vhdx_image_open(&ram.container, &options, &report, &image);
}

static inline int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	vb = plain;
	vb_make(&ram, &vb);
	memset(data, 0xD7, sizeof(data));
	assert_int_equal(reopen(false), 0);
	trace_start(&ram, &vb);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	return 0;
}

static inline int write_block(u64 block)
{
	return vhdx_image_write(image, block * BLOCK, data, sizeof(data));
}

static inline void begin(void)
{
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	assert_string_equal(trace_text(), BEGIN BEGIN_DATA);
}

static inline u64 entry(u64 block)
{
	return vb_entry(&ram, &vb, block);
}

static inline void get_guid(u64 header, unsigned int field, u8 *guid)
{
	ram_peek(&ram, header + field, guid, 16);
}

static inline bool guid_is(unsigned int field, u8 byte)
{
	u8 want[16], is[16];

	memset(want, byte, sizeof(want));
	get_guid(vb_current_header(&ram), field, is);
	return !memcmp(is, want, sizeof(is));
}

#endif
