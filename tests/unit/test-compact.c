// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compaction of a VHDX: trimmed blocks go, the others move down, the file gets
 * shorter, and the disk is what it was.
 */
#include "alloc.h"
#include "compact.h"
#include "create.h"
#include "trace.h"
#include "unit.h"

#define BLOCK (2 * MIB)
#define BLOCKS 64

static struct ram ram;
static struct vhdx_build vb;
static struct vhdx_image *image;
static struct vhdx_compact compact;
static u8 buf[64 * 1024];
static unsigned int steps[VHDX_STEP_DONE + 1];

static int reopen(void)
{
	const struct vhdx_open_options options = {
		.format = VHDX_FORMAT_VHDX,
		.writable = true,
		.check = true,
	};
	struct vhdx_report report = { .keep_going = true };
	int err;

	vhdx_image_close(image);
	err = vhdx_image_open(&ram.container, &options, &report, &image);
	assert_int_equal(report.count[VHDX_SEVERITY_FATAL], 0);
	return err;
}

static int make(u32 flags)
{
	const struct vhdx_build b = {
		.virtual_bytes = BLOCKS * BLOCK,
		.block_bytes = BLOCK,
		.flags = flags,
		.present = flags ? BLOCKS : 0,
	};

	vb = b;
	ram_init(&ram, 0);
	vb_make(&ram, &vb);
	return reopen();
}

static int setup(void **state)
{
	(void)state;
	return make(0);
}

static int setup_fixed(void **state)
{
	(void)state;
	return make(1);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	vhdx_compact_end(&compact);
	vhdx_image_close(image);
	image = NULL;
	ram_destroy(&ram);
	return 0;
}

/* Block @block at place number @slot of the file. */
static void put(u64 block, u64 slot, unsigned int state)
{
	u64 at = vb.blocks_at + slot * BLOCK;

	vb_set(&ram, &vb, block, state, at);
	ram.size = max(ram.size, at + BLOCK);
	vb_fill_block(&ram, &vb, block, at);
}

/* Its space becomes a hole of the host, as discards of parts leave it. */
static void trim(u64 slot)
{
	store_punch(&ram.store, vb.blocks_at + slot * BLOCK, BLOCK);
}

static u64 slot_of(u64 block)
{
	u64 entry = vb_entry(&ram, &vb, block);

	assert_int_equal(entry & 7, VB_PRESENT);
	return ((entry & ~7ULL) - vb.blocks_at) / BLOCK;
}

static int run(bool no_move)
{
	struct vhdx_compact_step step;
	u32 percent = 0;
	int err;

	vhdx_compact_end(&compact);
	memset(steps, 0, sizeof(steps));
	err = vhdx_compact_start(&compact, image, VHDX_COMPACT_PRETRIMMED,
				 no_move);
	while (!err) {
		err = vhdx_compact_next(&compact, &step);
		if (err)
			break;
		assert_true(compact.counts.percent <= 100);
		percent = max(percent, compact.counts.percent);
		steps[step.kind]++;
		if (step.kind == VHDX_STEP_DONE)
			break;
		err = vhdx_compact_do(&compact, &step, buf, sizeof(buf));
	}
	if (!err)
		assert_int_equal(percent, 100);
	return err;
}

static u64 disk_hash(void)
{
	u64 hash = 0;
	u64 at;

	for (at = 0; at < vb.virtual_bytes; at += sizeof(buf)) {
		assert_int_equal(vhdx_image_read(image, at, buf, sizeof(buf)),
				 0);
		hash = hash << 5 ^ hash >> 59 ^ vhdx_crc32c(0, buf,
							   sizeof(buf));
	}
	return hash;
}

/* Compact, and what the disk shows is as before, now and for the next one. */
static void compact_and_compare(bool no_move)
{
	u64 before;

	assert_int_equal(reopen(), 0);
	before = disk_hash();
	assert_int_equal(run(no_move), 0);
	assert_int_equal(disk_hash(), before);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(disk_hash(), before);
}

