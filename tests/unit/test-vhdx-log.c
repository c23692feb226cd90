// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening a VHDX whose end is cut off, whose log waits, or that fails.
 */
#include "vhdx-session.h"

/* ---- the end of the file ------------------------------------------------------ */

/* Old QEMU versions cut the last block where the disk ends. */
static void a_last_block_may_be_cut(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 5 * MIB + 65536,
		.block_bytes = 2 * MIB,
		.present = 3,
	};
	static u8 buf[65536];

	(void)state;
	make(&b);
	ram_poke(&ram, vb.end - 2 * MIB + MIB, "cut", 3);
	ram.size = vb.end - 2 * MIB + MIB + 65536;
	assert_untidy(VHDX_F_BLOCK_CUT);
	assert_int_equal(vhdx_image_read(image, 5 * MIB, buf, 65536), 0);
	assert_string_equal(buf, "cut");
	/* What the disk shows of it has to be there. */
	ram.size--;
	assert_refused(VHDX_F_BLOCK_PAST_END);
	ram.size = vb.end - 2 * MIB;
	assert_refused(VHDX_F_BLOCK_PAST_END);
}

/* Which one is the last is counted right in every page of the BAT. */
static void a_last_block_in_a_later_page(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 599ULL * 256 * MIB + MIB,
		.block_bytes = 256 * MIB,
	};

	(void)state;
	make(&b);
	vb_set(&ram, &vb, 599, VB_PRESENT, vb.end);
	ram.size = vb.end + MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	assert_int_equal(report.value, 599);
	vb_set(&ram, &vb, 599, VB_ZERO, 0);
	vb_set(&ram, &vb, 598, VB_PRESENT, vb.end);
	assert_refused(VHDX_F_BLOCK_PAST_END);
	assert_int_equal(report.value, 598);
}

static void no_other_block_may_be_cut(void **state)
{
	(void)state;
	ram.size = vb.end - 4096;
	assert_refused(VHDX_F_BLOCK_PAST_END);
}

/* The disk ends inside the last of its blocks. */
static const struct vhdx_build odd = {
	.virtual_bytes = 5 * MIB,
	.block_bytes = 2 * MIB,
	.present = 3,
};

static void nothing_lives_in_what_is_cut_off(void **state)
{
	(void)state;
	make(&odd);
	ram.size = vb.end - MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	vb_set(&ram, &vb, 1, VB_PRESENT, vb.end - MIB);
	assert_refused(VHDX_F_BLOCK_PAST_END);
}

static void a_writer_completes_a_cut_block_but_not_on_a_device(void **state)
{
	(void)state;
	make(&odd);
	ram.size = vb.end - MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	ram.container.fixed_size = true;
	assert_int_equal(try_open(true, true), -ENOSPC);
	assert_finding(VHDX_F_BLOCK_CUT_ON_DEVICE);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_BLOCK_CUT_ON_DEVICE);
}

static void a_fixed_image_is_as_long_as_it_says(void **state)
{
	(void)state;
	make(&fixed);
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
	ram.size = vb.end - MIB;
	assert_untidy(VHDX_F_BLOCK_CUT);
	ram.size = vb.end - MIB - 1;
	assert_refused(VHDX_F_FIXED_INCOMPLETE);
	ram.size = vb.end - 2 * MIB;
	assert_refused(VHDX_F_FIXED_INCOMPLETE);
	/* Its end is its own. */
	ram.size = vb.end + 10 * MIB;
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
}

static void the_free_end_of_a_device_is_not_untidy(void **state)
{
	(void)state;
	ram.size = vb.end + 10 * MIB;
	assert_untidy(VHDX_F_TAIL_UNUSED);
	assert_int_equal(report.where, vb.end);
	assert_int_equal(report.value, 10 * MIB);
	ram.container.fixed_size = true;
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
}

/* ---- a log that waits for replay ----------------------------------------------- */

static void put_log(const struct vb_descriptor *d, unsigned int count,
		    u64 flushed, u64 last)
{
	const struct vb_log_entry e = {
		.guid = 0x33, .sequence = 77, .flushed = flushed, .last = last,
		.count = count, .descriptor = d,
	};

	vb_put_log_entry(&ram, VB_LOG, vb.log_bytes, 0, &e);
	vb_name_log(&ram, 0x33);
}

static void a_log_is_replayed_in_memory(void **state)
{
	const struct vb_descriptor d = { .offset = vb.bat_at, .zeros = 4096 };

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	assert_int_equal(try_open(false, true), 0);
	assert_int_equal(found[VHDX_F_LOG_DIRTY], 1);
	assert_int_equal(found[VHDX_F_TAIL_UNUSED], 1);
	assert_true(vhdx_image_needs_replay(image));
	assert_block(0, 0);
	assert_block(2, 0);
	/* The file is as it was. */
	vb_name_log(&ram, 0);
	assert_int_equal(try_open(false, true), 0);
	assert_finding(VHDX_F_NONE);
	assert_block(2, vb_block_byte(2));
}

/* The log can speak of blocks in a part that the file has not got (yet). */
static void a_log_may_know_a_longer_file(void **state)
{
	u64 end = vb.end;
	u8 page[4096];
	const struct vb_descriptor d = { .offset = vb.bat_at, .fill = 0 };
	const struct vb_descriptor *none = NULL;

	(void)state;
	put_log(none, 0, end, end + 32 * MIB);
	vb_set(&ram, &vb, 9, VB_PRESENT, end + 30 * MIB);
	assert_int_equal(try_open(false, false), 0);
	assert_block(9, 0);
	assert_block(1, vb_block_byte(1));
	put_log(none, 0, end, end + 31 * MIB);
	assert_refused(VHDX_F_BLOCK_PAST_END);
	/* A page of rubbish over the BAT is found, too. */
	ram_peek(&ram, vb.bat_at, page, sizeof(page));
	put_log(&d, 1, end, end);
	assert_int_equal(try_open(false, false), -EUCLEAN);
}

