// SPDX-License-Identifier: GPL-2.0-only
/*
 * The format-neutral face: when released space may be used again, what happens
 * where the host is full, devices, growth, counters.
 */
#include "image.h"
#include "trace.h"
#include "unit.h"

#define BLOCK (2 * MIB)

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static u8 data[4096];

static const struct vhdx_build plain = {
	.virtual_bytes = 200 * MIB,
	.block_bytes = BLOCK,
	.present = 4,
};

static int open_growing(u32 grow_bytes)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = true,
		.grow_bytes = grow_bytes,
	};
	struct vhdx_report report = { };

	vhdx_image_close(image);
	return vhdx_image_open(&ram.container, &options, &report, &image);
}

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	vb = plain;
	vb_make(&ram, &vb);
	memset(data, 0x6B, sizeof(data));
	return open_growing(0);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	return 0;
}

static int write_block(u64 block)
{
	return vhdx_image_write(image, block * BLOCK, data, sizeof(data));
}

static void discard_block(u64 block)
{
	assert_int_equal(vhdx_image_discard(image, block * BLOCK, BLOCK), 0);
}

/* Where a block is, as the image says now; 0: nowhere. */
static u64 place(u64 block)
{
	u64 offset, len;

	return vhdx_image_block_space(image, block, &offset, &len) ? offset :
								     0;
}

static void commit(void)
{
	assert_int_equal(vhdx_image_commit(image), 0);
}

/* ---- R7: reuse ---------------------------------------------------------------- */

static void space_is_reused_after_commit_and_punch_only(void **state)
{
	struct vhdx_range range;
	u64 was = place(1);

	(void)state;
	discard_block(1);
	assert_int_equal(place(1), 0);
	/* The release is not durable: the old owner may come back. */
	assert_int_equal(write_block(50), 0);
	assert_int_equal(place(50), vb.end);
	commit();
	/* It waits for its punch. */
	assert_int_equal(write_block(51), 0);
	assert_int_equal(place(51), vb.end + BLOCK);
	assert_true(vhdx_image_next_punch(image, &range));
	assert_int_equal(range.offset_bytes, was);
	assert_int_equal(range.len_bytes, BLOCK);
	/* Who punches owns it. */
	assert_int_equal(write_block(52), 0);
	assert_int_equal(place(52), vb.end + 2 * BLOCK);
	assert_false(vhdx_image_next_punch(image, &range));
	vhdx_image_punched(image, &range);
	assert_int_equal(write_block(53), 0);
	assert_int_equal(place(53), was);
}

/* Rewritten before the commit: it does not get the same place again. */
static void a_block_released_and_written_again_moves(void **state)
{
	u64 was = place(1);
	u8 is[16];

	(void)state;
	discard_block(1);
	assert_int_equal(write_block(1), 0);
	assert_int_not_equal(place(1), was);
	assert_int_equal(vhdx_image_read(image, BLOCK, is, sizeof(is)), 0);
	assert_memory_equal(is, data, sizeof(is));
	assert_int_equal(vhdx_image_read(image, BLOCK + 4096, is, sizeof(is)),
			 0);
	assert_true(vhdx_is_zero(is, sizeof(is)));
	commit();
	assert_int_equal(vhdx_image_punch_all(image), 0);
	assert_int_equal(vhdx_image_read(image, BLOCK, is, sizeof(is)), 0);
	assert_memory_equal(is, data, sizeof(is));
}

static void a_punch_that_fails_frees_all_the_same(void **state)
{
	u64 was = place(2);

	(void)state;
	discard_block(2);
	commit();
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_punch_all(image), -EIO);
	assert_false(vhdx_image_failed(image));
	assert_int_equal(write_block(60), 0);
	assert_int_equal(place(60), was);
	ram.no_punch = true;
	discard_block(3);
	commit();
	assert_int_equal(vhdx_image_punch_all(image), 0);
}

