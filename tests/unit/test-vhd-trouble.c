// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VHD in trouble: a damaged image is mended by the next session, a full disk
 * loses nothing, an error is told and leaves a sound image.
 */
#include "alloc.h"
#include "vhd-session.h"

/* The footer, its copy, or the end of the file is missing: begin() mends. */
static void a_session_mends(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
	};
	u8 zeros[512] = { 0 };

	(void)state;
	start(&build);
	close_rw();
	ram_poke(&ram, end, zeros, 512);
	open_rw();
	put(0, 512, 3);
	close_rw();
	assert_footers();
	assert_int_equal(ram.size % 4096, 0);
	ram_poke(&ram, 0, zeros, 512);
	open_rw();
	put(0, 512, 4);
	commit();
	assert_footers();
	close_rw();
	/* The end of the block that ends last is cut off. */
	ram.size = (u64)entry_of(0) * 512 + 512 + 4096;
	store_punch(&ram.store, ram.size, 4 * MIB);
	memset(shadow + 4096, 0, BLOCK - 4096);
	open_rw();
	assert_disk();
	put(BLOCK - 512, 512, 5);
	assert_disk();
	finish();
	close_rw();
	assert_footers();
	check(true);
	open_rw();
	assert_disk();
}

static void short_footers_are_replaced(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 1,
		.packed = true,
	};

	(void)state;
	start(&build);
	close_rw();
	ram.size--;
	open_rw();
	put(0, 512, 5);
	assert_int_equal(ram.size, end + 511);
	put(4 * BLOCK, 512, 5);
	finish();
	assert_footers();
	assert_disk();
}

/* Of an empty disk, with the BAT right in front of the footer at @at. */
static void start_with_bat_at(u64 at)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
	};
	u8 footer[512], bat[512], where[8];

	start(&build);
	close_rw();
	ram_peek(&ram, 0, footer, sizeof(footer));
	ram_peek(&ram, VHD_BAT_AT, bat, sizeof(bat));
	store_punch(&ram.store, VHD_BAT_AT, ram.size - VHD_BAT_AT);
	vhd_put64(where, at);
	vhd_patch(&ram, VHD_HEADER_AT, 1024, 36, 16, where, sizeof(where));
	ram_poke(&ram, at, bat, sizeof(bat));
	ram_poke(&ram, at + 512, footer, sizeof(footer));
	ram.size = at + 1024;
	open_rw();
}

/*
 * The BAT in the footer's unit, with free units in front of it: cutting off
 * the free end must not cut it off, and a block must find room behind it.
 */
static void the_bat_may_be_last(void **state)
{
	(void)state;
	start_with_bat_at(0x4A00);
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	finish();
	close_rw();
	check(true);
	open_rw();
	put(0, MIB, 7);
	commit();
	assert_disk();
	discard(0, MIB);
	finish();
	close_rw();
	check(true);
	open_rw();
	assert_disk();
}

static void read_only_is_read_only(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 1,
	};

	(void)state;
	start(&build);
	close_rw();
	image = open_how(false, false, 0);
	assert_int_equal(vhdx_image_write(image, 0, buf, 512), -EROFS);
	assert_int_equal(vhdx_image_discard(image, 0, BLOCK), -EROFS);
	assert_int_equal(vhdx_image_prepare_write(image, 0), -EROFS);
	assert_disk();
	assert_int_equal(ram_changes(&ram), 0);
}

static void device_full(void **state)
{
	struct vhd_build build = { .virtual_bytes = MIB, .block_bytes = BLOCK };

	(void)state;
	start(&build);
	close_rw();
	ram.size = ALIGN(end, 4096) + 3 * (BLOCK + 4096) + 512;
	ram.container.fixed_size = true;
	open_rw();
	put(0, 3 * BLOCK, 9);
	assert_int_equal(vhdx_image_write(image, 3 * BLOCK, buf, 512),
			 -ENOSPC);
	assert_false(vhdx_image_failed(image));
	/* What is released comes to the rescue. */
	discard(BLOCK, BLOCK);
	put(3 * BLOCK, 512, 7);
	assert_disk();
	finish();
	assert_footers();
}

static void full_file_system(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 1,
	};

	(void)state;
	start(&build);
	ram.max_size = ram.size + BLOCK + 4096;
	put(BLOCK, 512, 1);
	assert_int_equal(vhdx_image_write(image, 2 * BLOCK, buf, 512),
			 -ENOSPC);
	assert_false(vhdx_image_failed(image));
	commit();
	assert_disk();
	assert_footers();
	ram.max_size = 0;
	put(2 * BLOCK, 512, 1);
	assert_disk();
	finish();
	check(true);
}

