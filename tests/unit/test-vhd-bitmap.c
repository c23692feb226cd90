// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sector bitmaps of a VHD: loaded once and only where they matter, kept, filled
 * in the order that the essay in vhd-change.c gives, and what happens when one
 * of the steps fails.
 */
#include "alloc.h"
#include "vhd-session.h"

static const struct vhd_build build = {
	.virtual_bytes = MIB,
	.block_bytes = BLOCK,
	.present = 4,
};

/* The first 16 sectors: the first two and the twelfth were never written. */
static const u8 holes[2] = { 0x3F, 0xEF };

static void punch_bitmap(u32 block)
{
	u32 i;

	ram_poke(&ram, (u64)entry_of(block) * 512, holes, sizeof(holes));
	for (i = 0; i < 16; i++)
		if (!(holes[i / 8] & (0x80 >> (i % 8))))
			memset(shadow + block * BLOCK + i * 512, 0, 512);
}

static int setup(void **state)
{
	(void)state;
	start(&build);
	close_rw();
	punch_bitmap(0);
	punch_bitmap(1);
	open_rw();
	return 0;
}

static enum vhdx_extent_kind kind_of(u32 block)
{
	struct vhdx_extent extent;

	vhdx_image_map(image, block * BLOCK, 512, false, &extent);
	return extent.kind;
}

static void nothing_is_loaded_twice(void **state)
{
	u64 reads;

	(void)state;
	assert_int_equal(vhdx_image_load(image, 0), 0);
	assert_int_equal(vhdx_image_load(image, 1), 0);
	assert_int_equal(vhdx_image_load(image, 2), 0);
	reads = ram.count[RAM_READ];
	/* Kept, full, absent. */
	assert_int_equal(vhdx_image_load(image, 0), 0);
	assert_int_equal(vhdx_image_load(image, 1), 0);
	assert_int_equal(vhdx_image_load(image, 2), 0);
	assert_int_equal(vhdx_image_load(image, 9), 0);
	assert_int_equal(ram.count[RAM_READ], reads);
	assert_int_equal(kind_of(0), VHDX_EXTENT_ZERO);
	assert_int_equal(kind_of(2), VHDX_EXTENT_DATA);
	assert_int_equal(kind_of(9), VHDX_EXTENT_ZERO);
	assert_disk();
}

static void a_block_never_written(void **state)
{
	(void)state;
	close_rw();
	memset(buf, 0, 512);
	ram_poke(&ram, (u64)entry_of(3) * 512, buf, 16);
	memset(shadow + 3 * BLOCK, 0, BLOCK);
	open_rw();
	assert_disk();
	put(3 * BLOCK + 8192, 512, 6);
	assert_disk();
	close_rw();
	open_rw();
	assert_disk();
}

static void a_fixed_disk_has_none(void **state)
{
	u64 reads;

	(void)state;
	teardown(NULL);
	ram_init(&ram, 0);
	end = vhd_build_fixed(&ram, MIB);
	open_rw();
	reads = ram.count[RAM_READ];
	assert_int_equal(vhdx_image_load(image, 0), 0);
	assert_int_equal(vhdx_image_prepare_write(image, 0), 0);
	assert_int_equal(ram.count[RAM_READ], reads);
	assert_int_equal(ram_changes(&ram), 0);
}

/* Millions of tiny blocks must not take a sector of memory each. */
static void no_more_is_kept_than_a_block_needs(void **state)
{
	const struct vhd_build tiny = {
		.virtual_bytes = 64 * 1024,
		.block_bytes = 2048,
		.present = 32,
	};
	u32 i;

	(void)state;
	assert_int_equal(vhdx_image_load(image, 0), 0);
	assert_int_equal(alloc_last(), BLOCK / 512 / 8);
	teardown(NULL);
	start(&tiny);
	close_rw();
	for (i = 0; i < 32; i++) {
		/* The third of four sectors was never written. */
		ram_poke(&ram, (u64)entry_of(i) * 512, "\xDF", 1);
		memset(shadow + i * 2048 + 1024, 0, 512);
	}
	open_rw();
	for (i = 0; i < 32; i++) {
		assert_int_equal(vhdx_image_load(image, i), 0);
		assert_int_equal(alloc_last(), 1);
	}
	assert_disk();
	for (i = 0; i < 32; i++)
		put(i * 2048 + 1536, 512, i);
	assert_disk();
}

