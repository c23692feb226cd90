// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes to a VHDX when an operation fails or memory is short (R10).
 */
#include <stdio.h>

#include "txn-session.h"

/* ---- errors (R10) ------------------------------------------------------------- */

#define STEPS 6

/* Whole pages, so that a step is there or not: blocks of no two steps overlap. */
static int step(unsigned int n)
{
	static u8 page[4096];
	int err = 0;

	memset(page, 100 + n, sizeof(page));
	switch (n) {
	case 0:
		err = vhdx_image_write(image, 8 * BLOCK, page, sizeof(page));
		break;
	case 1:
		err = vhdx_image_write(image, 0, page, sizeof(page));
		break;
	case 2:
		err = vhdx_image_discard(image, BLOCK, BLOCK);
		break;
	case 3:
		err = vhdx_image_write(image, 9 * BLOCK, page, sizeof(page));
		break;
	case 4:
		err = vhdx_image_write_zeroes(image, 2 * BLOCK, BLOCK, false);
		break;
	default:
		err = vhdx_image_discard(image, 3 * BLOCK, BLOCK);
	}
	if (!err)
		err = vhdx_image_commit(image);
	if (!err)
		err = vhdx_image_punch_all(image);
	return err;
}

static u8 first_byte(u64 block)
{
	u8 byte;

	assert_int_equal(vhdx_image_read(image, block * BLOCK, &byte, 1), 0);
	return byte;
}

/* The steps below @done have been made durable, those above not begun. */
static void assert_steps(unsigned int done)
{
	static const struct {
		u64 block;
		u8 before, after;
	} what[STEPS] = {
		{ 8, 0, 100 }, { 0, 1, 101 }, { 1, 2, 0 }, { 9, 0, 103 },
		{ 2, 3, 0 }, { 3, 4, 0 },
	};
	unsigned int n;

	for (n = 0; n < STEPS; n++)
		if (n != done)
			assert_int_equal(first_byte(what[n].block),
					 n < done ? what[n].after :
						    what[n].before);
}

/* Returns how many steps were done, STEPS + 1 if all and the end went well. */
static unsigned int run(void)
{
	unsigned int n;

	for (n = 0; n < STEPS; n++)
		if (step(n))
			return n;
	return vhdx_image_finish(image) ? STEPS : STEPS + 1;
}

/* The @nth word of a trace. */
static char word(const char *text, u64 nth)
{
	while (--nth) {
		text = strchr(text, ' ');
		if (!text)
			return 0;
		text++;
	}
	return *text;
}

static void assert_failed_for_good(void)
{
	u64 changes = ram_changes(&ram);

	assert_int_equal(write_block(0), -EROFS);
	assert_int_equal(vhdx_image_discard(image, 0, BLOCK), -EROFS);
	assert_int_equal(vhdx_image_release(image, 0, VHDX_RELEASE_ZERO),
			 -EROFS);
	assert_int_equal(vhdx_image_commit(image), -EROFS);
	assert_int_equal(vhdx_image_truncate(image), -EROFS);
	assert_int_not_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram_changes(&ram), changes);
}

static void every_operation_can_fail(bool for_ever, bool torn)
{
	static char whole[4096];
	unsigned int done;
	u64 nth;

	assert_int_equal(run(), STEPS + 1);
	snprintf(whole, sizeof(whole), "%s", trace_text());
	for (nth = 1; word(whole, nth); nth++) {
		char what = word(whole, nth);

		vhdx_image_close(image);
		image = NULL;
		ram_destroy(&ram);
		assert_int_equal(setup(NULL), 0);
		ram.fail_short = torn;
		ram_fail(&ram, nth, EIO, for_ever, RAM_CHANGES);
		done = run();
		assert_true(ram.failed > 0);
		ram_fail(&ram, 0, 0, false, 0);
		/* Metadata, flushes: no promise is made any more. */
		if (strchr("HLBF", what)) {
			assert_true(done <= STEPS);
			assert_true(vhdx_image_failed(image));
			assert_failed_for_good();
		}
		if (what == 'D')
			assert_true(done < STEPS);
		assert_int_equal(reopen(true), 0);
		assert_steps(done);
		/* And it can be worked with. */
		assert_int_equal(write_block(20), 0);
		assert_int_equal(vhdx_image_finish(image), 0);
		assert_int_equal(reopen(true), 0);
		assert_steps(done);
		assert_int_equal(first_byte(20), data[0]);
	}
	assert_true(nth > 40);
}