/* No room for the footer in a longer file: as if nothing had been. */
static void no_room_for_the_footer(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 1,
	};
	u64 was;

	(void)state;
	start(&build);
	put(0, 512, 1);
	commit();
	was = ram.size;
	ram_fail(&ram, 1, ENOSPC, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_image_prepare_write(image, 3), -ENOSPC);
	assert_false(vhdx_image_failed(image));
	assert_int_equal(ram.size, was);
	assert_footers();
	put(3 * BLOCK, 512, 1);
	finish();
	check(true);
	assert_disk();
}

static void what_has_no_space_cannot_move(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 1,
	};
	struct vhdx_range to = { 0, BLOCK };

	(void)state;
	start(&build);
	assert_int_equal(vhdx_image_move(image, 5, &to), -EINVAL);
	assert_int_equal(vhdx_image_release(image, 5, VHDX_RELEASE_ZERO), 0);
	assert_int_equal(vhdx_image_tidy_entry(image, 5), 0);
	assert_false(vhdx_image_is_dirty(image));
	teardown(NULL);
	/* And of a fixed disk nothing does. */
	ram_init(&ram, 0);
	end = vhd_build_fixed(&ram, MIB);
	open_rw();
	assert_int_equal(vhdx_image_move(image, 0, &to), -EOPNOTSUPP);
	assert_int_equal(vhdx_image_release(image, 0, VHDX_RELEASE_UNMAP),
			 -EOPNOTSUPP);
	assert_int_equal(vhdx_image_tidy_entry(image, 0), 0);
	assert_false(vhdx_image_is_dirty(image));
	assert_int_equal(ram_changes(&ram), 0);
}

static void releasing_without_memory_changes_nothing(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
	};
	struct vhdx_range to = { 0, BLOCK };

	(void)state;
	start(&build);
	alloc_fail(1);
	assert_int_equal(vhdx_image_release(image, 0, VHDX_RELEASE_UNMAP),
			 -ENOMEM);
	assert_true(alloc_has_failed());
	alloc_fail(1);
	assert_int_equal(vhdx_image_move(image, 0, &to), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_false(vhdx_image_is_dirty(image));
	assert_false(vhdx_image_failed(image));
	assert_disk();
}

static int scenario(void)
{
	int err = 0;
	u32 i;

	for (i = 0; i < 6 && !err; i++) {
		memset(buf, 0x10 + i, 1024);
		err = vhdx_image_write(image, (2 + i) * BLOCK, buf, 1024);
		if (!err)
			err = vhdx_image_discard(image, (1 + i) * BLOCK, BLOCK);
		if (!err && i % 2)
			err = vhdx_image_commit(image);
		if (!err && i == 3)
			err = vhdx_image_punch_all(image);
	}
	if (!err)
		err = vhdx_image_finish(image);
	return err;
}

/* Each operation fails once, for ever: nothing is lost and it is told. */
static void failing(unsigned int mask, bool packed)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = BLOCK,
		.present = 2,
		.packed = packed,
	};
	u64 n;
	int err;

	for (n = 1; n < 1000; n++) {
		start(&build);
		ram_fail(&ram, n, EIO, true, mask);
		err = scenario();
		if (!ram.failed) {
			assert_int_equal(err, 0);
			return;
		}
		if (err)
			assert_int_equal(err == -EIO || err == -EROFS, 1);
		ram_fail(&ram, 0, 0, false, 0);
		if (vhdx_image_failed(image))
			assert_int_equal(vhdx_image_commit(image), -EROFS);
		close_rw();
		check(false);
		open_rw();
		/* Block 0 was never touched. */
		assert_int_equal(vhdx_image_read(image, 0, buf, BLOCK), 0);
		assert_memory_equal(buf, shadow, BLOCK);
		/* And what is left is fit for use. */
		assert_int_equal(scenario(), 0);
		close_rw();
		check(true);
		open_rw();
		teardown(NULL);
	}
	fail_msg("the scenario never ends");
}

static void failing_writes(void **state)
{
	(void)state;
	failing(RAM_BIT(RAM_WRITE), false);
	teardown(NULL);
	failing(RAM_BIT(RAM_WRITE), true);
}

static void failing_flushes(void **state)
{
	(void)state;
	failing(RAM_BIT(RAM_FLUSH), false);
}

static void failing_resizes(void **state)
{
	(void)state;
	failing(RAM_BIT(RAM_RESIZE), false);
}

static void failing_anything(void **state)
{
	(void)state;
	failing(RAM_ANY, false);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_mends),
		TEST(short_footers_are_replaced),
		TEST(the_bat_may_be_last),
		TEST(read_only_is_read_only),
		TEST(device_full),
		TEST(full_file_system),
		TEST(no_room_for_the_footer),
		TEST(what_has_no_space_cannot_move),
		TEST(releasing_without_memory_changes_nothing),
		TEST(failing_writes),
		TEST(failing_flushes),
		TEST(failing_resizes),
		TEST(failing_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
