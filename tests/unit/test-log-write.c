// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing the log: entries are as the format wants them, go round the ring,
 * and never touch the one that still counts.
 */
#include "alloc.h"
#include "log.h"
#include "unit.h"
#include "vhdx-build.h"

#define RING MIB
#define TARGET (4 * MIB)
#define APPENDS 4000

static struct ram ram;
static struct vhdx_log log;
static struct vhdx_overlay overlay;
static u8 data[VHDX_LOG_ENTRY_PAGES][4096];
static struct vhdx_log_page pages[VHDX_LOG_ENTRY_PAGES];

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	ram_init(&ram, 16 * MIB);
	memset(&log, 0, sizeof(log));
	log.offset_bytes = VB_LOG;
	log.len_bytes = RING;
	for (i = 0; i < VHDX_LOG_ENTRY_PAGES; i++) {
		vb_page(data[i], i);
		pages[i].data = data[i];
		pages[i].offset_bytes = TARGET + i * 4096;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(ram.misuse, 0);
	vhdx_log_stop(&log);
	vhdx_overlay_destroy(&overlay);
	ram_destroy(&ram);
	return 0;
}

static void start(void)
{
	assert_int_equal(vhdx_log_start(&log, &ram.container, ram.size), 0);
}

static int append(unsigned int count)
{
	return vhdx_log_append(&log, &ram.container, pages, count, ram.size);
}

static int replay(void)
{
	struct vhdx_report report = { };

	vhdx_overlay_destroy(&overlay);
	return vhdx_log_replay(&ram.container, log.offset_bytes,
			       log.len_bytes, &log.guid, &overlay, &report);
}

/* The active sequence is exactly the first @count pages. */
static void assert_active(unsigned int count)
{
	unsigned int i;

	assert_int_equal(replay(), 0);
	assert_int_equal(overlay.count, count);
	for (i = 0; i < count; i++) {
		assert_int_equal(overlay.patch[i].offset_bytes,
				 pages[i].offset_bytes);
		assert_memory_equal(overlay.patch[i].page, data[i], 4096);
	}
}

/* R1b: an empty entry under a new GUID, tail itself, durable. */
static void a_session_starts_with_an_empty_entry(void **state)
{
	vhdx_guid first;

	(void)state;
	start();
	assert_false(ram.unflushed);
	assert_int_equal(ram.count[RAM_WRITE], 1);
	assert_int_equal(vb_get32(&ram, VB_LOG + 8), 4096);
	assert_int_equal(vb_get32(&ram, VB_LOG + 12), 0);
	assert_int_equal(vb_get32(&ram, VB_LOG + 24), 0);
	assert_int_equal(vb_get64(&ram, VB_LOG + 48), 16 * MIB);
	assert_int_equal(vb_get64(&ram, VB_LOG + 56), 16 * MIB);
	assert_active(0);
	first = log.guid;
	assert_int_equal(append(3), 0);
	start();
	assert_memory_not_equal(&first, &log.guid, 16);
	assert_int_equal(log.active_start, 0);
	assert_active(0);
}

/* Both are the durable length, in whole MiB: R4. */
static void sizes_are_rounded_down(void **state)
{
	(void)state;
	ram.size = 16 * MIB + 512;
	start();
	assert_int_equal(vb_get64(&ram, VB_LOG + 48), 16 * MIB);
	assert_int_equal(vb_get64(&ram, VB_LOG + 56), 16 * MIB);
	assert_int_equal(vhdx_log_append(&log, &ram.container, NULL, 0,
					 11 * MIB), 0);
	assert_int_equal(vb_get64(&ram, VB_LOG + 4096 + 48), 11 * MIB);
	assert_int_equal(vb_get64(&ram, VB_LOG + 4096 + 56), 11 * MIB);
}

/* Byte for byte what the format asks for. */
static void an_entry_is_as_made_by_hand(void **state)
{
	static const unsigned int counts[] = { 0, 1, 2, 57, 126 };
	struct vb_descriptor d[VHDX_LOG_ENTRY_PAGES] = { };
	static u8 ours[127 * 4096], theirs[127 * 4096];
	unsigned int i, n;

	(void)state;
	start();
	memset(&log.guid, 0x77, 16);
	log.sequence = 0x123456789abcdef0;
	for (i = 0; i < VHDX_LOG_ENTRY_PAGES; i++) {
		d[i].offset = pages[i].offset_bytes;
		d[i].fill = i;
	}
	for (n = 0; n < ARRAY_SIZE(counts); n++) {
		struct vb_log_entry e = {
			.guid = 0x77, .sequence = log.sequence,
			.flushed = ram.size, .last = ram.size,
			.count = counts[n], .descriptor = d,
		};

		assert_int_equal(append(counts[n]), 0);
		e.tail = log.active_start;
		ram_peek(&ram, VB_LOG + log.active_start, ours,
			 log.active_bytes);
		assert_int_equal(vb_put_log_entry(&ram, 8 * MIB, RING,
						  log.active_start, &e),
				 log.active_bytes);
		ram_peek(&ram, 8 * MIB + log.active_start, theirs,
			 log.active_bytes);
		assert_memory_equal(ours, theirs, log.active_bytes);
	}
}

