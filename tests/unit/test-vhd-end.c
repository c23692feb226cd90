// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a VHD: starting a session that has something to mend, units that
 * blocks share with structures, growing up to the last place that an entry can
 * name, and all of that failing.
 */
#include "alloc.h"
#include "vhd-session.h"

static const struct vhd_build build = {
	.virtual_bytes = MIB,
	.block_bytes = BLOCK,
	.present = 2,
};

static const u8 zeros[512];

/* ---- a session's start --------------------------------------------------------- */

/* Neither a copy nor, for the file ends in the last block, a footer. */
static void damage_copy(void)
{
	ram_poke(&ram, 0, zeros, sizeof(zeros));
}

static void damage_end(void)
{
	u64 at = (u64)entry_of(0) * 512 + 512 + 4096 + 100;

	ram.container.ops->resize(&ram.container, at);
	memset(shadow + 4096, 0, BLOCK - 4096);
}

static void every_step_of_a_start_can_fail(void (*damage)(void),
					   unsigned int steps)
{
	u64 n;

	for (n = 1;; n++) {
		teardown(NULL);
		start(&build);
		close_rw();
		damage();
		open_rw();
		ram_fail(&ram, n, EIO, false, RAM_CHANGES);
		if (!vhdx_image_begin_data_change(image))
			break;
		assert_true(vhdx_image_failed(image));
		assert_disk();
		close_rw();
		open_rw();
		put(512, 512, 9);
		assert_disk();
		assert_footers();
	}
	assert_false(ram.failed);
	assert_int_equal(n, steps + 1);
	assert_footers();
	assert_disk();
}

static void starts_that_fail(void **state)
{
	(void)state;
	/* Write, flush. */
	every_step_of_a_start_can_fail(damage_copy, 2);
	/* Cut, flush, lengthen, write, flush. */
	every_step_of_a_start_can_fail(damage_end, 5);
}

/* A device has the place of its footer, and nothing to be made longer. */
static void a_device_without_a_footer(void **state)
{
	(void)state;
	start(&build);
	close_rw();
	ram_poke(&ram, end, zeros, sizeof(zeros));
	ram.size = end + 4 * BLOCK;
	ram.container.fixed_size = true;
	open_rw();
	put(9 * BLOCK, 512, 1);
	assert_int_equal(ram.count[RAM_RESIZE], 0);
	commit();
	assert_footers();
	assert_disk();
}

static void what_is_cut_off_is_prepared_first(void **state)
{
	struct vhdx_extent extent;

	(void)state;
	start(&build);
	close_rw();
	damage_end();
	open_rw();
	assert_int_equal(vhdx_image_load(image, 0), 0);
	vhdx_image_map(image, 0, 4096, true, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_DATA);
	vhdx_image_map(image, 0, 4096 + 512, true, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_PREPARE);
	vhdx_image_map(image, 4096, 512, false, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_ZERO);
	assert_int_equal(vhdx_image_prepare_write(image, 0), 0);
	vhdx_image_map(image, 0, 4096 + 512, true, &extent);
	assert_int_equal(extent.kind, VHDX_EXTENT_DATA);
}

/* ---- units shared with structures ------------------------------------------------ */

#define HEADER_AT 4096
#define FIRST_DATA 8192
#define BAT_AT (FIRST_DATA + BLOCK)
#define SECOND_DATA (BAT_AT + 4096)
#define THIRD_DATA (SECOND_DATA + BLOCK + 4096)

static void move_bytes(u64 from, u64 to, size_t len)
{
	u8 bytes[1024];

	ram_peek(&ram, from, bytes, len);
	ram_poke(&ram, to, bytes, len);
}

static void place_block(u32 block, u64 data)
{
	u8 p[4];

	vhd_put32(p, (data - 512) / 512);
	ram_poke(&ram, BAT_AT + block * 4, p, 4);
	memset(buf, 0xFF, 512);
	ram_poke(&ram, data - 512, buf, 512);
}

