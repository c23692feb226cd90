/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VHD in memory as the tests of opening use it: it is opened in every way and
 * the findings are counted.
 */
#ifndef TESTS_VHD_OPENING_H
#define TESTS_VHD_OPENING_H

#include "image.h"
#include "unit.h"
#include "vhd-build.h"

#define MIB (1024 * 1024)
#define BLOCK (64 * 1024)

static struct ram ram;
static u64 end;
static bool found[VHDX_F_COUNT];

static const struct vhd_build plain = {
	.virtual_bytes = MIB,
	.block_bytes = BLOCK,
	.present = 3,
};

static const struct vhd_build packed = {
	.virtual_bytes = MIB,
	.block_bytes = BLOCK,
	.present = 3,
	.packed = true,
};

static inline int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	end = vhd_build(&ram, &plain);
	return 0;
}

static inline int setup_packed(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	end = vhd_build(&ram, &packed);
	return 0;
}

static inline int setup_fixed(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	end = vhd_build_fixed(&ram, MIB);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	ram_destroy(&ram);
	return 0;
}

static inline void on_found(struct vhdx_report *report,
			    enum vhdx_finding finding, u64 where, u64 value)
{
	(void)report;
	(void)where;
	(void)value;
	found[finding] = true;
}

static inline int open_with(const struct vhdx_open_options *options,
			    struct vhdx_image **image)
{
	struct vhdx_report report = {
		.found = on_found,
		.keep_going = options->check,
	};
	int err;

	memset(found, 0, sizeof(found));
	err = vhdx_image_open(&ram.container, options, &report, image);
	assert_int_equal(ram_changes(&ram), 0);
	if (err)
		assert_int_equal(err, -vhdx_finding_errno(report.worst));
	return err;
}

static inline int try_open(bool writable, bool check)
{
	struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHD,
		.writable = writable,
		.check = check,
	};
	struct vhdx_image *image = NULL;
	int err = open_with(&options, &image);

	if (!err)
		vhdx_image_close(image);
	return err;
}

static inline struct vhdx_image *must_open(void)
{
	struct vhdx_open_options options = { .format = VHDX_FORMAT_VHD };
	struct vhdx_image *image = NULL;

	assert_int_equal(open_with(&options, &image), 0);
	return image;
}

static inline u32 findings(void)
{
	u32 i, count = 0;

	for (i = 0; i < VHDX_F_COUNT; i++)
		count += found[i];
	return count;
}

#define assert_found_only(finding) do { \
	if (!found[VHDX_F_##finding]) \
		fail_msg("%s was not found", #finding); \
	assert_int_equal(findings(), 1); \
} while (0)

/* Refused however it is opened. */
#define assert_fatal(finding) do { \
	assert_int_equal(try_open(false, false), \
			 -vhdx_finding_errno(VHDX_F_##finding)); \
	assert_found_only(finding); \
	assert_int_equal(try_open(true, false), \
			 -vhdx_finding_errno(VHDX_F_##finding)); \
	assert_int_equal(try_open(false, true), \
			 -vhdx_finding_errno(VHDX_F_##finding)); \
	if (!found[VHDX_F_##finding]) \
		fail_msg("a check did not find %s", #finding); \
} while (0)

/* Only writing is refused. */
#define assert_read_only(finding) do { \
	assert_int_equal(try_open(false, false), 0); \
	assert_int_equal(findings(), 0); \
	assert_int_equal(try_open(true, false), \
			 -vhdx_finding_errno(VHDX_F_##finding)); \
	assert_found_only(finding); \
	assert_int_equal(try_open(false, true), 0); \
	assert_found_only(finding); \
} while (0)

/* Good for everything, and a check tells. */
#define assert_untidy(finding) do { \
	assert_int_equal(try_open(true, false), 0); \
	assert_int_equal(findings(), 0); \
	assert_int_equal(try_open(false, true), 0); \
	assert_found_only(finding); \
} while (0)

static inline void assert_clean(void)
{
	assert_int_equal(try_open(true, false), 0);
	assert_int_equal(try_open(false, true), 0);
	assert_int_equal(findings(), 0);
}

static inline void patch_footers(size_t offset, const void *bytes,
				 size_t count)
{
	vhd_patch_footer(&ram, 0, offset, bytes, count);
	vhd_patch_footer(&ram, end, offset, bytes, count);
}

static inline void patch_footers32(size_t offset, u32 value)
{
	u8 buf[4];

	vhd_put32(buf, value);
	patch_footers(offset, buf, 4);
}

static inline void patch_footers64(size_t offset, u64 value)
{
	u8 buf[8];

	vhd_put64(buf, value);
	patch_footers(offset, buf, 8);
}

static inline void patch_header32(size_t offset, u32 value)
{
	u8 buf[4];

	vhd_put32(buf, value);
	vhd_patch_header(&ram, offset, buf, 4);
}

static inline void patch_header64(size_t offset, u64 value)
{
	u8 buf[8];

	vhd_put64(buf, value);
	vhd_patch_header(&ram, offset, buf, 8);
}

static inline void assert_content(struct vhdx_image *image, u32 present)
{
	u64 bytes = vhdx_image_geometry(image)->virtual_bytes;
	u32 block_bytes = vhdx_image_geometry(image)->block_bytes;
	u8 *buf = malloc(bytes);
	u64 i;

	assert_int_equal(vhdx_image_read(image, 0, buf, bytes), 0);
	for (i = 0; i < bytes; i++) {
		u64 block = i / block_bytes;
		u8 want = block < present ?
			vhd_build_byte(block, i % block_bytes) : 0;

		if (buf[i] != want)
			fail_msg("byte %llu is %u, not %u",
				 (unsigned long long)i, buf[i], want);
	}
	free(buf);
}

static inline u32 entry_of(u32 block)
{
	u8 buf[4];

	ram_peek(&ram, VHD_BAT_AT + block * 4, buf, 4);
	return vhd_get32(buf);
}

#endif