static u32 protect_from, protect_bytes;

/* R6: until the next entry is durable the active one stays whole. */
static void stay_off_the_active_one(struct ram *r, enum ram_op op, u64 offset,
				    u64 len)
{
	u64 at;

	(void)r;
	if (op == RAM_FLUSH)
		return;
	assert_int_equal(op, RAM_WRITE);
	assert_in_range(offset, VB_LOG, VB_LOG + RING - 1);
	assert_in_range(offset + len, VB_LOG, VB_LOG + RING);
	for (at = offset - VB_LOG; at < offset - VB_LOG + len; at += 4096)
		assert_true((at + RING - protect_from) % RING >=
			    protect_bytes);
}

static void thousands_go_round_the_smallest_ring(void **state)
{
	unsigned int n, wraps = 0, seed = 1;

	(void)state;
	start();
	ram.hook = stay_off_the_active_one;
	for (n = 0; n < APPENDS; n++) {
		unsigned int count;
		u64 sequence = log.sequence;

		seed = seed * 1103515245 + 12345;
		count = (seed >> 16) % 127;
		if (!(n % 50))
			count = 126;
		protect_from = log.active_start;
		protect_bytes = log.active_bytes;
		assert_int_equal(append(count), 0);
		assert_false(ram.unflushed);
		assert_int_equal(log.sequence, sequence + 1);
		wraps += log.active_start < protect_from;
		if (!(n % 8) || log.active_start + log.active_bytes > RING)
			assert_active(count);
	}
	assert_true(wraps > APPENDS / 10);
}

static void two_full_entries_fit_next_to_each_other(void **state)
{
	unsigned int n;

	(void)state;
	start();
	ram.hook = stay_off_the_active_one;
	for (n = 0; n < 300; n++) {
		protect_from = log.active_start;
		protect_bytes = log.active_bytes;
		assert_int_equal(append(VHDX_LOG_ENTRY_PAGES), 0);
		assert_int_equal(log.active_bytes, VHDX_LOG_ENTRY_MAX_BYTES);
		if (!(n % 10))
			assert_active(VHDX_LOG_ENTRY_PAGES);
	}
}

static void a_larger_ring_is_used_whole(void **state)
{
	unsigned int n;
	u32 top = 0;

	(void)state;
	log.len_bytes = 3 * MIB;
	start();
	for (n = 0; n < 40; n++) {
		assert_int_equal(append(100), 0);
		top = max(top, log.active_start + log.active_bytes);
		assert_active(100);
	}
	assert_true(top > 2 * MIB);
	assert_false(vhdx_is_zero(data[0], 1));
}

/* Whatever fails, the previous entry or this one is active. */
static void a_failed_append_leaves_a_sequence(void **state)
{
	unsigned int at, from;

	(void)state;
	for (from = 0; from < 2; from++) {
		for (at = 1; at <= 2 + from; at++) {
			vhdx_log_stop(&log);
			ram_destroy(&ram);
			assert_int_equal(setup(NULL), 0);
			start();
			/* Where the next one does not wrap, or does. */
			if (from) {
				assert_int_equal(append(126), 0);
				assert_int_equal(append(118), 0);
			}
			assert_int_equal(append(5), 0);
			ram.fail_short = true;
			ram_fail(&ram, at, EIO, true, RAM_CHANGES);
			assert_int_equal(append(7), -EIO);
			ram_fail(&ram, 0, 0, false, 0);
			/* Only the flush failed: it may be there, or not. */
			assert_active(at == 2 + from ? 7 : 5);
		}
	}
}

static void memory_is_taken_at_the_start_only(void **state)
{
	(void)state;
	alloc_fail(1);
	assert_int_equal(vhdx_log_start(&log, &ram.container, ram.size),
			 -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(ram_changes(&ram), 0);
	start();
	alloc_fail(1);
	assert_int_equal(append(126), 0);
	assert_false(alloc_has_failed());
	vhdx_log_stop(&log);
	assert_null(log.entry);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_starts_with_an_empty_entry),
		TEST(sizes_are_rounded_down),
		TEST(an_entry_is_as_made_by_hand),
		TEST(thousands_go_round_the_smallest_ring),
		TEST(two_full_entries_fit_next_to_each_other),
		TEST(a_larger_ring_is_used_whole),
		TEST(a_failed_append_leaves_a_sequence),
		TEST(memory_is_taken_at_the_start_only),
	};

	return cmocka_run_group_tests_name("log-write", tests, NULL, NULL);
}