/* Block 0 starts in the unit of the header, 1 in the one of the BAT. */
static void start_shared(void)
{
	struct vhd_build empty = build;
	u8 at[8];

	empty.present = 0;
	start(&empty);
	close_rw();
	move_bytes(VHD_HEADER_AT, HEADER_AT, 1024);
	vhd_put64(at, BAT_AT);
	vhd_patch(&ram, HEADER_AT, 1024, 36, 16, at, 8);
	vhd_put64(at, HEADER_AT);
	vhd_patch_footer(&ram, 0, 16, at, 8);
	memset(buf, 0xFF, 512);
	ram_poke(&ram, BAT_AT, buf, 512);
	place_block(0, FIRST_DATA);
	place_block(1, SECOND_DATA);
	place_block(2, THIRD_DATA);
	move_bytes(0, THIRD_DATA + BLOCK + 4096 - 512, 512);
	memset(shadow, 0, MIB);
	open_rw();
	assert_disk();
}

static void assert_punched(u32 block, u64 from, u64 to)
{
	struct vhdx_range range;

	discard(block * BLOCK, BLOCK);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_true(vhdx_image_next_punch(image, &range));
	assert_int_equal(range.offset_bytes, from);
	assert_int_equal(range.offset_bytes + range.len_bytes, to);
	assert_int_equal(vhdx_read(&ram.container, range.offset_bytes, buf,
				   512), 0);
	vhdx_image_punched(image, &range);
	assert_false(vhdx_image_next_punch(image, &range));
}

static void a_unit_with_a_structure_is_never_free(void **state)
{
	(void)state;
	start_shared();
	assert_punched(0, FIRST_DATA, FIRST_DATA + BLOCK);
	assert_punched(1, SECOND_DATA, SECOND_DATA + BLOCK);
	/* The slack in front of a bitmap is the block's. */
	assert_punched(2, THIRD_DATA - 4096, THIRD_DATA + BLOCK);
	assert_disk();
	/* Three new ones find two places, the headers are where they were. */
	put(3 * BLOCK, BLOCK, 3);
	put(4 * BLOCK, BLOCK, 4);
	put(5 * BLOCK, BLOCK, 5);
	finish();
	close_rw();
	check(true);
	open_rw();
	assert_disk();
}

/* ---- growing ---------------------------------------------------------------------- */

static void growing_without_memory(void **state)
{
	u64 was;

	(void)state;
	start(&build);
	close_rw();
	/* More units than the map has room for. */
	image = open_how(true, false, 16 * MIB);
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	was = ram.size;
	alloc_fail(1);
	assert_int_equal(vhdx_image_prepare_write(image, 9), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(ram.size, was);
	assert_false(vhdx_image_failed(image));
	put(9 * BLOCK, 512, 1);
	finish();
	assert_disk();
}

/* Nor can what has been begun be undone. */
static void growing_fails_and_so_does_the_way_back(void **state)
{
	(void)state;
	start(&build);
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	/* Lengthen, write the footer, shorten. */
	ram_fail(&ram, 2, ENOSPC, true, RAM_BIT(RAM_RESIZE) |
		 RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_image_prepare_write(image, 9), -ENOSPC);
	assert_true(vhdx_image_failed(image));
	ram_fail(&ram, 0, 0, false, 0);
	close_rw();
	open_rw();
	assert_disk();
	put(9 * BLOCK, 512, 1);
	finish();
	check(true);
	assert_disk();
}

static void a_new_block_that_cannot_be_zeroed(void **state)
{
	static const int full[] = { ENOSPC, EDQUOT, EFBIG };
	struct vhdx_usage before, after;
	u32 i;

	(void)state;
	start(&build);
	discard(0, BLOCK);
	commit();
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	vhdx_image_punch_all(image);
	vhdx_image_usage(image, &before);
	for (i = 0; i < ARRAY_SIZE(full); i++) {
		ram_fail(&ram, 1, full[i], false, RAM_BIT(RAM_PUNCH));
		assert_int_equal(vhdx_image_prepare_write(image, 9), -full[i]);
		assert_false(vhdx_image_failed(image));
		vhdx_image_usage(image, &after);
		assert_int_equal(after.free_bytes, before.free_bytes);
	}
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_PUNCH));
	assert_int_equal(vhdx_image_prepare_write(image, 9), -EIO);
	assert_true(vhdx_image_failed(image));
	assert_disk();
}