static void trimmed_blocks_are_released(void **state)
{
	(void)state;
	put(3, 0, VB_PRESENT);
	put(4, 1, VB_PRESENT);
	put(5, 2, VB_PRESENT);
	trim(0);
	trim(2);
	compact_and_compare(false);
	assert_int_equal(compact.counts.blocks_probed, 3);
	assert_int_equal(compact.counts.blocks_released, 2);
	assert_int_equal(compact.counts.blocks_moved, 1);
	assert_int_equal(compact.counts.bytes_moved, BLOCK);
	assert_int_equal(compact.counts.length_before,
			 vb.blocks_at + 3 * BLOCK);
	assert_int_equal(compact.counts.length_now, vb.blocks_at + BLOCK);
	/* As ZERO: R1d is not needed, no reader can tell. */
	assert_int_equal(vb_entry(&ram, &vb, 3), VB_ZERO);
	assert_int_equal(vb_entry(&ram, &vb, 5), VB_ZERO);
	assert_int_equal(slot_of(4), 0);
	assert_int_equal(ram.size, vb.blocks_at + BLOCK);
}

/* One page of data is enough to stay. */
static void a_block_with_any_data_stays(void **state)
{
	u8 byte = 1;

	(void)state;
	put(3, 0, VB_PRESENT);
	trim(0);
	ram_poke(&ram, vb.blocks_at + BLOCK - 1, &byte, 1);
	compact_and_compare(false);
	assert_int_equal(compact.counts.blocks_released, 0);
	assert_int_equal(slot_of(3), 0);
}

/* Zeros that the host stores are not holes: that is another mode's work. */
static void zeros_that_are_no_holes_stay(void **state)
{
	static const u8 zeros[4096];

	(void)state;
	put(3, 0, VB_PRESENT);
	trim(0);
	ram_poke(&ram, vb.blocks_at, zeros, sizeof(zeros));
	compact_and_compare(false);
	assert_int_equal(compact.counts.blocks_released, 0);
	ram.no_holes = true;
	trim(0);
	compact_and_compare(false);
	assert_int_equal(compact.counts.blocks_released, 0);
}

static void scattered_blocks_are_packed(void **state)
{
	static const struct {
		u8 block, slot;
	} t[] = {
		{ 0, 40 }, { 1, 3 }, { 7, 17 }, { 9, 39 }, { 20, 0 },
		{ 21, 55 }, { 22, 56 }, { 40, 8 }, { 63, 30 },
	};
	u64 used = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		put(t[i].block, t[i].slot, VB_PRESENT);
	compact_and_compare(false);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		u64 slot = slot_of(t[i].block);

		assert_true(slot < ARRAY_SIZE(t));
		assert_false(used >> slot & 1);
		used |= 1ULL << slot;
	}
	assert_int_equal(ram.size, vb.blocks_at + ARRAY_SIZE(t) * BLOCK);
	/* The lower ones had no reason to move. */
	assert_int_equal(slot_of(20), 0);
	assert_int_equal(slot_of(1), 3);
	assert_int_equal(slot_of(40), 8);
	assert_int_equal(compact.counts.blocks_moved, ARRAY_SIZE(t) - 3);
}

/* What lies between the blocks and is none stays where it is. */
static void a_foreign_region_is_gone_round(void **state)
{
	unsigned int i;
	u64 table;

	(void)state;
	for (i = 0; i < 8; i++)
		put(i, 20 + i, VB_PRESENT);
	for (table = VB_REGIONS1; table <= VB_REGIONS2; table += 65536) {
		vb_put_region(&ram, table, 2, "somebody.s.thing",
			      vb.blocks_at + 3 * MIB, MIB, 0);
		vb_sum_regions(&ram, table, 3);
	}
	ram_poke(&ram, vb.blocks_at + 3 * MIB, "theirs", 6);
	compact_and_compare(false);
	/* 2 MiB in front of it, 14 behind. */
	assert_int_equal(ram.size, vb.blocks_at + 2 * MIB + 2 * MIB +
				   7 * BLOCK);
	ram_peek(&ram, vb.blocks_at + 3 * MIB, buf, 6);
	assert_memory_equal(buf, "theirs", 6);
}

