// SPDX-License-Identifier: GPL-2.0-only
/*
 * VHDX lookups: where a range lives and what a discard or a write-zeroes there
 * needs, for every state of a block.
 */
#include "image.h"
#include "unit.h"
#include "vhdx-build.h"

#define BLOCK (2 * MIB)

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;

/* Blocks of a dynamic image; the last one is cut by the end of the disk. */
enum { PRESENT, NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED, SOFT_UNDEFINED,
	ANCHORED, STRAY_ZERO, STRAY_ABSENT, LAST, BLOCKS };

static void open_image(void)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = true,
	};
	struct vhdx_report report = { };

	assert_int_equal(vhdx_image_open(&ram.container, &options, &report,
					 &image), 0);
}

static void make(u32 flags)
{
	const struct vhdx_build b = {
		.virtual_bytes = LAST * BLOCK + MIB,
		.block_bytes = BLOCK,
		.flags = flags,
		.present = 1,
	};

	vb = b;
	ram_init(&ram, 0);
	vb_make(&ram, &vb);
	vb_set(&ram, &vb, UNDEFINED, VB_UNDEFINED, 0);
	vb_set(&ram, &vb, ZERO, VB_ZERO, 0);
	vb_set(&ram, &vb, UNMAPPED, VB_UNMAPPED, 0);
	vb_set(&ram, &vb, SOFT_UNDEFINED, VB_UNDEFINED, vb.end);
	vb_set(&ram, &vb, ANCHORED, VB_UNMAPPED, vb.end + BLOCK);
	vb_set(&ram, &vb, STRAY_ZERO, VB_ZERO, vb.end);
	vb_set(&ram, &vb, STRAY_ABSENT, VB_NOT_PRESENT, vb.end);
	vb_set(&ram, &vb, LAST, VB_PRESENT, vb.end + 2 * BLOCK);
	vb_fill_block(&ram, &vb, LAST, vb.end + 2 * BLOCK);
}

static int setup(void **state)
{
	(void)state;
	make(0);
	open_image();
	return 0;
}

static int setup_fixed(void **state)
{
	(void)state;
	make(1);
	open_image();
	return 0;
}

/* The file ends where the disk does. */
static int setup_cut(void **state)
{
	(void)state;
	make(0);
	ram.size -= MIB;
	open_image();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_image_close(image);
	ram_destroy(&ram);
	return 0;
}

static u64 place(unsigned int block)
{
	return block == PRESENT ? vb.blocks_at :
	       block == SOFT_UNDEFINED ? vb.end :
	       block == ANCHORED ? vb.end + BLOCK :
	       block == LAST ? vb.end + 2 * BLOCK : 0;
}

static void assert_map(u64 at, u64 len, bool write,
		       enum vhdx_extent_kind kind, u64 offset, u64 answered)
{
	struct vhdx_extent extent;

	vhdx_image_map(image, at, len, write, &extent);
	assert_int_equal(extent.kind, kind);
	if (kind == VHDX_EXTENT_DATA)
		assert_int_equal(extent.offset_bytes, offset);
	assert_int_equal(extent.len_bytes, answered);
}

static void every_state(void **state)
{
	unsigned int block;

	(void)state;
	for (block = 0; block < BLOCKS; block++) {
		bool data = block == PRESENT || block == LAST;
		u64 at = block * BLOCK + 4096;
		u64 len = 8192;

		assert_map(at, len, false,
			   data ? VHDX_EXTENT_DATA : VHDX_EXTENT_ZERO,
			   place(block) + 4096, len);
		assert_map(at, len, true,
			   data ? VHDX_EXTENT_DATA : VHDX_EXTENT_PREPARE,
			   place(block) + 4096, len);
	}
}