static void counters_follow(void **state)
{
	struct vhdx_usage usage;

	(void)state;
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, 4);
	assert_int_equal(usage.commits, 0);
	discard_block(0);
	discard_block(1);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, 2);
	assert_int_equal(usage.pending_bytes, 2 * BLOCK);
	assert_int_equal(usage.free_bytes, 0);
	commit();
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.pending_bytes, 2 * BLOCK);
	assert_int_equal(usage.commits, 1);
	assert_int_equal(vhdx_image_punch_all(image), 0);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.pending_bytes, 0);
	assert_int_equal(usage.free_bytes, 2 * BLOCK);
	commit();
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.commits, 1);
	assert_int_equal(write_block(70), 0);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.blocks_present, 3);
	assert_int_equal(usage.free_bytes, BLOCK);
}

/* ---- growth ------------------------------------------------------------------- */

static void the_file_grows_by_a_block(void **state)
{
	(void)state;
	assert_int_equal(write_block(50), 0);
	assert_int_equal(ram.size, vb.end + BLOCK);
	assert_int_equal(write_block(51), 0);
	assert_int_equal(ram.size, vb.end + 2 * BLOCK);
}

static void or_by_more_at_a_time(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(open_growing(32 * MIB), 0);
	for (i = 0; i < 16; i++)
		assert_int_equal(write_block(50 + i), 0);
	assert_int_equal(ram.size, vb.end + 32 * MIB);
	assert_int_equal(ram.count[RAM_RESIZE], 1);
	assert_int_equal(write_block(99), 0);
	assert_int_equal(ram.size, vb.end + 64 * MIB);
	/* What is not needed goes at the end. */
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram.size, vb.end + 34 * MIB);
}

static void a_free_end_is_used_before_the_file_grows(void **state)
{
	(void)state;
	ram.size = vb.end + MIB;
	assert_int_equal(open_growing(0), 0);
	assert_int_equal(write_block(50), 0);
	assert_int_equal(place(50), vb.end);
	assert_int_equal(ram.size, vb.end + BLOCK);
}

/* Disk2vhd's 512 bytes behind the last block. */
static void an_odd_end_is_rounded_up(void **state)
{
	(void)state;
	ram.size = vb.end + 512;
	assert_int_equal(open_growing(0), 0);
	assert_int_equal(write_block(50), 0);
	assert_int_equal(place(50), vb.end);
	assert_int_equal(ram.size % MIB, 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(open_growing(0), 0);
}

/* ---- no space ------------------------------------------------------------------ */

static void a_full_host_is_told_and_nothing_has_changed(void **state)
{
	u8 is[16];

	(void)state;
	ram.max_size = vb.end;
	assert_int_equal(write_block(50), -ENOSPC);
	assert_int_equal(place(50), 0);
	assert_false(vhdx_image_failed(image));
	assert_false(vhdx_image_is_dirty(image));
	assert_int_equal(vhdx_image_read(image, 50 * BLOCK, is, 16), 0);
	assert_true(vhdx_is_zero(is, 16));
	/* What is there can be written. */
	assert_int_equal(write_block(0), 0);
	commit();
	ram.max_size = 0;
	assert_int_equal(write_block(50), 0);
}

/* Space on its way back is fetched at once. */
static void a_full_host_makes_released_space_free(void **state)
{
	u64 was = place(3);

	(void)state;
	ram.max_size = vb.end;
	discard_block(3);
	trace_start(&ram, &vb);
	assert_int_equal(write_block(50), 0);
	/* R7: commit, punch, and only then it is another block's. */
	assert_string_equal(trace_text(), "F L F B Z Z D");
	assert_int_equal(place(50), was);
	/* Punchable but not punched yet. */
	discard_block(2);
	commit();
	assert_int_equal(write_block(51), 0);
	assert_int_equal(write_block(52), -ENOSPC);
}

/* So does a file that has the greatest length the host knows. */
static void a_file_that_cannot_grow_does_so_too(void **state)
{
	u64 was = place(3);

	(void)state;
	discard_block(3);
	ram_fail(&ram, 1, EFBIG, true, RAM_BIT(RAM_RESIZE));
	assert_int_equal(write_block(50), 0);
	assert_int_equal(place(50), was);
	assert_int_equal(write_block(51), -EFBIG);
}

static void a_commit_that_fails_then_ends_it(void **state)
{
	(void)state;
	ram.max_size = vb.end;
	discard_block(3);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_FLUSH));
	assert_int_equal(write_block(50), -ENOSPC);
	assert_true(vhdx_image_failed(image));
	assert_int_equal(write_block(51), -EROFS);
}

