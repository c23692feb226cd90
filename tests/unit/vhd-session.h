/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VHD in memory, open for writing, and a shadow of what its disk must show.
 */
#ifndef TESTS_VHD_SESSION_H
#define TESTS_VHD_SESSION_H

#include "image.h"
#include "unit.h"
#include "vhd-build.h"

#define MIB (1024 * 1024)
#define BLOCK (64 * 1024)
#define BUF (256 * 1024)

static struct ram ram;
static struct vhdx_image *image;
static u64 end;
static u8 buf[BUF];
static u8 *shadow;
static enum vhdx_finding last_found;

static inline void on_found(struct vhdx_report *report,
			    enum vhdx_finding finding, u64 where, u64 value)
{
	(void)report;
	(void)where;
	(void)value;
	last_found = finding;
}

static inline struct vhdx_image *open_how(bool writable, bool check,
					  u32 grow_bytes)
{
	struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHD,
		.writable = writable,
		.check = check,
		.grow_bytes = grow_bytes,
	};
	struct vhdx_report report = { .found = on_found, .keep_going = check };
	struct vhdx_image *opened = NULL;
	int err;

	last_found = VHDX_F_NONE;
	err = vhdx_image_open(&ram.container, &options, &report, &opened);
	if (err)
		fail_msg("open: %s", vhdx_finding_name(report.worst));
	return opened;
}

static inline void open_rw(void)
{
	image = open_how(true, false, 0);
}

static inline void close_rw(void)
{
	vhdx_image_close(image);
	image = NULL;
}

/* Nothing fatal; and if it was finished, nothing at all. */
static inline void check(bool finished)
{
	vhdx_image_close(open_how(false, true, 0));
	if (finished && last_found != VHDX_F_NONE)
		fail_msg("untidy: %s", vhdx_finding_name(last_found));
}

static inline void start(const struct vhd_build *build)
{
	u64 i;

	ram_init(&ram, 0);
	end = vhd_build(&ram, build);
	shadow = calloc(1, build->virtual_bytes);
	for (i = 0; i < (u64)build->present * build->block_bytes &&
	     i < build->virtual_bytes; i++)
		shadow[i] = vhd_build_byte(i / build->block_bytes,
					   i % build->block_bytes);
	open_rw();
}

static inline int teardown(void **state)
{
	(void)state;
	vhdx_image_close(image);
	image = NULL;
	assert_int_equal(ram.misuse, 0);
	ram_destroy(&ram);
	free(shadow);
	shadow = NULL;
	return 0;
}

static inline u64 disk_bytes(void)
{
	return vhdx_image_geometry(image)->virtual_bytes;
}

static inline void assert_disk(void)
{
	u64 at, bytes = disk_bytes();

	for (at = 0; at < bytes; at += BUF) {
		size_t n = min_t(u64, BUF, bytes - at);

		assert_int_equal(vhdx_image_read(image, at, buf, n), 0);
		assert_memory_equal(buf, shadow + at, n);
	}
}

static inline void put(u64 at, size_t len, u8 value)
{
	memset(shadow + at, value, len);
	assert_int_equal(vhdx_image_write(image, at, shadow + at, len), 0);
}

static inline void discard(u64 at, u64 len)
{
	memset(shadow + at, 0, len);
	/* Where holes cannot be punched a discard may leave what is there. */
	if (ram.no_punch && len % vhdx_image_geometry(image)->block_bytes)
		assert_int_equal(vhdx_image_write_zeroes(image, at, len, false),
				 0);
	else
		assert_int_equal(vhdx_image_discard(image, at, len), 0);
}

static inline void commit(void)
{
	assert_int_equal(vhdx_image_commit(image), 0);
}

static inline void finish(void)
{
	assert_int_equal(vhdx_image_finish(image), 0);
}

static inline u32 entry_of(u32 block)
{
	u8 p[4];

	ram_peek(&ram, VHD_BAT_AT + block * 4, p, 4);
	return vhd_get32(p);
}

/* Both footers are the same, and the second one ends the file. */
static inline void assert_footers(void)
{
	u8 copy[512], footer[512];

	ram_peek(&ram, 0, copy, 512);
	ram_peek(&ram, ram.size - 512, footer, 512);
	assert_memory_equal(copy, "conectix", 8);
	assert_memory_equal(copy, footer, 512);
}

#endif
