// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file as it will be after replay: reading through what the log holds, and
 * writing it out.
 */
#include "overlay.h"
#include "unit.h"
#include "vhdx-build.h"

static struct ram ram;
static struct vhdx_container *c = &ram.container;
static struct vhdx_overlay overlay;
static struct vhdx_patch patches[16];
static u8 pages[4][4096];
static u8 buf[64 * 1024];

static int setup(void **state)
{
	u8 byte = 0xEE;
	u32 i;

	(void)state;
	ram_init(&ram, MIB);
	for (i = 0; i < 64 * 1024; i++)
		ram_poke(&ram, i, &byte, 1);
	memset(&overlay, 0, sizeof(overlay));
	overlay.patch = patches;
	for (i = 0; i < 4; i++)
		memset(pages[i], 1 + i, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	ram_destroy(&ram);
	return 0;
}

static void patch(u64 offset, u64 len, const u8 *page)
{
	assert_true(overlay.count < ARRAY_SIZE(patches));
	patches[overlay.count++] = (struct vhdx_patch){ offset, len, page };
}

static void assert_bytes(u64 from, u64 to, u8 value)
{
	u64 i;

	for (i = from; i < to; i++)
		assert_int_equal(buf[i], value);
}

static void read_all(void)
{
	memset(buf, 0xAA, sizeof(buf));
	assert_int_equal(vhdx_overlay_read(&overlay, c, 0, buf, sizeof(buf)),
			 0);
}

static void without_patches_it_is_the_file(void **state)
{
	(void)state;
	read_all();
	assert_bytes(0, sizeof(buf), 0xEE);
	assert_int_equal(vhdx_overlay_size(&overlay, c), MIB);
}

static void pages_and_zeros_hide_the_file(void **state)
{
	(void)state;
	patch(4096, 4096, pages[0]);
	patch(16384, 12288, NULL);
	read_all();
	assert_bytes(0, 4096, 0xEE);
	assert_bytes(4096, 8192, 1);
	assert_bytes(8192, 16384, 0xEE);
	assert_bytes(16384, 28672, 0);
	assert_bytes(28672, sizeof(buf), 0xEE);
	assert_int_equal(ram_changes(&ram), 0);
}

static void the_last_one_counts(void **state)
{
	(void)state;
	patch(8192, 4096, pages[0]);
	patch(4096, 12288, NULL);
	patch(8192, 4096, pages[1]);
	patch(12288, 4096, pages[2]);
	patch(12288, 4096, NULL);
	read_all();
	assert_bytes(4096, 8192, 0);
	assert_bytes(8192, 12288, 2);
	assert_bytes(12288, 16384, 0);
	assert_bytes(16384, sizeof(buf), 0xEE);
}

/* Any part of a patch: each piece comes from the right place. */
static void pieces_are_cut_right(void **state)
{
	static const struct {
		u32 at, len;
	} t[] = {
		{ 4095, 1 }, { 4095, 2 }, { 4096, 1 }, { 4097, 4094 },
		{ 8191, 1 }, { 8191, 2 }, { 8192, 1 }, { 0, 20000 },
		{ 5000, 100 }, { 6000, 9000 }, { 4096, 4096 },
	};
	static u8 page[4096], whole[20000];
	unsigned int i;

	(void)state;
	vb_page(page, 5);
	patch(4096, 4096, page);
	patch(12288, 4096, NULL);
	memset(whole, 0xEE, sizeof(whole));
	memcpy(whole + 4096, page, 4096);
	memset(whole + 12288, 0, 4096);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(vhdx_overlay_read(&overlay, c, t[i].at, buf,
						   t[i].len), 0);
		assert_memory_equal(buf, whole + t[i].at, t[i].len);
	}
}

/* A log may speak of a file that is longer than it is: not there is zero. */
static void behind_the_end_of_the_file_are_zeros(void **state)
{
	(void)state;
	overlay.file_bytes = 2 * MIB;
	patch(MIB + 8192, 4096, pages[3]);
	assert_int_equal(vhdx_overlay_size(&overlay, c), 2 * MIB);
	ram_poke(&ram, MIB - 100, pages[0], 100);
	assert_int_equal(vhdx_overlay_read(&overlay, c, MIB - 100, buf, 16384),
			 0);
	assert_bytes(0, 100, 1);
	assert_bytes(100, 100 + 8192, 0);
	assert_bytes(100 + 8192, 100 + 12288, 4);
	assert_bytes(100 + 12288, 16384, 0);
	assert_int_equal(vhdx_overlay_read(&overlay, c, 2 * MIB - 1, buf, 1),
			 0);
	assert_int_equal(buf[0], 0);
	assert_int_equal(vhdx_overlay_read(&overlay, c, 2 * MIB - 1, buf, 2),
			 -EUCLEAN);
	overlay.file_bytes = 4096;
	assert_int_equal(vhdx_overlay_size(&overlay, c), MIB);
	assert_int_equal(vhdx_overlay_read(&overlay, c, MIB, buf, 1),
			 -EUCLEAN);
}