static void entries_become_plain(void **state)
{
	(void)state;
	put(0, 5, VB_PRESENT);
	put(1, 6, VB_UNMAPPED);
	put(2, 7, VB_UNDEFINED);
	put(3, 5, VB_ZERO);
	put(4, 0, VB_NOT_PRESENT);
	vb_fill_block(&ram, &vb, 0, vb.blocks_at + 5 * BLOCK);
	compact_and_compare(false);
	assert_int_equal(compact.counts.entries_tidied, 4);
	assert_int_equal(vb_entry(&ram, &vb, 1), VB_UNMAPPED);
	assert_int_equal(vb_entry(&ram, &vb, 2), VB_UNDEFINED);
	assert_int_equal(vb_entry(&ram, &vb, 3), VB_ZERO);
	assert_int_equal(vb_entry(&ram, &vb, 4), VB_NOT_PRESENT);
	assert_int_equal(slot_of(0), 0);
	assert_int_equal(ram.size, vb.blocks_at + BLOCK);
}

static void without_moving_only_the_end_goes(void **state)
{
	(void)state;
	put(0, 2, VB_PRESENT);
	put(1, 5, VB_PRESENT);
	put(2, 7, VB_UNMAPPED);
	put(3, 8, VB_PRESENT);
	trim(8);
	compact_and_compare(true);
	assert_int_equal(compact.counts.blocks_moved, 0);
	assert_int_equal(steps[VHDX_STEP_MOVE], 0);
	assert_int_equal(slot_of(0), 2);
	assert_int_equal(slot_of(1), 5);
	assert_int_equal(vb_entry(&ram, &vb, 2), VB_UNMAPPED);
	assert_int_equal(vb_entry(&ram, &vb, 3), VB_ZERO);
	assert_int_equal(ram.size, vb.blocks_at + 6 * BLOCK);
}

static void a_second_run_finds_nothing_to_do(void **state)
{
	struct ram before;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++)
		put(i * 3, 50 - 2 * i, i % 4 ? VB_PRESENT : VB_UNMAPPED);
	compact_and_compare(false);
	assert_true(compact.counts.blocks_moved > 5);
	ram_clone(&before, &ram);
	compact_and_compare(false);
	assert_int_equal(compact.counts.blocks_moved, 0);
	assert_int_equal(compact.counts.blocks_released, 0);
	assert_int_equal(compact.counts.entries_tidied, 0);
	assert_int_equal(compact.counts.length_before,
			 compact.counts.length_now);
	/* Where there is no place for the highest there is none for any. */
	assert_int_equal(steps[VHDX_STEP_MOVE], 1);
	/* Not one byte of the file, its headers included. */
	assert_true(ram_same(&before, &ram));
	ram_destroy(&before);
}

static void an_empty_image_is_no_trouble(void **state)
{
	(void)state;
	ram.size += 100 * MIB;
	compact_and_compare(false);
	assert_int_equal(ram.size, vb.blocks_at);
	compact_and_compare(false);
	assert_int_equal(ram.size, vb.blocks_at);
}

/* FileWriteGuid changes, DataWriteGuid does not: children stay valid. */
static void the_data_guid_stays(void **state)
{
	u8 before[32], after[32];
	u64 header;

	(void)state;
	put(0, 5, VB_PRESENT);
	put(1, 6, VB_PRESENT);
	put(2, 7, VB_UNMAPPED);
	trim(6);
	header = vb_current_header(&ram);
	ram_peek(&ram, header + VB_FILE_WRITE_GUID, before, 32);
	compact_and_compare(false);
	header = vb_current_header(&ram);
	ram_peek(&ram, header + VB_FILE_WRITE_GUID, after, 32);
	assert_memory_not_equal(before, after, 16);
	assert_memory_equal(before + 16, after + 16, 16);
}

static void a_fixed_image_keeps_everything(void **state)
{
	struct ram before;

	(void)state;
	store_punch(&ram.store, vb.blocks_at, 10 * BLOCK);
	ram_clone(&before, &ram);
	compact_and_compare(false);
	assert_true(ram_same(&before, &ram));
	assert_int_equal(compact.counts.percent, 100);
	assert_int_equal(compact.counts.blocks_probed, 0);
	ram_destroy(&before);
}

