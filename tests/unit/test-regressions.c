// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes that were made once, each as the smallest image that showed it.
 */
#include "create.h"
#include "image.h"
#include "space.h"
#include "unit.h"
#include "vhd-build.h"
#include "vhdx-build.h"

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static struct vhdx_report report;
static u8 buf[MIB];

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, 0);
	memset(&vb, 0, sizeof(vb));
	vb.virtual_bytes = 8 * MIB;
	vb.block_bytes = MIB;
	image = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_image_close(image);
	assert_int_equal(ram.misuse, 0);
	ram_destroy(&ram);
	return 0;
}

static int try_open(bool writable)
{
	struct vhdx_open_options options = {
		.any_format = true,
		.writable = writable,
	};

	memset(&report, 0, sizeof(report));
	return vhdx_image_open(&ram.container, &options, &report, &image);
}

static void open_rw(void)
{
	assert_int_equal(try_open(true), 0);
}

static void assert_block_is_zero(u64 block)
{
	assert_int_equal(vhdx_image_read(image, block * MIB, buf, MIB), 0);
	assert_true(vhdx_is_zero(buf, MIB));
}

static void a_second_session_keeps_the_file_short(void **state)
{
	u64 block;

	(void)state;
	vb.present = 8;
	vb_make(&ram, &vb);
	open_rw();
	for (block = 1; block < 8; block++)
		assert_int_equal(vhdx_image_discard(image, block * MIB, MIB),
				 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram.size, vb.blocks_at + MIB);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(vhdx_image_write(image, 0, buf, 512), 0);
	assert_int_equal(ram.size, vb.blocks_at + MIB);
}

static void an_anchor_that_moves_stays_an_anchor(void **state)
{
	struct vhdx_range from, to;

	(void)state;
	vb.present = 2;
	vb_make(&ram, &vb);
	vb_set(&ram, &vb, 0, VB_NOT_PRESENT, 0);
	vb_set(&ram, &vb, 1, VB_UNMAPPED, vb.blocks_at + MIB);
	open_rw();
	assert_int_equal(vhdx_image_reserve_below(image, 1, &from, &to), 0);
	assert_int_equal(vhdx_container_copy(&ram.container, from.offset_bytes,
					     to.offset_bytes, from.len_bytes,
					     buf, sizeof(buf)), 0);
	assert_int_equal(vhdx_image_move(image, 1, &to), 0);
	assert_block_is_zero(1);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(vb_entry(&ram, &vb, 1), vb.blocks_at | VB_UNMAPPED);
}

static void a_fixed_image_keeps_an_anchor(void **state)
{
	u64 entry;

	(void)state;
	vb.present = 8;
	vb.flags = 1;
	vb_make(&ram, &vb);
	entry = vb.blocks_at + 3 * MIB;
	vb_set(&ram, &vb, 3, VB_UNMAPPED, entry);
	open_rw();
	assert_int_equal(vhdx_image_write_zeroes(image, 3 * MIB, MIB, false),
			 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(vb_entry(&ram, &vb, 3), entry | VB_UNMAPPED);
	ram_peek(&ram, entry, buf, MIB);
	assert_true(vhdx_is_zero(buf, MIB));
}

/* It cost a bitmap of all its megabytes, more than a kernel can allocate. */
static void an_absurd_length_is_refused(void **state)
{
	(void)state;
	vb_make(&ram, &vb);
	ram.size = 1ULL << 60;
	assert_int_equal(try_open(false), -EFBIG);
	assert_int_equal(report.worst, VHDX_F_TOO_LONG);
}

/* @at: where the file is cut, in a sector of a block of 1 MiB. */
static void assert_cut_sector_is_zero(u64 block, u64 data_at, u64 at)
{
	struct vhdx_extent extent;
	u64 in_block = ALIGN_DOWN(at - data_at, 512);
	u8 again[4096];

	assert_int_equal(ram.container.ops->resize(&ram.container, at), 0);
	open_rw();
	assert_int_equal(vhdx_image_load(image, block), 0);
	vhdx_image_map(image, block * MIB, MIB, false, &extent);
	assert_int_equal(extent.len_bytes, in_block);
	assert_int_equal(vhdx_image_read(image, block * MIB + in_block, buf,
					 4096), 0);
	assert_true(vhdx_is_zero(buf, 4096));
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	assert_int_equal(vhdx_image_read(image, block * MIB + in_block, again,
					 4096), 0);
	assert_memory_equal(buf, again, 4096);
}

/* A part of a sector came up as data, then as more data in the next session. */
static void a_vhdx_cut_in_a_sector(void **state)
{
	struct vb_log_entry entry = { .guid = 9, .sequence = 1 };
	u64 at;

	(void)state;
	vb.present = 2;
	vb_make(&ram, &vb);
	entry.last = vb.end;
	vb_put_log_entry(&ram, VB_LOG, MIB, 0, &entry);
	vb_name_log(&ram, 9);
	at = vb.blocks_at + MIB;
	assert_cut_sector_is_zero(1, at, at + 512 + 100);
}

static void a_vhd_cut_in_a_sector(void **state)
{
	struct vhd_build build = {
		.virtual_bytes = MIB,
		.block_bytes = MIB,
		.present = 1,
	};
	u64 at;

	(void)state;
	at = vhd_build(&ram, &build) + 512 - 4096 - MIB;
	assert_cut_sector_is_zero(0, at, at + 1024 + 100);
}

/* A full host made the next commit fail, and with it the image. */
static void a_new_image_has_room_for_its_metadata(void **state)
{
	struct vhdx_create_options options = {
		.format = VHDX_FORMAT_VHDX,
		.type = VHDX_TYPE_DYNAMIC,
		.virtual_bytes = 8 * MIB,
		.block_bytes = MIB,
		.log_bytes = 2 * MIB,
	};
	struct vhdx_container *c = &ram.container;
	u64 at;

	(void)state;
	assert_int_equal(vhdx_create(c, &options), 0);
	for (at = VB_LOG; at < VB_LOG + 2 * MIB; at += 4096)
		assert_int_equal(c->ops->next_data(c, at, ram.size), at);
	/* Behind one MiB of metadata. */
	for (at = VB_LOG + 3 * MIB; at < VB_LOG + 4 * MIB; at += 4096)
		assert_int_equal(c->ops->next_data(c, at, ram.size), at);
}

static void an_empty_map_gives_nothing(void **state)
{
	struct vhdx_space space = { 0 };
	u64 unit;

	(void)state;
	assert_int_equal(vhdx_space_alloc(&space, 0, U64_MAX, &unit), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_second_session_keeps_the_file_short, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_anchor_that_moves_stays_an_anchor, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_fixed_image_keeps_an_anchor, setup, teardown),
		cmocka_unit_test_setup_teardown(an_absurd_length_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_vhdx_cut_in_a_sector, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_vhd_cut_in_a_sector, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_new_image_has_room_for_its_metadata, setup, teardown),
		cmocka_unit_test(an_empty_map_gives_nothing),
	};

	return cmocka_run_group_tests_name("regressions", tests, NULL, NULL);
}