static void reading_can_fail(void **state)
{
	(void)state;
	patch(0, 4096, pages[0]);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_READ));
	assert_int_equal(vhdx_overlay_read(&overlay, c, 0, buf, 4096), -EIO);
}

static void writing_out_shows_the_same(void **state)
{
	static u8 before[64 * 1024];

	(void)state;
	patch(8192, 4096, pages[0]);
	patch(4096, 12288, NULL);
	patch(8192, 4096, pages[1]);
	patch(32768, 4096, pages[2]);
	read_all();
	memcpy(before, buf, sizeof(buf));
	assert_int_equal(vhdx_overlay_write_out(&overlay, c), 0);
	assert_false(ram.unflushed);
	assert_int_equal(ram.count[RAM_FLUSH], 1);
	assert_int_equal(ram.count[RAM_RESIZE], 0);
	ram_peek(&ram, 0, buf, sizeof(buf));
	assert_memory_equal(buf, before, sizeof(buf));
}

static void writing_out_extends_and_never_shrinks(void **state)
{
	(void)state;
	overlay.file_bytes = 3 * MIB;
	patch(2 * MIB, 4096, pages[0]);
	patch(2 * MIB + 4096, MIB - 4096, NULL);
	assert_int_equal(vhdx_overlay_write_out(&overlay, c), 0);
	assert_int_equal(ram.size, 3 * MIB);
	overlay.file_bytes = MIB;
	overlay.count = 0;
	assert_int_equal(vhdx_overlay_write_out(&overlay, c), 0);
	assert_int_equal(ram.size, 3 * MIB);
	ram_peek(&ram, 2 * MIB, buf, 8192);
	assert_bytes(0, 4096, 1);
	assert_bytes(4096, 8192, 0);
}

static void zeros_are_written_where_there_are_no_holes(void **state)
{
	(void)state;
	ram.no_punch = true;
	patch(4096, 40960, NULL);
	assert_int_equal(vhdx_overlay_write_out(&overlay, c), 0);
	ram_peek(&ram, 0, buf, sizeof(buf));
	assert_bytes(0, 4096, 0xEE);
	assert_bytes(4096, 45056, 0);
	assert_bytes(45056, sizeof(buf), 0xEE);
}

/* Whatever fails, doing it again ends where one go would have ended. */
static void writing_out_can_be_done_again(void **state)
{
	struct ram again, once;
	u64 at;

	(void)state;
	overlay.file_bytes = 2 * MIB;
	patch(4096, 8192, NULL);
	patch(8192, 4096, pages[0]);
	patch(MIB + 4096, 4096, pages[1]);
	ram_clone(&once, &ram);
	assert_int_equal(vhdx_overlay_write_out(&overlay, &once.container), 0);
	for (at = 1; at <= ram_changes(&once); at++) {
		ram_clone(&again, &ram);
		again.fail_short = true;
		ram_fail(&again, at, EIO, true, RAM_CHANGES);
		assert_int_equal(vhdx_overlay_write_out(&overlay,
							&again.container),
				 -EIO);
		ram_fail(&again, 0, 0, false, 0);
		assert_int_equal(vhdx_overlay_write_out(&overlay,
							&again.container), 0);
		assert_true(ram_same(&again, &once));
		ram_destroy(&again);
	}
	assert_int_equal(at, 1 + 5);
	ram_destroy(&once);
}

static void a_device_that_is_too_short_is_told(void **state)
{
	struct ram device;

	(void)state;
	ram_init_device(&device, MIB);
	overlay.file_bytes = 2 * MIB;
	assert_int_equal(vhdx_overlay_write_out(&overlay, &device.container),
			 -ENOSPC);
	ram_destroy(&device);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_patches_it_is_the_file),
		TEST(pages_and_zeros_hide_the_file),
		TEST(the_last_one_counts),
		TEST(pieces_are_cut_right),
		TEST(behind_the_end_of_the_file_are_zeros),
		TEST(reading_can_fail),
		TEST(writing_out_shows_the_same),
		TEST(writing_out_extends_and_never_shrinks),
		TEST(zeros_are_written_where_there_are_no_holes),
		TEST(writing_out_can_be_done_again),
		TEST(a_device_that_is_too_short_is_told),
	};

	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