static void an_answer_never_crosses_a_block(void **state)
{
	(void)state;
	assert_map(0, 100 * MIB, false, VHDX_EXTENT_DATA, place(0), BLOCK);
	assert_map(BLOCK - 1, 2, false, VHDX_EXTENT_DATA,
		   place(0) + BLOCK - 1, 1);
	assert_map(BLOCK, 1, false, VHDX_EXTENT_ZERO, 0, 1);
	assert_map(BLOCK, 3 * BLOCK, true, VHDX_EXTENT_PREPARE, 0, BLOCK);
	assert_map(LAST * BLOCK, MIB, true, VHDX_EXTENT_DATA, place(LAST),
		   MIB);
	assert_map(LAST * BLOCK + MIB - 512, 512, true, VHDX_EXTENT_DATA,
		   place(LAST) + MIB - 512, 512);
}

static void blocks_have_space_or_not(void **state)
{
	unsigned int block;

	(void)state;
	for (block = 0; block < BLOCKS; block++) {
		u64 offset, len;
		bool has = vhdx_image_block_space(image, block, &offset, &len);

		assert_int_equal(has, !!place(block));
		if (!has)
			continue;
		assert_int_equal(offset, place(block));
		assert_int_equal(len, BLOCK);
	}
}

/* ---- plans --------------------------------------------------------------- */

static void assert_discard(u64 at, u64 len, enum vhdx_plan_kind kind)
{
	struct vhdx_plan plan;

	vhdx_image_plan_discard(image, at, len, &plan);
	assert_int_equal(plan.kind, kind);
	if (kind == VHDX_PLAN_RELEASE)
		assert_int_equal(plan.how, VHDX_RELEASE_UNMAP);
	if (kind != VHDX_PLAN_PUNCH)
		return;
	assert_int_equal(plan.offset_bytes, place(at / BLOCK) + at % BLOCK);
	assert_int_equal(plan.len_bytes, len);
}

static void assert_zero(u64 at, u64 len, bool keep, enum vhdx_plan_kind kind)
{
	struct vhdx_plan plan;

	vhdx_image_plan_zero(image, at, len, keep, &plan);
	assert_int_equal(plan.kind, kind);
	if (kind == VHDX_PLAN_RELEASE)
		assert_int_equal(plan.how, VHDX_RELEASE_ZERO);
	if (kind != VHDX_PLAN_PUNCH)
		return;
	assert_int_equal(plan.offset_bytes, place(at / BLOCK) + at % BLOCK);
	assert_int_equal(plan.len_bytes, len);
}

static void a_discard_of_a_whole_block_releases_it(void **state)
{
	(void)state;
	assert_discard(0, BLOCK, VHDX_PLAN_RELEASE);
	/* Whole means all that the disk has of it. */
	assert_discard(LAST * BLOCK, MIB, VHDX_PLAN_RELEASE);
}

static void a_discard_of_a_part_punches(void **state)
{
	(void)state;
	assert_discard(0, BLOCK - 512, VHDX_PLAN_PUNCH);
	assert_discard(512, BLOCK - 512, VHDX_PLAN_PUNCH);
	assert_discard(4096, 4096, VHDX_PLAN_PUNCH);
	assert_discard(LAST * BLOCK + 4096, MIB - 4096, VHDX_PLAN_PUNCH);
}

static void a_discard_of_nothing_is_nothing(void **state)
{
	unsigned int block;

	(void)state;
	for (block = NOT_PRESENT; block < LAST; block++) {
		assert_discard(block * BLOCK, BLOCK, VHDX_PLAN_NOTHING);
		assert_discard(block * BLOCK + 512, 512, VHDX_PLAN_NOTHING);
	}
}

static void zeroes(void **state)
{
	unsigned int block;

	(void)state;
	assert_zero(0, BLOCK, false, VHDX_PLAN_RELEASE);
	assert_zero(0, BLOCK, true, VHDX_PLAN_PUNCH);
	assert_zero(0, BLOCK - 512, false, VHDX_PLAN_PUNCH);
	assert_zero(512, 512, true, VHDX_PLAN_PUNCH);
	assert_zero(LAST * BLOCK, MIB, false, VHDX_PLAN_RELEASE);
	for (block = NOT_PRESENT; block < LAST; block++) {
		/* Another reader may show what an anchor points to. */
		bool anchor = block == SOFT_UNDEFINED || block == ANCHORED;
		enum vhdx_plan_kind kind = anchor ? VHDX_PLAN_RELEASE :
						    VHDX_PLAN_NOTHING;

		assert_zero(block * BLOCK, BLOCK, false, kind);
		assert_zero(block * BLOCK, BLOCK, true, kind);
		assert_zero(block * BLOCK + 512, 512, false, kind);
	}
}