static void loading_can_fail(void **state)
{
	u64 n;

	(void)state;
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(vhdx_image_load(image, 0), -EIO);
	assert_int_equal(kind_of(0), VHDX_EXTENT_LOAD);
	assert_false(vhdx_image_failed(image));
	for (n = 1;; n++) {
		int err;

		alloc_fail(n);
		err = vhdx_image_load(image, 0);
		if (!alloc_has_failed())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(kind_of(0), VHDX_EXTENT_LOAD);
	}
	assert_true(n > 2);
	assert_int_equal(kind_of(0), VHDX_EXTENT_ZERO);
	assert_disk();
}

/* Reading tells of it, too, and so does what must know before it writes. */
static void a_block_that_cannot_be_loaded(void **state)
{
	(void)state;
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(vhdx_image_read(image, 0, buf, 512), -EIO);
	alloc_fail(1);
	assert_int_equal(vhdx_image_prepare_write(image, 0), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_false(vhdx_image_failed(image));
	put(0, 512, 1);
	assert_disk();
}

static void a_released_block_is_forgotten(void **state)
{
	(void)state;
	assert_disk();
	discard(BLOCK, BLOCK);
	/* Its bitmap had been kept: a new one is full. */
	put(BLOCK + 4096, 512, 7);
	assert_int_equal(kind_of(1), VHDX_EXTENT_DATA);
	assert_disk();
	/* The other one of the same page is still there. */
	assert_int_equal(kind_of(0), VHDX_EXTENT_ZERO);
	finish();
	check(true);
}

/* Each step of a fill fails: the block shows what it has shown before. */
static void filling_fails(int err, unsigned int mask, bool must_fail)
{
	u64 n;

	for (n = 1;; n++) {
		int got;

		teardown(NULL);
		setup(NULL);
		assert_int_equal(vhdx_image_begin_data_change(image), 0);
		ram_fail(&ram, n, err, false, mask);
		got = vhdx_image_prepare_write(image, 0);
		if (!ram.failed)
			break;
		/* See vhdx_flush(). */
		if (err == ENOMEM && mask == RAM_BIT(RAM_FLUSH))
			assert_int_equal(got, -EIO);
		else
			assert_int_equal(got, -err);
		assert_int_equal(vhdx_image_failed(image), must_fail);
		assert_disk();
		close_rw();
		open_rw();
		assert_disk();
		put(4096, 512, 3);
		assert_disk();
	}
	assert_true(n > 1);
}

static void every_step_of_a_fill_can_fail(void **state)
{
	(void)state;
	filling_fails(EIO, RAM_BIT(RAM_PUNCH), true);
	filling_fails(EIO, RAM_BIT(RAM_WRITE), true);
	filling_fails(EIO, RAM_BIT(RAM_FLUSH), true);
}

static void a_full_host_does_not_end_it(void **state)
{
	static const int full[] = { ENOSPC, EDQUOT, EFBIG, ENOMEM };
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(full); i++) {
		filling_fails(full[i], RAM_BIT(RAM_PUNCH), false);
		filling_fails(full[i], RAM_BIT(RAM_WRITE), false);
	}
}

/*
 * R10: a host tells of lost writes, of the guest's data too, in one flush and
 * never again, whatever the error.
 */
static void a_flush_that_fails_always_ends_it(void **state)
{
	(void)state;
	filling_fails(ENOSPC, RAM_BIT(RAM_FLUSH), true);
	filling_fails(EDQUOT, RAM_BIT(RAM_FLUSH), true);
	filling_fails(ENOMEM, RAM_BIT(RAM_FLUSH), true);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_loaded_twice),
		TEST(a_block_never_written),
		TEST(a_fixed_disk_has_none),
		TEST(no_more_is_kept_than_a_block_needs),
		TEST(loading_can_fail),
		TEST(a_block_that_cannot_be_loaded),
		TEST(a_released_block_is_forgotten),
		TEST(every_step_of_a_fill_can_fail),
		TEST(a_full_host_does_not_end_it),
		TEST(a_flush_that_fails_always_ends_it),
	};

	return cmocka_run_group_tests_name("vhd-bitmap", tests, NULL, NULL);
}