/* A hole that could not be punched is free space all the same. */
static void a_punch_that_fails_then_does_not(void **state)
{
	u64 was = place(3);

	(void)state;
	ram.max_size = vb.end;
	discard_block(3);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(write_block(50), 0);
	assert_int_equal(ram.failed, 1);
	assert_int_equal(place(50), was);
	assert_false(vhdx_image_failed(image));
}

/* Not enough for a large step is enough for a small one. */
static void a_host_that_is_nearly_full_gives_a_block(void **state)
{
	(void)state;
	assert_int_equal(open_growing(64 * MIB), 0);
	ram.max_size = vb.end + 5 * MIB;
	assert_int_equal(write_block(50), 0);
	assert_int_equal(write_block(51), 0);
	assert_int_equal(write_block(52), -ENOSPC);
	assert_true(ram.size <= vb.end + 5 * MIB);
}

static void zeroing_that_fails_gives_the_place_back(void **state)
{
	struct vhdx_usage usage;

	(void)state;
	ram.size = vb.end + BLOCK;
	assert_int_equal(open_growing(0), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(write_block(50), -EIO);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, BLOCK);
	assert_int_equal(usage.blocks_present, 4);
	assert_int_equal(write_block(50), 0);
	assert_int_equal(place(50), vb.end);
}

/* ---- a block device -------------------------------------------------------------- */

static void a_device_is_used_to_its_end_and_never_cut(void **state)
{
	unsigned int i;

	(void)state;
	ram.size = vb.end + 3 * BLOCK + MIB;
	ram.container.fixed_size = true;
	assert_int_equal(open_growing(32 * MIB), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(write_block(50 + i), 0);
	assert_int_equal(write_block(53), -ENOSPC);
	discard_block(51);
	assert_int_equal(write_block(53), 0);
	assert_int_equal(place(53), vb.end + BLOCK);
	discard_block(52);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram.size, vb.end + 3 * BLOCK + MIB);
	assert_int_equal(open_growing(0), 0);
	assert_int_equal(place(53), vb.end + BLOCK);
}

/* What is free on a device is somebody's old data. */
static void a_device_is_zeroed_where_a_block_goes(void **state)
{
	u8 junk[4096], is[4096];

	(void)state;
	memset(junk, 0xBD, sizeof(junk));
	ram_poke(&ram, vb.end + 8192, junk, sizeof(junk));
	ram.size = vb.end + BLOCK;
	ram.container.fixed_size = true;
	ram.no_punch = true;
	assert_int_equal(open_growing(0), 0);
	assert_int_equal(write_block(50), 0);
	assert_int_equal(vhdx_image_read(image, 50 * BLOCK + 8192, is,
					 sizeof(is)), 0);
	assert_true(vhdx_is_zero(is, sizeof(is)));
}

/* ---- compaction's parts ----------------------------------------------------------- */

static void reserving_below(void **state)
{
	struct vhdx_range from, to;
	struct vhdx_usage usage;

	(void)state;
	assert_int_equal(vhdx_image_reserve_below(image, 20, &from, &to),
			 -ENODATA);
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to),
			 -ERANGE);
	discard_block(1);
	commit();
	assert_int_equal(vhdx_image_punch_all(image), 0);
	assert_int_equal(vhdx_image_reserve_below(image, 0, &from, &to),
			 -ERANGE);
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to), 0);
	assert_int_equal(to.offset_bytes, vb.blocks_at + BLOCK);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, 0);
	vhdx_image_unreserve(image, &to);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, BLOCK);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to), -EIO);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, BLOCK);
	/* The host's disk is full: no reason to believe that all is packed. */
	ram_fail(&ram, 1, ENOSPC, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to),
			 -ENOSPC);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, BLOCK);
}