/* It keeps every block, so the holes are all there is to make. */
static void a_fixed_image_is_only_punched(void **state)
{
	unsigned int block;

	(void)state;
	assert_discard(0, BLOCK, VHDX_PLAN_PUNCH);
	assert_discard(LAST * BLOCK, MIB, VHDX_PLAN_PUNCH);
	assert_zero(0, BLOCK, false, VHDX_PLAN_PUNCH);
	assert_zero(0, BLOCK, true, VHDX_PLAN_PUNCH);
	for (block = NOT_PRESENT; block < LAST; block++) {
		bool anchor = block == SOFT_UNDEFINED || block == ANCHORED;

		assert_discard(block * BLOCK, BLOCK, VHDX_PLAN_NOTHING);
		assert_zero(block * BLOCK, BLOCK, false,
			    anchor ? VHDX_PLAN_PUNCH : VHDX_PLAN_NOTHING);
	}
}

/* ---- a block that the end of the file cuts ---------------------------------- */

static void what_is_cut_reads_as_far_as_it_is_there(void **state)
{
	u64 at = LAST * BLOCK;

	(void)state;
	assert_map(at, MIB, false, VHDX_EXTENT_DATA, place(LAST), MIB);
	assert_map(at + MIB - 512, 512, false, VHDX_EXTENT_DATA,
		   place(LAST) + MIB - 512, 512);
	assert_map(at, MIB, true, VHDX_EXTENT_DATA, place(LAST), MIB);
}

/* A replay in memory may know blocks that the file is still too short for. */
static void what_the_file_has_not_got_yet_is_zero(void **state)
{
	const struct vb_log_entry e = {
		.guid = 5, .sequence = 1, .last = vb.end + 4 * BLOCK,
	};
	u64 at = LAST * BLOCK;

	(void)state;
	vhdx_image_close(image);
	vb_put_log_entry(&ram, VB_LOG, MIB, 0, &e);
	vb_name_log(&ram, 5);
	ram.size = place(LAST) + 4096;
	open_image();
	assert_map(at, 4096, false, VHDX_EXTENT_DATA, place(LAST), 4096);
	assert_map(at, 8192, false, VHDX_EXTENT_DATA, place(LAST), 4096);
	assert_map(at + 4096, 8192, false, VHDX_EXTENT_ZERO, 0, 8192);
	assert_map(at, 4096, true, VHDX_EXTENT_DATA, place(LAST), 4096);
	assert_map(at, 4097, true, VHDX_EXTENT_PREPARE, 0, 4097);
	assert_map(at + 8192, 512, true, VHDX_EXTENT_PREPARE, 0, 512);
	/* To be prepared means: now it is as long as it has to be. */
	assert_int_equal(vhdx_image_prepare_write(image, LAST), 0);
	assert_int_equal(ram.size, vb.end + 4 * BLOCK);
	assert_map(at + 8192, 512, true, VHDX_EXTENT_DATA,
		   place(LAST) + 8192, 512);
	assert_map(at, MIB, false, VHDX_EXTENT_DATA, place(LAST), MIB);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define FIXED(f) cmocka_unit_test_setup_teardown(f, setup_fixed, teardown)
#define CUT(f) cmocka_unit_test_setup_teardown(f, setup_cut, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_state),
		TEST(an_answer_never_crosses_a_block),
		TEST(blocks_have_space_or_not),
		TEST(a_discard_of_a_whole_block_releases_it),
		TEST(a_discard_of_a_part_punches),
		TEST(a_discard_of_nothing_is_nothing),
		TEST(zeroes),
		FIXED(every_state),
		FIXED(a_fixed_image_is_only_punched),
		CUT(what_is_cut_reads_as_far_as_it_is_there),
		TEST(what_the_file_has_not_got_yet_is_zero),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