static void a_device_keeps_its_length(void **state)
{
	(void)state;
	put(0, 9, VB_PRESENT);
	put(1, 5, VB_PRESENT);
	ram.size += 5 * MIB;
	ram.container.fixed_size = true;
	compact_and_compare(false);
	assert_int_equal(ram.size, vb.blocks_at + 10 * BLOCK + 5 * MIB);
	assert_int_equal(slot_of(0) + slot_of(1), 1);
}

static void modes(void **state)
{
	static const struct {
		enum vhdx_compact_mode mode;
		int err;
	} t[] = {
		{ VHDX_COMPACT_FULL, -EOPNOTSUPP },
		{ VHDX_COMPACT_QUICK, 0 },
		{ VHDX_COMPACT_RETRIM, -EOPNOTSUPP },
		{ VHDX_COMPACT_PRETRIMMED, 0 },
		{ VHDX_COMPACT_PREZEROED, -EOPNOTSUPP },
		{ 99, -EOPNOTSUPP },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(vhdx_compact_start(&compact, image, t[i].mode,
						    false), t[i].err);
	vhdx_image_fail(image);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false),
			 -EROFS);
}

static void done_stays_done(void **state)
{
	struct vhdx_compact_step step;
	unsigned int i;

	(void)state;
	assert_int_equal(run(false), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(vhdx_compact_next(&compact, &step), 0);
		assert_int_equal(step.kind, VHDX_STEP_DONE);
		assert_int_equal(vhdx_compact_do(&compact, &step, buf,
						 sizeof(buf)), 0);
	}
}

/* R7, R8: commits come often enough for what was moved away to be used. */
static void commits_come_now_and_then(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < BLOCKS; i++)
		put(i, 100 + i, VB_PRESENT);
	compact_and_compare(false);
	/* 32 blocks of 2 MiB are 64 MiB. */
	assert_true(steps[VHDX_STEP_COMMIT] >= 3);
	assert_true(steps[VHDX_STEP_COMMIT] <= 8);
	assert_int_equal(ram.size, vb.blocks_at + BLOCKS * BLOCK);
}

/* Blocks 0 to 19 are the old ones. */
static bool discard_old(u64 block)
{
	if (block >= 20)
		return false;
	assert_int_equal(vhdx_image_discard(image, block * BLOCK, BLOCK), 0);
	return true;
}

/* A place that others took meanwhile, a block that is gone: no harm done. */
static void live_changes_in_between(void **state)
{
	struct vhdx_compact_step step;
	unsigned int i, n = 0, gone = 0;

	(void)state;
	for (i = 0; i < 20; i++)
		put(i, 2 * i, VB_PRESENT);
	assert_int_equal(reopen(), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false), 0);
	memset(buf, 0x99, sizeof(buf));
	do {
		static u8 bounce[4096];

		assert_int_equal(vhdx_compact_next(&compact, &step), 0);
		/* Write somewhere new; give the next block to be moved away. */
		if (step.kind == VHDX_STEP_MOVE && n < 10) {
			assert_int_equal(vhdx_image_write(image,
							  (30 + n) * BLOCK,
							  buf, 512), 0);
			n++;
			gone += n % 2 && discard_old(step.block);
		}
		assert_int_equal(vhdx_compact_do(&compact, &step, bounce,
						 sizeof(bounce)), 0);
	} while (step.kind != VHDX_STEP_DONE);
	assert_int_equal(n, 10);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(reopen(), 0);
	assert_true(gone > 2);
	assert_int_equal(ram.size, vb.blocks_at + (20 - gone + 10) * BLOCK);
	for (i = 0; i < 10; i++) {
		assert_int_equal(vhdx_image_read(image, (30 + i) * BLOCK, buf,
						 512), 0);
		assert_int_equal(buf[0], 0x99);
		assert_int_equal(buf[511], 0x99);
	}
}

