/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VHDX in memory as the tests of opening use it.
 */
#ifndef TESTS_VHDX_SESSION_H
#define TESTS_VHDX_SESSION_H

#include "alloc.h"
#include "image.h"
#include "unit.h"
#include "vhdx-build.h"

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static struct vhdx_report report;
static unsigned int found[VHDX_F_COUNT];

static const struct vhdx_build plain = {
	.virtual_bytes = 32 * MIB,
	.block_bytes = 2 * MIB,
	.present = 3,
};

static const struct vhdx_build fixed = {
	.virtual_bytes = 7 * MIB,
	.block_bytes = 2 * MIB,
	.flags = 1,
	.present = 4,
};

static inline void make(const struct vhdx_build *what)
{
	ram_destroy(&ram);
	ram_init(&ram, 0);
	vb = *what;
	vb_make(&ram, &vb);
}

static inline int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	make(&plain);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	return 0;
}

static inline void on_found(struct vhdx_report *r,
			    enum vhdx_finding finding, u64 where, u64 value)
{
	(void)r;
	(void)where;
	(void)value;
	found[finding]++;
}

static inline int open_with(const struct vhdx_open_options *options)
{
	u64 changes = ram_changes(&ram);
	int err;

	vhdx_image_close(image);
	memset(found, 0, sizeof(found));
	report = (struct vhdx_report){
		.found = on_found,
		.keep_going = options->check,
	};
	err = vhdx_image_open(&ram.container, options, &report, &image);
	assert_int_equal(ram_changes(&ram), changes);
	assert_int_equal(!image, !!err);
	return err;
}

static inline int try_open(bool writable, bool check)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = writable,
		.check = check,
	};

	return open_with(&options);
}

static inline void assert_finding(enum vhdx_finding finding)
{
	assert_string_equal(vhdx_finding_name(report.worst),
			    vhdx_finding_name(finding));
}

/* In every way of opening. */
static inline void assert_refused(enum vhdx_finding finding)
{
	unsigned int how;

	for (how = 0; how < 4; how++) {
		assert_int_equal(try_open(how & 1, how & 2),
				 -vhdx_finding_errno(finding));
		assert_finding(finding);
	}
}

/* Opens, also for writing, and only check says something. */
static inline void assert_untidy(enum vhdx_finding finding)
{
	assert_int_equal(try_open(false, false), 0);
	assert_finding(VHDX_F_NONE);
	assert_int_equal(try_open(true, false), 0);
	assert_finding(VHDX_F_NONE);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(finding);
	assert_int_equal(report.count[VHDX_SEVERITY_FATAL], 0);
}

static inline void assert_block(u64 block, u8 byte)
{
	static u8 buf[4096];
	u64 at = block * vb.block_bytes;
	u64 end = min_t(u64, at + vb.block_bytes, vb.virtual_bytes);
	unsigned int i;

	assert_int_equal(vhdx_image_read(image, at, buf, sizeof(buf)), 0);
	for (i = 0; i < sizeof(buf); i += 511)
		assert_int_equal(buf[i], byte);
	if (end - at < vb.block_bytes)
		return;
	assert_int_equal(vhdx_image_read(image, end - sizeof(buf), buf,
					 sizeof(buf)), 0);
	assert_int_equal(buf[0], byte);
	assert_int_equal(buf[4095], byte);
}

#endif