/* The first change of a session, and the session cannot begin. */
static void reserving_where_no_session_begins(void **state)
{
	struct vhdx_range from, to;
	struct vhdx_usage usage;

	(void)state;
	vb_set(&ram, &vb, 0, VB_NOT_PRESENT, 0);
	assert_int_equal(open_growing(0), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_FLUSH));
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to), -EIO);
	assert_true(vhdx_image_failed(image));
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, BLOCK);
}

static void a_cut_that_fails_ends_it(void **state)
{
	(void)state;
	discard_block(3);
	commit();
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_RESIZE));
	assert_int_equal(vhdx_image_truncate(image), -EIO);
	assert_true(vhdx_image_failed(image));
	assert_int_equal(ram.size, vb.end);
	/* A session that cannot begin cuts nothing either. */
	assert_int_equal(open_growing(0), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_FLUSH));
	assert_int_equal(vhdx_image_truncate(image), -EIO);
	assert_int_equal(ram.size, vb.end);
	assert_int_equal(open_growing(0), 0);
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_int_equal(ram.size, vb.end - BLOCK);
}

static void the_end_is_cut_off(void **state)
{
	(void)state;
	discard_block(3);
	discard_block(1);
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_int_equal(ram.size, vb.end - BLOCK);
	discard_block(0);
	discard_block(2);
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_int_equal(ram.size, vb.blocks_at);
	assert_int_equal(write_block(0), 0);
	assert_int_equal(place(0), vb.blocks_at);
}

/* A range that somebody punches is not free yet. */
static void what_is_being_punched_is_not_cut_off(void **state)
{
	struct vhdx_range range;

	(void)state;
	discard_block(3);
	commit();
	assert_true(vhdx_image_next_punch(image, &range));
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_int_equal(ram.size, vb.end);
	vhdx_image_punched(image, &range);
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_int_equal(ram.size, vb.end - BLOCK);
}

static void a_failed_image_serves_reads_only(void **state)
{
	u8 is[16];

	(void)state;
	assert_int_equal(write_block(0), 0);
	vhdx_image_fail(image);
	assert_true(vhdx_image_failed(image));
	assert_int_equal(write_block(0), -EROFS);
	assert_int_equal(vhdx_image_commit(image), -EROFS);
	assert_int_equal(vhdx_image_prepare_write(image, 50), -EROFS);
	assert_int_equal(vhdx_image_finish(image), -EROFS);
	assert_int_equal(vhdx_image_load(image, 0), 0);
	assert_int_equal(vhdx_image_read(image, 0, is, sizeof(is)), 0);
	assert_memory_equal(is, data, sizeof(is));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(space_is_reused_after_commit_and_punch_only),
		TEST(a_block_released_and_written_again_moves),
		TEST(a_punch_that_fails_frees_all_the_same),
		TEST(counters_follow),
		TEST(the_file_grows_by_a_block),
		TEST(or_by_more_at_a_time),
		TEST(a_free_end_is_used_before_the_file_grows),
		TEST(an_odd_end_is_rounded_up),
		TEST(a_full_host_is_told_and_nothing_has_changed),
		TEST(a_full_host_makes_released_space_free),
		TEST(a_file_that_cannot_grow_does_so_too),
		TEST(a_commit_that_fails_then_ends_it),
		TEST(a_punch_that_fails_then_does_not),
		TEST(a_host_that_is_nearly_full_gives_a_block),
		TEST(zeroing_that_fails_gives_the_place_back),
		TEST(a_device_is_used_to_its_end_and_never_cut),
		TEST(a_device_is_zeroed_where_a_block_goes),
		TEST(reserving_below),
		TEST(reserving_where_no_session_begins),
		TEST(a_cut_that_fails_ends_it),
		TEST(the_end_is_cut_off),
		TEST(what_is_being_punched_is_not_cut_off),
		TEST(a_failed_image_serves_reads_only),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