/* Written anew after the survey the first one to be moved is the lowest. */
static void a_block_that_is_low_by_now_ends_nothing(void **state)
{
	struct vhdx_compact_step step;
	bool rewritten = false;

	(void)state;
	put(0, 10, VB_PRESENT);
	put(1, 12, VB_PRESENT);
	assert_int_equal(reopen(), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false), 0);
	do {
		assert_int_equal(vhdx_compact_next(&compact, &step), 0);
		if (step.kind == VHDX_STEP_MOVE && !rewritten) {
			assert_int_equal(step.block, 1);
			assert_int_equal(discard_old(1), 1);
			assert_int_equal(vhdx_image_commit(image), 0);
			assert_int_equal(vhdx_image_punch_all(image), 0);
			assert_int_equal(vhdx_image_write(image, BLOCK, buf,
							  512), 0);
			rewritten = true;
		}
		assert_int_equal(vhdx_compact_do(&compact, &step, buf,
						 sizeof(buf)), 0);
	} while (step.kind != VHDX_STEP_DONE);
	assert_true(rewritten);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(ram.size, vb.blocks_at + 2 * BLOCK);
}

/* A guest that writes and discards all the time cannot keep it going. */
static void a_busy_guest_does_not_hold_it_up(void **state)
{
	struct vhdx_compact_step step;
	unsigned int i, busy = 0, n = 0;

	(void)state;
	for (i = 0; i < 8; i++)
		put(i, 2 * i, VB_PRESENT);
	assert_int_equal(reopen(), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false), 0);
	do {
		assert_int_equal(vhdx_compact_next(&compact, &step), 0);
		assert_int_equal(vhdx_compact_do(&compact, &step, buf,
						 sizeof(buf)), 0);
		if (step.kind != VHDX_STEP_COMMIT)
			continue;
		/* A new one at the end, an old one in front is given up. */
		assert_int_equal(vhdx_image_write(image, (8 + busy) * BLOCK,
						  buf, 512), 0);
		assert_int_equal(vhdx_image_discard(image, busy * BLOCK,
						    BLOCK), 0);
		assert_int_equal(vhdx_image_commit(image), 0);
		assert_int_equal(vhdx_image_punch_all(image), 0);
		busy++;
		assert_true(++n < 40);
	} while (step.kind != VHDX_STEP_DONE);
	assert_true(busy >= 8);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(reopen(), 0);
}

static void fixed_vhds_and_readers_are_refused(void **state)
{
	const struct vhdx_create_options options = {
		.format = VHDX_FORMAT_VHD,
		.type = VHDX_TYPE_FIXED,
		.virtual_bytes = 4 * MIB,
	};
	const struct vhdx_open_options any = {
		.any_format = true, .writable = true,
	};
	struct vhdx_open_options read_only = any;
	struct vhdx_report report = { };

	(void)state;
	read_only.writable = false;
	vhdx_image_close(image);
	assert_int_equal(vhdx_image_open(&ram.container, &read_only, &report,
					 &image), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false),
			 -EROFS);
	vhdx_image_close(image);
	ram_destroy(&ram);
	ram_init(&ram, 0);
	assert_int_equal(vhdx_create(&ram.container, &options), 0);
	assert_int_equal(vhdx_image_open(&ram.container, &any, &report,
					 &image), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false),
			 -EOPNOTSUPP);
}

/* The parts that a driver calls by itself. */
static void a_copy_that_fails_leaves_the_block(void **state)
{
	struct vhdx_range from, to;
	struct vhdx_usage usage;

	(void)state;
	put(0, 3, VB_PRESENT);
	assert_int_equal(reopen(), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false), 0);
	assert_int_equal(vhdx_compact_reserve(&compact, 0, &from, &to), 0);
	assert_int_equal(to.offset_bytes, vb.blocks_at);
	assert_int_equal(vhdx_compact_switch(&compact, 0, &to, -EIO), -EIO);
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.free_bytes, 3 * BLOCK);
	assert_int_equal(compact.counts.blocks_moved, 0);
	/* Nothing to move: no such block, no lower place. */
	assert_int_equal(vhdx_compact_reserve(&compact, 1, &from, &to), 1);
	assert_int_equal(vhdx_compact_reserve(&compact, 0, &from, &to), 0);
	assert_int_equal(vhdx_compact_switch(&compact, 0, &to, 0), 0);
	assert_int_equal(vhdx_compact_reserve(&compact, 0, &from, &to), 1);
	assert_int_equal(vhdx_compact_probe(&compact, 1), 0);
	assert_false(vhdx_image_failed(image));
}