/* ---- 2 TiB -------------------------------------------------------------------------- */

#define LARGE (256ULL * MIB)
#define LARGE_BITMAP (64 * 1024)
#define LARGE_SPACE (LARGE + LARGE_BITMAP)
#define FILE_MAX (1ULL << 41)
#define GAPS 4200

/*
 * A disk of more than 1 TiB whose blocks lie so that none fits in between. Behind
 * the last one there is room for @room more below 2 TiB. Returns where the
 * footer is.
 */
static u64 make_large(u64 room)
{
	struct vhd_build large = {
		.virtual_bytes = GAPS * LARGE + 1024 * MIB,
		.block_bytes = LARGE,
	};
	u64 last = FILE_MAX - 4096 - (room + 1) * LARGE_SPACE;
	u64 step = ALIGN_DOWN(last / (GAPS - 1), 4096);
	u32 i;

	assert_true(step < 2 * LARGE_SPACE);
	ram_init(&ram, 0);
	vhd_build(&ram, &large);
	for (i = 0; i < GAPS; i++) {
		u64 at = last - i * step;

		if (i == GAPS - 1)
			at = LARGE_BITMAP;
		vhd_patch_entry(&ram, i, at / 512);
	}
	end = last + LARGE_SPACE + 4096 - 512;
	move_bytes(0, end, 512);
	return end;
}

static void open_large(void)
{
	image = open_how(true, false, 1U << 31);
}

static void the_last_place_that_an_entry_can_name(void **state)
{
	(void)state;
	make_large(2);
	open_large();
	/* Less than what it would like to grow by, but enough. */
	assert_int_equal(vhdx_image_prepare_write(image, GAPS), 0);
	assert_int_equal(vhdx_image_prepare_write(image, GAPS + 1), 0);
	assert_int_equal(vhdx_image_prepare_write(image, GAPS + 2), -ENOSPC);
	assert_false(vhdx_image_failed(image));
	commit();
	assert_int_equal(entry_of(GAPS), (FILE_MAX - 4096 - 2 * LARGE_SPACE) /
			 512);
	assert_int_equal(entry_of(GAPS + 1), (FILE_MAX - 4096 - LARGE_SPACE) /
			 512);
	assert_int_equal(ram.size, FILE_MAX);
	assert_footers();
	close_rw();
	check(false);
}

/* Somebody made the file longer than entries reach. */
static void a_footer_behind_the_last_place(void **state)
{
	u64 was;

	(void)state;
	was = make_large(0);
	ram_poke(&ram, was, zeros, sizeof(zeros));
	move_bytes(0, FILE_MAX + MIB - 512, 512);
	open_large();
	assert_int_equal(vhdx_image_prepare_write(image, GAPS), -ENOSPC);
	assert_false(vhdx_image_failed(image));
	assert_int_equal(ram.size, FILE_MAX + MIB);
	finish();
	/* Of the end that nobody can use nothing is left. */
	assert_int_equal(ram.size, was + 512);
	assert_footers();
	close_rw();
	check(true);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(starts_that_fail),
		TEST(a_device_without_a_footer),
		TEST(what_is_cut_off_is_prepared_first),
		TEST(a_unit_with_a_structure_is_never_free),
		TEST(growing_without_memory),
		TEST(growing_fails_and_so_does_the_way_back),
		TEST(a_new_block_that_cannot_be_zeroed),
		TEST(the_last_place_that_an_entry_can_name),
		TEST(a_footer_behind_the_last_place),
	};

	return cmocka_run_group_tests_name("vhd-end", tests, NULL, NULL);
}