static void any_one_may_fail(void **state)
{
	(void)state;
	every_operation_can_fail(false, false);
}

static void any_may_fail_for_ever(void **state)
{
	(void)state;
	every_operation_can_fail(true, false);
}

static void any_may_fail_and_be_torn(void **state)
{
	(void)state;
	every_operation_can_fail(true, true);
}

static void without_memory_nothing_is_written(void **state)
{
	(void)state;
	alloc_fail(1);
	assert_int_equal(write_block(0), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(ram_changes(&ram), 0);
	/* A session that could not start may start later. */
	assert_false(vhdx_image_failed(image));
	assert_int_equal(write_block(0), 0);
}

static void releasing_without_memory_changes_nothing(void **state)
{
	struct vhdx_range to = { vb.blocks_at, BLOCK };

	(void)state;
	begin();
	alloc_fail(1);
	assert_int_equal(vhdx_image_release(image, 0, VHDX_RELEASE_ZERO),
			 -ENOMEM);
	assert_true(alloc_has_failed());
	assert_false(vhdx_image_is_dirty(image));
	assert_int_equal(first_byte(0), vb_block_byte(0));
	alloc_fail(1);
	assert_int_equal(vhdx_image_move(image, 3, &to), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(first_byte(3), vb_block_byte(3));
	assert_false(vhdx_image_failed(image));
}

/* A BAT of more than one page, none of them in memory. */
static void make_pages(void)
{
	const struct vhdx_build b = {
		.virtual_bytes = 2048 * MIB,
		.block_bytes = MIB,
	};

	ram_destroy(&ram);
	ram_init(&ram, 0);
	vb = b;
	vb_make(&ram, &vb);
	assert_int_equal(reopen(false), 0);
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
}

static void writing_without_memory_changes_nothing(void **state)
{
	(void)state;
	make_pages();
	alloc_fail(1);
	assert_int_equal(vhdx_image_release(image, 1500, VHDX_RELEASE_ZERO),
			 -ENOMEM);
	assert_true(alloc_has_failed());
	assert_false(vhdx_image_is_dirty(image));
	alloc_fail(1);
	assert_int_equal(vhdx_image_prepare_write(image, 1500), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_false(vhdx_image_is_dirty(image));
	assert_int_equal(ram.size, vb.end);
	assert_int_equal(vhdx_image_prepare_write(image, 1500), 0);
}

/* Of two pages the first cannot be put in its place: the log has both. */
static void the_first_of_two_pages_fails(void **state)
{
	(void)state;
	make_pages();
	assert_int_equal(vhdx_image_prepare_write(image, 3), 0);
	assert_int_equal(vhdx_image_prepare_write(image, 1500), 0);
	/* The log entry is one write. */
	ram_fail(&ram, 2, EIO, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(vhdx_image_commit(image), -EIO);
	assert_true(vhdx_image_failed(image));
	assert_int_equal(entry(3), 0);
	assert_int_equal(entry(1500), 0);
	assert_int_equal(reopen(true), 0);
	assert_true(vhdx_image_needs_replay(image));
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	assert_int_equal(entry(3), vb.blocks_at | VB_PRESENT);
	assert_int_equal(entry(1500), (vb.blocks_at + MIB) | VB_PRESENT);
}

#define PAGE_AT (512 * 1024)

/* The log of another program: of two entries for one page the second counts. */
static void two_entries_wait(void)
{
	struct vb_descriptor d = { .offset = PAGE_AT, .fill = 1 };
	struct vb_log_entry e = {
		.guid = 0x33, .sequence = 77, .flushed = vb.end, .last = vb.end,
		.count = 1, .descriptor = &d,
	};
	u32 len = vb_put_log_entry(&ram, VB_LOG, vb.log_bytes, 0, &e);

	e.sequence++;
	d.fill = 2;
	vb_put_log_entry(&ram, VB_LOG, vb.log_bytes, len, &e);
	vb_name_log(&ram, 0x33);
	assert_int_equal(reopen(false), 0);
	assert_true(vhdx_image_needs_replay(image));
}

/* It opens, it has what the log had, and it can be worked with. */
static void assert_nothing_lost(bool replayed)
{
	u8 is[4096], want[4096];

	assert_int_equal(reopen(true), 0);
	assert_int_equal(write_block(20), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(reopen(true), 0);
	assert_int_equal(first_byte(2), vb_block_byte(2));
	if (!replayed)
		return;
	vb_page(want, 2);
	ram_peek(&ram, PAGE_AT, is, sizeof(is));
	assert_memory_equal(is, want, sizeof(is));
}

/* A sparse copy of an image on a host that is full: changes wait, none fails. */
static void a_full_host_fails_no_commit(void **state)
{
	struct ram before;

	(void)state;
	make_pages();
	assert_int_equal(vhdx_image_finish(image), 0);
	store_punch(&ram.store, VB_LOG, vb.log_bytes);
	store_punch(&ram.store, vb.bat_at, vb.bat_bytes);
	assert_int_equal(reopen(false), 0);
	ram_clone(&before, &ram);
	ram.full = true;
	assert_int_equal(write_block(3), -ENOSPC);
	assert_false(vhdx_image_failed(image));
	assert_true(ram_same(&ram, &before));
	ram_destroy(&before);

	ram.full = false;
	assert_int_equal(vhdx_image_prepare_write(image, 3), 0);
	ram.full = true;
	assert_int_equal(vhdx_image_prepare_write(image, 1500), -ENOSPC);
	assert_int_equal(vhdx_image_release(image, 1500, VHDX_RELEASE_ZERO),
			 -ENOSPC);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(vhdx_image_release(image, 3, VHDX_RELEASE_ZERO), 0);
	assert_int_equal(vhdx_image_commit(image), 0);

	ram.full = false;
	assert_int_equal(vhdx_image_prepare_write(image, 1500), 0);
	ram.full = true;
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(entry(3), VB_ZERO);
	assert_int_equal(entry(1500) & 7, VB_PRESENT);
}

/* So does a log that waits for replay, where its target is a hole. */
static void a_full_host_fails_no_replay(void **state)
{
	(void)state;
	two_entries_wait();
	store_punch(&ram.store, PAGE_AT, 4096);
	ram.full = true;
	assert_int_equal(write_block(3), -ENOSPC);
	assert_false(vhdx_image_failed(image));
	ram.full = false;
	assert_int_equal(write_block(3), 0);
	assert_nothing_lost(true);
}

/* What else goes wrong there ends all changes. */
static void an_error_of_the_host_does(void **state)
{
	(void)state;
	make_pages();
	assert_int_equal(vhdx_image_finish(image), 0);
	store_punch(&ram.store, VB_LOG, vb.log_bytes);
	assert_int_equal(reopen(false), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(write_block(3), -EIO);
	assert_true(vhdx_image_failed(image));
}

/* ---- a session that is begun again --------------------------------------------- */

static void a_clean_image(void)
{
}

/* Every step of the first attempt, then for good every one of the second. */
static void begun_again(void (*prepare)(void), u64 steps)
{
	bool first = true, second;
	u64 n, m;

	for (n = 1; first; n++) {
		for (m = 1, second = true; first && second; m++) {
			teardown(NULL);
			setup(NULL);
			prepare();
			ram_fail(&ram, n, ENOMEM, false, RAM_CHANGES);
			vhdx_image_begin_data_change(image);
			first = ram.failed;
			ram_fail(&ram, m, EIO, true, RAM_CHANGES);
			ram.failed = 0;
			vhdx_image_begin_data_change(image);
			second = ram.failed;
			ram_fail(&ram, 0, 0, false, 0);
			assert_nothing_lost(prepare == two_entries_wait);
		}
	}
	assert_true(n > steps);
}

static void a_start_begun_again(void **state)
{
	(void)state;
	begun_again(a_clean_image, 12);
	begun_again(two_entries_wait, 18);
}

/*
 * The file is longer than the map when memory for that was short. The log may
 * promise that length by then.
 */
static void a_file_is_not_cut_to_grow(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 4096 * MIB,
		.block_bytes = MIB,
	};
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = true,
		.grow_bytes = 32 * MIB,
	};
	struct vhdx_report report = { };
	struct vhdx_usage usage;
	u64 block = 2, size;

	(void)state;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	vb = b;
	vb_make(&ram, &vb);
	vb_set(&ram, &vb, 0, VB_PRESENT, 1023 * MIB);
	ram.size = 1024 * MIB;
	vb_set(&ram, &vb, 1, VB_PRESENT, vb.end);
	vhdx_image_close(image);
	assert_int_equal(vhdx_image_open(&ram.container, &options, &report,
					 &image), 0);
	/* All that is free is taken; then a greater map is needed. */
	do {
		assert_int_equal(vhdx_image_prepare_write(image, block++), 0);
		vhdx_image_usage(image, &usage);
	} while (usage.free_bytes);
	assert_int_equal(vhdx_image_commit(image), 0);
	alloc_fail(1);
	assert_int_equal(vhdx_image_prepare_write(image, block), -ENOMEM);
	assert_true(alloc_has_failed());
	size = ram.size;
	assert_true(size > 1024 * MIB);
	assert_int_equal(vhdx_image_release(image, 1, VHDX_RELEASE_ZERO), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	ram_fail(&ram, 1, EFBIG, false, RAM_BIT(RAM_RESIZE));
	assert_int_equal(vhdx_image_prepare_write(image, block), 0);
	assert_int_equal(ram.failed, 1);
	assert_int_equal(ram.size, size);
	assert_int_equal(reopen(true), 0);
}

static void a_read_only_image_refuses_changes(void **state)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
	};
	struct vhdx_range from, to = { vb.blocks_at, BLOCK };
	struct vhdx_report report = { };

	(void)state;
	vhdx_image_close(image);
	assert_int_equal(vhdx_image_open(&ram.container, &options, &report,
					 &image), 0);
	assert_int_equal(write_block(0), -EROFS);
	assert_int_equal(vhdx_image_discard(image, 0, BLOCK), -EROFS);
	assert_int_equal(vhdx_image_tidy_entry(image, 0), -EROFS);
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to),
			 -EROFS);
	assert_int_equal(vhdx_image_move(image, 3, &to), -EROFS);
	assert_int_equal(vhdx_image_truncate(image), -EROFS);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram_changes(&ram), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_one_may_fail),
		TEST(any_may_fail_for_ever),
		TEST(any_may_fail_and_be_torn),
		TEST(without_memory_nothing_is_written),
		TEST(releasing_without_memory_changes_nothing),
		TEST(writing_without_memory_changes_nothing),
		TEST(the_first_of_two_pages_fails),
		TEST(a_full_host_fails_no_commit),
		TEST(a_full_host_fails_no_replay),
		TEST(an_error_of_the_host_does),
		TEST(a_start_begun_again),
		TEST(a_file_is_not_cut_to_grow),
		TEST(a_read_only_image_refuses_changes),
	};

	return cmocka_run_group_tests_name("txn-trouble", tests, NULL, NULL);
}