static void a_log_may_change_metadata_only(void **state)
{
	const struct {
		u64 offset, zeros;
		bool fine;
	} t[] = {
		{ 512 * 1024, 4096, true },
		{ MIB - 4096, 4096, true },
		{ vb.bat_at + 4096, 4096, true },
		{ vb.bat_at + 4096, MIB - 4096, true },
		{ vb.metadata_at + MIB - 4096, 4096, true },
		{ vb.blocks_at, 4096, false },
		{ vb.blocks_at - 4096, 8192, false },
		{ vb.end - 4096, 4096, false },
		{ vb.bat_at - 4096, 8192, false },
		{ vb.metadata_at + 4096, MIB, false },
		{ vb.bat_at + 4096, MIB, false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		const struct vb_descriptor d = {
			.offset = t[i].offset, .zeros = t[i].zeros,
		};

		put_log(&d, 1, ram.size, ram.size);
		if (t[i].fine)
			assert_int_equal(try_open(true, true), 0);
		else
			assert_refused(VHDX_F_LOG_TARGET);
	}
}

/* The log is the last thing in the file, and where it was nothing is. */
static void a_log_may_not_fill_a_gap(void **state)
{
	const struct vb_descriptor d = { .offset = VB_LOG, .zeros = 4096 };
	const struct vb_log_entry e = {
		.guid = 0x33, .sequence = 77, .last = vb.end + MIB, .count = 1,
		.descriptor = &d,
	};

	(void)state;
	ram.size = vb.end + MIB;
	vb_put64(&ram, VB_HEADER1 + VB_LOG_OFFSET, vb.end);
	vb_put64(&ram, VB_HEADER2 + VB_LOG_OFFSET, vb.end);
	vb_sum_header(&ram, VB_HEADER1);
	vb_sum_header(&ram, VB_HEADER2);
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
	vb_put_log_entry(&ram, vb.end, MIB, 0, &e);
	vb_name_log(&ram, 0x33);
	assert_refused(VHDX_F_LOG_TARGET);
}

static void a_log_without_a_sequence_is_refused(void **state)
{
	(void)state;
	vb_name_log(&ram, 0x33);
	assert_refused(VHDX_F_LOG_NO_SEQUENCE);
	put_log(NULL, 0, ram.size + MIB, ram.size);
	assert_refused(VHDX_F_LOG_FILE_TRUNCATED);
}

/* Old entries lie around in any image that Windows closed. */
static void without_a_guid_nothing_is_replayed(void **state)
{
	const struct vb_descriptor d = { .offset = vb.bat_at, .zeros = 4096 };

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	vb_name_log(&ram, 0);
	assert_int_equal(try_open(true, true), 0);
	assert_finding(VHDX_F_NONE);
	assert_block(0, vb_block_byte(0));
}

/* ---- errors ------------------------------------------------------------------- */

static void every_read_can_fail(void **state)
{
	const struct vb_descriptor d = {
		.offset = vb.bat_at + 4096, .zeros = 4096,
	};
	u64 n;

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	for (n = 1;; n++) {
		ram_fail(&ram, n, EIO, false, RAM_BIT(RAM_READ));
		if (!try_open(true, false))
			break;
		assert_int_equal(ram.failed, 1);
		assert_finding(VHDX_F_IO_ERROR);
	}
	assert_int_equal(ram.failed, 0);
	assert_true(n > 10);
}

static void every_allocation_can_fail(void **state)
{
	const struct vb_descriptor d = {
		.offset = vb.bat_at + 4096, .zeros = 4096,
	};
	u64 n;

	(void)state;
	put_log(&d, 1, ram.size, ram.size);
	for (n = 1;; n++) {
		alloc_fail(n);
		if (!try_open(true, false))
			break;
		assert_true(alloc_has_failed());
		assert_finding(VHDX_F_NO_MEMORY);
	}
	assert_false(alloc_has_failed());
	assert_true(n > 8);
}

/* The last block of a cut file needs room in the map. */
static void growing_the_map_can_fail(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 868 * MIB,
		.block_bytes = 256 * MIB,
		.present = 4,
	};
	u64 n, failures = 0;

	(void)state;
	make(&b);
	/* From less than 1024 units to more. */
	assert_int_equal(vb.end, 1028 * MIB);
	ram.size = vb.end - 156 * MIB;
	assert_int_equal(try_open(true, false), 0);
	for (n = 1;; n++) {
		alloc_fail(n);
		if (!try_open(true, false))
			break;
		failures++;
		assert_finding(VHDX_F_NO_MEMORY);
	}
	assert_true(failures > 6);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	vhdx_image_close(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_last_block_may_be_cut),
		TEST(a_last_block_in_a_later_page),
		TEST(no_other_block_may_be_cut),
		TEST(nothing_lives_in_what_is_cut_off),
		TEST(a_writer_completes_a_cut_block_but_not_on_a_device),
		TEST(a_fixed_image_is_as_long_as_it_says),
		TEST(the_free_end_of_a_device_is_not_untidy),
		TEST(a_log_is_replayed_in_memory),
		TEST(a_log_may_know_a_longer_file),
		TEST(a_log_may_change_metadata_only),
		TEST(a_log_may_not_fill_a_gap),
		TEST(a_log_without_a_sequence_is_refused),
		TEST(without_a_guid_nothing_is_replayed),
		TEST(every_read_can_fail),
		TEST(every_allocation_can_fail),
		TEST(growing_the_map_can_fail),
		TEST(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests_name("vhdx-log", tests, NULL, NULL);
}