static void a_release_that_fails_is_not_counted(void **state)
{
	(void)state;
	put(0, 0, VB_PRESENT);
	trim(0);
	assert_int_equal(reopen(), 0);
	assert_int_equal(vhdx_image_begin_data_change(image), 0);
	assert_int_equal(vhdx_compact_start(&compact, image,
					    VHDX_COMPACT_QUICK, false), 0);
	alloc_fail(1);
	assert_int_equal(vhdx_compact_probe(&compact, 0), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(compact.counts.blocks_released, 0);
	assert_int_equal(vhdx_compact_probe(&compact, 0), 0);
	assert_int_equal(compact.counts.blocks_released, 1);
}

/* Whatever fails, the disk is what it was. */
static void every_operation_can_fail(void **state)
{
	unsigned int i;
	u64 nth, hash = 0;

	for (nth = 1;; nth++) {
		int err;

		assert_int_equal(teardown(NULL), 0);
		assert_int_equal(setup(NULL), 0);
		for (i = 0; i < 4; i++)
			put(3 * i, 7 - 2 * i, i ? VB_PRESENT : VB_UNMAPPED);
		trim(3);
		assert_int_equal(reopen(), 0);
		if (nth == 1)
			hash = disk_hash();
		ram.fail_short = nth & 1;
		ram_fail(&ram, nth, EIO, true, RAM_ANY);
		err = run(false);
		if (!ram.failed)
			break;
		/* A hole that cannot be punched is no error. */
		if (err)
			assert_int_equal(err, -EIO);
		ram_fail(&ram, 0, 0, false, 0);
		assert_int_equal(disk_hash(), hash);
		assert_int_equal(reopen(), 0);
		assert_int_equal(disk_hash(), hash);
		assert_int_equal(run(false), 0);
		assert_int_equal(vhdx_image_finish(image), 0);
		assert_int_equal(disk_hash(), hash);
		assert_int_equal(ram.size, vb.blocks_at + 2 * BLOCK);
	}
	(void)state;
	assert_true(nth > 30);
}

static void every_allocation_can_fail(void **state)
{
	unsigned int i;
	u64 nth, hash = 0;

	(void)state;
	for (nth = 1;; nth++) {
		int err;

		assert_int_equal(teardown(NULL), 0);
		assert_int_equal(setup(NULL), 0);
		for (i = 0; i < 4; i++)
			put(3 * i, 7 - 2 * i, i ? VB_PRESENT : VB_UNMAPPED);
		trim(3);
		assert_int_equal(reopen(), 0);
		if (nth == 1)
			hash = disk_hash();
		alloc_fail(nth);
		err = run(false);
		if (!alloc_has_failed())
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(disk_hash(), hash);
		assert_int_equal(reopen(), 0);
		assert_int_equal(disk_hash(), hash);
	}
	assert_true(nth > 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define FIXED(f) cmocka_unit_test_setup_teardown(f, setup_fixed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(trimmed_blocks_are_released),
		TEST(a_block_with_any_data_stays),
		TEST(zeros_that_are_no_holes_stay),
		TEST(scattered_blocks_are_packed),
		TEST(a_foreign_region_is_gone_round),
		TEST(entries_become_plain),
		TEST(without_moving_only_the_end_goes),
		TEST(a_second_run_finds_nothing_to_do),
		TEST(an_empty_image_is_no_trouble),
		TEST(the_data_guid_stays),
		FIXED(a_fixed_image_keeps_everything),
		TEST(a_device_keeps_its_length),
		TEST(modes),
		TEST(done_stays_done),
		TEST(commits_come_now_and_then),
		TEST(live_changes_in_between),
		TEST(a_block_that_is_low_by_now_ends_nothing),
		TEST(a_busy_guest_does_not_hold_it_up),
		TEST(fixed_vhds_and_readers_are_refused),
		TEST(a_copy_that_fails_leaves_the_block),
		TEST(a_release_that_fails_is_not_counted),
		TEST(every_operation_can_fail),
		TEST(every_allocation_can_fail),
	};

	return cmocka_run_group_tests_name("compact", tests, NULL, NULL);
}
