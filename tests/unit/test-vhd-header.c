// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dynamic header and the BAT of a VHD where things are tight: tiny files,
 * structures at the very end, memory or reads that fail.
 */
#include "alloc.h"
#include "vhd-opening.h"

static void rebuild(const struct vhd_build *build)
{
	ram_destroy(&ram);
	ram_init(&ram, 0);
	end = vhd_build(&ram, build);
}

/* Xen, before batmaps: one is looked for behind the BAT. */
static void make_xen(void)
{
	patch_footers(28, "tap ", 4);
	patch_footers32(32, 0x10001);
}

/* More than one read of the BAT. */
static const struct vhd_build large_bat = {
	.virtual_bytes = 20000 * 512,
	.block_bytes = 512,
	.present = 3,
};

static void every_allocation_can_fail(void **state)
{
	struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHD,
		.writable = true,
	};
	struct vhdx_image *image = NULL;
	u64 n;

	(void)state;
	make_xen();
	for (n = 1;; n++) {
		int err;

		alloc_fail(n);
		err = open_with(&options, &image);
		if (!alloc_has_failed())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_found_only(NO_MEMORY);
	}
	assert_true(n > 10);
	vhdx_image_close(image);
}

static void every_read_can_fail(const struct vhd_build *build, bool xen)
{
	u64 n;

	rebuild(build);
	if (xen)
		make_xen();
	for (n = 1;; n++) {
		int err;

		ram_fail(&ram, n, EIO, false, RAM_BIT(RAM_READ));
		err = try_open(true, false);
		if (!ram.failed)
			break;
		assert_int_equal(err, -EIO);
		assert_found_only(IO_ERROR);
	}
	assert_in_range(n, 5, 8);
}

static void reads_that_fail(void **state)
{
	(void)state;
	every_read_can_fail(&plain, true);
	every_read_can_fail(&large_bat, false);
}

static void a_file_of_two_footers(void **state)
{
	u8 footer[512];

	(void)state;
	ram_peek(&ram, end, footer, sizeof(footer));
	ram_destroy(&ram);
	ram_init(&ram, 0);
	ram_poke(&ram, 0, footer, sizeof(footer));
	ram_poke(&ram, 512, footer, sizeof(footer));
	assert_fatal(VHD_HEADER_GEOMETRY);
	/* And the header has to end where the footer starts. */
	ram_poke(&ram, 1024, footer, sizeof(footer));
	assert_fatal(VHD_HEADER_GEOMETRY);
}

/* Behind the BAT comes the footer, and no batmap. */
static void a_bat_at_the_end(void **state)
{
	const struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.packed = true,
	};

	(void)state;
	rebuild(&build);
	make_xen();
	assert_int_equal(end, VHD_BAT_AT + 512);
	assert_clean();
}

/* Without a footer at the end a block may be cut; not where no file ends. */
static void a_block_behind_every_end(void **state)
{
	u8 zeros[512] = { 0 };

	(void)state;
	ram_poke(&ram, end, zeros, sizeof(zeros));
	assert_untidy(VHD_FOOTER_MISSING);
	vhd_patch_entry(&ram, 4, 0xFFFFFFFE);
	assert_int_equal(try_open(true, false), -EUCLEAN);
	assert_found_only(BLOCK_PAST_END);
	/* The file is that long, and yet. */
	ram.size = 1ULL << 41;
	assert_int_equal(try_open(true, false), -EUCLEAN);
	assert_found_only(BLOCK_PAST_END);
}

/* A device does not grow, so nothing on it was cut. */
static void a_block_cut_by_a_device(void **state)
{
	u64 last = (u64)entry_of(0) * 512 + 512 + BLOCK;
	u8 zeros[512] = { 0 };

	(void)state;
	ram_poke(&ram, end, zeros, sizeof(zeros));
	ram.container.fixed_size = true;
	/* The place of its footer is no block's either. */
	ram.size = last + 511;
	assert_int_equal(try_open(true, false), -EUCLEAN);
	assert_found_only(BLOCK_PAST_END);
	ram.size = last + 512;
	assert_untidy(VHD_FOOTER_MISSING);
}

/* What a block could not use is not worth a word. */
static void a_little_slack_is_tidy(void **state)
{
	struct vhd_build build = plain;

	(void)state;
	build.slack = 3 * 4096;
	rebuild(&build);
	assert_clean();
	build.slack = BLOCK + 4096;
	rebuild(&build);
	assert_untidy(TAIL_UNUSED);
	/* A block may be tiny: then it is alignment. */
	build.block_bytes = 512;
	build.virtual_bytes = 16 * 512;
	build.slack = 8192 - 1024;
	build.packed = true;
	rebuild(&build);
	assert_clean();
	build.slack = 8192;
	rebuild(&build);
	assert_untidy(TAIL_UNUSED);
}

static void overlaps_past_the_end_are_told_once(void **state)
{
	(void)state;
	vhd_patch_entry(&ram, 4, 0x7FFFFFFF);
	vhd_patch_entry(&ram, 5, 0x7FFFFFFF);
	assert_int_equal(try_open(false, true), -EUCLEAN);
	assert_found_only(BLOCK_PAST_END);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(every_allocation_can_fail),
		PLAIN(reads_that_fail),
		PLAIN(a_file_of_two_footers),
		PLAIN(a_bat_at_the_end),
		PLAIN(a_block_behind_every_end),
		PLAIN(a_block_cut_by_a_device),
		PLAIN(a_little_slack_is_tidy),
		PLAIN(overlaps_past_the_end_are_told_once),
	};

	return cmocka_run_group_tests_name("vhd-header", tests, NULL, NULL);
}
