// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes to a VHDX: the order of what is done to the file (R1 to R11), what
 * stands in it afterwards, and what an error at any point leaves behind.
 */
#include "txn-session.h"

/* ---- a session's begin and end ---------------------------------------------- */

/* R1a to R1d stand before the first byte of a write. */
static void a_session_begins_with_the_first_write(void **state)
{
	(void)state;
	assert_int_equal(write_block(0), 0);
	assert_string_equal(trace_text(), BEGIN BEGIN_DATA " D");
	assert_int_equal(write_block(1), 0);
	assert_string_equal(trace_text(), "D");
}

/* R1d: no reader can tell, so DataWriteGuid stays. */
static void what_no_guest_sees_keeps_the_data_guid(void **state)
{
	(void)state;
	assert_int_equal(vhdx_image_release(image, 3, VHDX_RELEASE_ZERO), 0);
	assert_string_equal(trace_text(), BEGIN);
	assert_false(vhdx_image_data_change_begun(image));
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_false(guid_is(VB_FILE_WRITE_GUID, 0x11));
	assert_true(guid_is(VB_DATA_WRITE_GUID, 0x12));
	assert_int_equal(write_block(3), 0);
	assert_true(vhdx_image_data_change_begun(image));
	assert_false(guid_is(VB_DATA_WRITE_GUID, 0x12));
}

/* Each is a change that a guest can see. */
static void what_a_guest_sees_changes_the_data_guid(void **state)
{
	unsigned int how;
	int err = 0;

	(void)state;
	for (how = 0; how < 4; how++) {
		vhdx_image_close(image);
		image = NULL;
		ram_destroy(&ram);
		assert_int_equal(setup(NULL), 0);
		switch (how) {
		case 0:
			err = vhdx_image_discard(image, 0, BLOCK);
			break;
		case 1:
			err = vhdx_image_discard(image, 4096, 4096);
			break;
		case 2:
			err = vhdx_image_write_zeroes(image, 0, BLOCK, false);
			break;
		default:
			err = vhdx_image_write_zeroes(image, 0, 512, true);
		}
		assert_int_equal(err, 0);
		assert_false(guid_is(VB_DATA_WRITE_GUID, 0x12));
		assert_memory_equal(trace_text(), BEGIN BEGIN_DATA,
				    strlen(BEGIN BEGIN_DATA));
	}
}

static void what_changes_nothing_does_not_begin(void **state)
{
	(void)state;
	assert_int_equal(vhdx_image_discard(image, 10 * BLOCK, BLOCK), 0);
	assert_int_equal(vhdx_image_write_zeroes(image, 10 * BLOCK, 3 * BLOCK,
						 false), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(vhdx_image_read(image, 0, data, sizeof(data)), 0);
	assert_string_equal(trace_text(), "");
	assert_int_equal(ram_changes(&ram), 0);
}

static void put_log(const struct vb_descriptor *d, unsigned int count,
		    u64 last)
{
	const struct vb_log_entry e = {
		.guid = GUID, .sequence = 77, .flushed = ram.size, .last = last,
		.count = count, .descriptor = d,
	};
	unsigned int i;

	vb_put_log_entry(&ram, VB_LOG, MIB, 0, &e);
	vb_name_log(&ram, GUID);
	/* No hole where pages go to, or that were filled first. */
	for (i = 0; i < count; i++)
		ram_poke(&ram, d[i].offset, data, sizeof(data));
	assert_int_equal(reopen(false), 0);
	trace_start(&ram, &vb);
}

/* At the first header of all the log is still named: R1a. */
static void the_log_stays_named(struct ram *r, enum ram_op op, u64 offset,
				u64 len)
{
	(void)r;
	(void)op;
	(void)offset;
	(void)len;
	assert_true(guid_is(VB_LOG_GUID, GUID));
}

/* The replay is written out before anything else; the data is what it was. */
static void a_log_that_waits_is_replayed_first(void **state)
{
	const struct vb_descriptor d[] = {
		{ .offset = vb.bat_at + 4096, .zeros = 8192 },
		{ .offset = vb.metadata_at + MIB - 4096, .fill = 9 },
	};

	(void)state;
	put_log(d, 2, vb.end + BLOCK);
	assert_true(vhdx_image_needs_replay(image));
	assert_int_equal(vhdx_image_release(image, 3, VHDX_RELEASE_ZERO), 0);
	assert_string_equal(trace_text(),
			    "H1f F H2 F S B M F H10 F H2 F L F H1l F H2 F");
	assert_false(vhdx_image_needs_replay(image));
	assert_true(guid_is(VB_DATA_WRITE_GUID, 0x12));
	assert_false(guid_is(VB_LOG_GUID, GUID));
	assert_int_equal(ram.size, vb.end + BLOCK);
}

/* Another session at the log of one that has failed, where it still waits. */
static void assert_replayed(void)
{
	u8 want[4096], is[4096];

	assert_int_equal(reopen(false), 0);
	assert_int_equal(write_block(0), 0);
	assert_false(vhdx_image_needs_replay(image));
	vb_page(want, 9);
	ram_peek(&ram, vb.metadata_at + MIB - 4096, is, 4096);
	assert_memory_equal(is, want, 4096);
}

static void the_log_is_named_until_its_replay_is_durable(void **state)
{
	const struct vb_descriptor d = {
		.offset = vb.metadata_at + MIB - 4096, .fill = 9,
	};
	u64 n;

	(void)state;
	/* H1f F H2 F M F H10 F H2 F: up to the sixth the log is needed. */
	for (n = 1; n <= 10; n++) {
		vhdx_image_close(image);
		image = NULL;
		ram_destroy(&ram);
		assert_int_equal(setup(NULL), 0);
		put_log(&d, 1, vb.end);
		ram_fail(&ram, n, EIO, true, RAM_CHANGES);
		ram.hook = n <= 6 ? the_log_stays_named : NULL;
		assert_int_equal(write_block(0), -EIO);
		assert_true(vhdx_image_failed(image));
		ram.hook = NULL;
		ram_fail(&ram, 0, 0, false, 0);
		assert_int_equal(reopen(false), 0);
		assert_int_equal(vhdx_image_needs_replay(image), n <= 7);
		assert_replayed();
	}
}

/* A last block that the end of the file cuts gets its missing part. */
static void a_cut_file_is_completed_first(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 5 * MIB,
		.block_bytes = BLOCK,
		.present = 3,
	};
	u64 n;

	(void)state;
	/* The fifth operation makes it longer, the sixth makes that durable. */
	for (n = 7; n >= 5; n--) {
		ram_destroy(&ram);
		ram_init(&ram, 0);
		vb = b;
		vb_make(&ram, &vb);
		ram.size = vb.end - MIB;
		assert_int_equal(reopen(false), 0);
		trace_start(&ram, &vb);
		if (n <= 6) {
			ram_fail(&ram, n, ENOSPC, true, RAM_CHANGES);
			assert_int_equal(write_block(2), -ENOSPC);
			assert_true(vhdx_image_failed(image));
			continue;
		}
		assert_int_equal(write_block(2), 0);
		assert_string_equal(trace_text(),
				    "H1f F H2 F S F L F H1l F H2 F" BEGIN_DATA
				    " D");
		assert_int_equal(ram.size, vb.end);
	}
}

/*
 * The file ends inside a sector of a block that the log knows. What there is of
 * it becomes zeros for good before the file gets longer: neither may survive
 * without the other. Never shorter, the log promises the length that it has.
 */
static void a_cut_sector_is_zeroed_first(void **state)
{
	u8 is[512];

	(void)state;
	assert_int_equal(ram.container.ops->resize(&ram.container, vb.end -
						   BLOCK + 100), 0);
	put_log(NULL, 0, vb.end);
	ram_fail(&ram, 3, EIO, false, RAM_BIT(RAM_WRITE));
	assert_int_equal(write_block(0), -EIO);
	assert_true(vhdx_image_failed(image));
	assert_string_equal(trace_text(), "H1f F H2 F");
	assert_int_equal(reopen(false), 0);
	ram_fail(&ram, 1, EIO, false, RAM_BIT(RAM_RESIZE));
	assert_int_equal(write_block(0), -EIO);
	assert_string_equal(trace_text(), "H1f F H2 F D F");
	assert_int_equal(reopen(false), 0);
	assert_int_equal(write_block(0), 0);
	assert_string_equal(trace_text(),
			    "H1f F H2 F D F S F H10 F H2 F L F H1l F H2 F"
			    BEGIN_DATA " D");
	assert_int_equal(vhdx_image_read(image, 3 * BLOCK, is, 512), 0);
	assert_true(vhdx_is_zero(is, 512));
}

static void finishing_leaves_two_equal_headers_without_a_log(void **state)
{
	u8 one[4096], two[4096];

	(void)state;
	assert_int_equal(write_block(9), 0);
	trace_text();
	assert_int_equal(vhdx_image_finish(image), 0);
	/* Commit; nothing to cut off; what was applied, then the headers. */
	assert_string_equal(trace_text(), "F L F B F H10 F H2 F");
	assert_true(guid_is(VB_LOG_GUID, 0));
	ram_peek(&ram, VB_HEADER1, one, 4096);
	ram_peek(&ram, VB_HEADER2, two, 4096);
	assert_memory_equal(one + 16, two + 16, 4080);
	assert_int_equal(vb_get64(&ram, VB_HEADER1 + VB_SEQUENCE) + 1,
			 vb_get64(&ram, VB_HEADER2 + VB_SEQUENCE));
	assert_true(vb_sum_is_good(&ram, VB_HEADER1, 4096, 4));
	assert_true(vb_sum_is_good(&ram, VB_HEADER2, 4096, 4));
	assert_false(ram.unflushed);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_string_equal(trace_text(), "");
}

static void each_session_has_its_own_guids(void **state)
{
	u8 file[2][16], disk[2][16], log[2][16];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(write_block(0), 0);
		assert_string_equal(trace_text(), BEGIN BEGIN_DATA " D");
		get_guid(VB_HEADER1, VB_FILE_WRITE_GUID, file[i]);
		get_guid(VB_HEADER1, VB_DATA_WRITE_GUID, disk[i]);
		get_guid(VB_HEADER1, VB_LOG_GUID, log[i]);
		assert_int_equal(vhdx_image_finish(image), 0);
		assert_string_equal(trace_text(), "F F H10 F H2 F");
	}
	assert_memory_not_equal(file[0], file[1], 16);
	assert_memory_not_equal(disk[0], disk[1], 16);
	assert_memory_not_equal(log[0], log[1], 16);
}

static void a_second_session_keeps_the_length(void **state)
{
	(void)state;
	ram.size = vb.end + 20 * MIB;
	assert_int_equal(reopen(false), 0);
	assert_int_equal(write_block(0), 0);
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(ram.size, vb.end);
	assert_int_equal(write_block(0), 0);
	assert_int_equal(ram.size, vb.end);
}

/* ---- commit ----------------------------------------------------------------- */

/* R2, R4, R5, R6, R9: data, zeros and length, then the log, then in place. */
static void a_commit_is_flush_log_flush_apply(void **state)
{
	(void)state;
	begin();
	assert_int_equal(write_block(9), 0);
	assert_string_equal(trace_text(), "S D");
	assert_int_equal(entry(9), 0);
	assert_true(vhdx_image_is_dirty(image));
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_string_equal(trace_text(), "F L F B");
	assert_int_equal(entry(9), vb.end | VB_PRESENT);
	assert_false(vhdx_image_is_dirty(image));
	/* R9: with nothing to log it is one flush. */
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_string_equal(trace_text(), "F");
}

static u64 length_at_log;

static void note_length(struct ram *r, enum ram_op op, u64 offset, u64 len)
{
	(void)len;
	if (op != RAM_WRITE || offset < VB_LOG || offset >= VB_LOG + MIB)
		return;
	length_at_log = r->size;
	assert_int_equal(vb_get64(r, offset + 48), r->size);
	assert_int_equal(vb_get64(r, offset + 56), r->size);
	/* Tail: itself. */
	assert_int_equal(vb_get32(r, offset + 12), offset - VB_LOG);
}

/* R4: an entry promises the length that the flush before it made durable. */
static void an_entry_knows_the_length_it_needs(void **state)
{
	(void)state;
	begin();
	ram.hook = note_length;
	assert_int_equal(write_block(9), 0);
	assert_int_equal(write_block(10), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(length_at_log, vb.end + 2 * BLOCK);
}

/* R2: what is not fresh is zeroed before the entry that publishes it. */
static void space_inside_the_file_is_zeroed_first(void **state)
{
	u8 junk[512], is[512];

	(void)state;
	memset(junk, 0xEE, sizeof(junk));
	ram.size = vb.end + BLOCK;
	ram_poke(&ram, vb.end + MIB, junk, sizeof(junk));
	assert_int_equal(reopen(false), 0);
	begin();
	assert_int_equal(write_block(9), 0);
	assert_string_equal(trace_text(), "Z D");
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_string_equal(trace_text(), "F L F B");
	ram_peek(&ram, vb.end + MIB, is, sizeof(is));
	assert_true(vhdx_is_zero(is, sizeof(is)));
	/* Half inside the file, half behind it. */
	ram.size += MIB;
	ram_poke(&ram, vb.end + BLOCK, junk, sizeof(junk));
	assert_int_equal(vhdx_image_finish(image), 0);
	assert_int_equal(reopen(false), 0);
	ram_poke(&ram, vb.end + BLOCK + 512, junk, sizeof(junk));
	trace_start(&ram, &vb);
	begin();
	assert_int_equal(vhdx_image_prepare_write(image, 10), 0);
	assert_string_equal(trace_text(), "S Z");
	ram_peek(&ram, vb.end + BLOCK + 512, is, sizeof(is));
	assert_true(vhdx_is_zero(is, sizeof(is)));
}

/* R7: the space of a released block waits for the commit, then for its punch. */
static void a_released_block_is_punched_after_its_commit(void **state)
{
	struct vhdx_range range;
	u8 is[16];

	(void)state;
	begin();
	assert_int_equal(vhdx_image_discard(image, BLOCK, BLOCK), 0);
	assert_string_equal(trace_text(), "");
	assert_false(vhdx_image_next_punch(image, &range));
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_string_equal(trace_text(), "F L F B");
	ram_peek(&ram, vb.blocks_at + BLOCK, is, sizeof(is));
	assert_int_equal(is[0], vb_block_byte(1));
	assert_int_equal(vhdx_image_punch_all(image), 0);
	assert_string_equal(trace_text(), "Z");
	ram_peek(&ram, vb.blocks_at + BLOCK, is, sizeof(is));
	assert_true(vhdx_is_zero(is, sizeof(is)));
}

/* Entries without space carry no offset: others stumble over one. */
static void entries_are_as_windows_wants_them(void **state)
{
	(void)state;
	vb_set(&ram, &vb, 20, VB_UNMAPPED, vb.end);
	vb_set(&ram, &vb, 21, VB_ZERO, vb.end);
	vb_set(&ram, &vb, 22, VB_UNDEFINED, vb.end + BLOCK);
	vb_set(&ram, &vb, 23, VB_UNMAPPED, vb.end + 2 * BLOCK);
	ram.size += 3 * BLOCK;
	assert_int_equal(reopen(false), 0);
	begin();
	assert_int_equal(vhdx_image_discard(image, 0, BLOCK), 0);
	assert_int_equal(vhdx_image_write_zeroes(image, BLOCK, BLOCK, false),
			 0);
	assert_int_equal(vhdx_image_write_zeroes(image, 20 * BLOCK, 512, true),
			 0);
	assert_int_equal(vhdx_image_tidy_entry(image, 21), 0);
	assert_int_equal(vhdx_image_tidy_entry(image, 22), 0);
	assert_int_equal(vhdx_image_tidy_entry(image, 2), 0);
	assert_int_equal(vhdx_image_tidy_entry(image, 24), 0);
	assert_int_equal(write_block(23), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(entry(0), VB_UNMAPPED);
	assert_int_equal(entry(1), VB_ZERO);
	assert_int_equal(entry(2), (vb.blocks_at + 2 * BLOCK) | VB_PRESENT);
	assert_int_equal(entry(20), VB_ZERO);
	assert_int_equal(entry(21), VB_ZERO);
	assert_int_equal(entry(22), VB_UNDEFINED);
	/* An anchored block has its own space back. */
	assert_int_equal(entry(23), (vb.end + 2 * BLOCK) | VB_PRESENT);
}

/* Its own old contents must not come back. */
static void an_anchored_block_is_zeroed_first(void **state)
{
	u8 is[512];

	(void)state;
	vb_set(&ram, &vb, 0, VB_UNMAPPED, vb.blocks_at);
	assert_int_equal(reopen(false), 0);
	begin();
	assert_int_equal(vhdx_image_prepare_write(image, 0), 0);
	assert_string_equal(trace_text(), "Z");
	ram_peek(&ram, vb.blocks_at, is, sizeof(is));
	assert_true(vhdx_is_zero(is, sizeof(is)));
	assert_int_equal(vhdx_image_prepare_write(image, 0), 0);
	assert_string_equal(trace_text(), "");
}

/* R8: the copy is durable in the flush that the commit begins with. */
static void a_move_switches_after_the_copy(void **state)
{
	struct vhdx_range from, to;
	struct vhdx_usage usage;
	u8 is[16];

	(void)state;
	assert_int_equal(vhdx_image_release(image, 0, VHDX_RELEASE_ZERO), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(vhdx_image_punch_all(image), 0);
	trace_text();
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to), 0);
	assert_string_equal(trace_text(), "Z");
	assert_int_equal(from.offset_bytes, vb.blocks_at + 3 * BLOCK);
	assert_int_equal(to.offset_bytes, vb.blocks_at);
	assert_int_equal(to.len_bytes, BLOCK);
	assert_int_equal(vhdx_container_copy(&ram.container, from.offset_bytes,
					     to.offset_bytes, BLOCK, data,
					     sizeof(data)), 0);
	assert_int_equal(vhdx_image_move(image, 3, &to), 0);
	assert_string_equal(trace_text(), "D D");
	vhdx_image_usage(image, &usage);
	assert_int_equal(usage.pending_bytes, BLOCK);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_string_equal(trace_text(), "F L F B");
	assert_int_equal(entry(3), vb.blocks_at | VB_PRESENT);
	assert_true(guid_is(VB_DATA_WRITE_GUID, 0x12));
	/* R7: the old place is still there until it is punched. */
	ram_peek(&ram, from.offset_bytes, is, sizeof(is));
	assert_int_equal(is[0], vb_block_byte(3));
	assert_int_equal(vhdx_image_read(image, 3 * BLOCK, is, 16), 0);
	assert_int_equal(is[0], vb_block_byte(3));
}

static void an_anchor_moves_with_its_block(void **state)
{
	struct vhdx_range from, to;

	(void)state;
	vb_set(&ram, &vb, 3, VB_UNMAPPED, vb.blocks_at + 3 * BLOCK);
	vb_set(&ram, &vb, 0, VB_ZERO, 0);
	assert_int_equal(reopen(false), 0);
	assert_int_equal(vhdx_image_reserve_below(image, 3, &from, &to), 0);
	assert_int_equal(vhdx_image_move(image, 3, &to), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(entry(3), vb.blocks_at | VB_UNMAPPED);
}

/* One block in each of 130 pages of the BAT; an entry holds 126. */
static void many_pages_take_several_rounds(void **state)
{
	const struct vhdx_build b = {
		.virtual_bytes = 130 * 512 * MIB - 20 * MIB,
		.block_bytes = MIB,
	};
	const char *text;
	u64 i, pages = 0, logs = 0;

	(void)state;
	ram_destroy(&ram);
	ram_init(&ram, 0);
	vb = b;
	vb_make(&ram, &vb);
	assert_int_equal(reopen(false), 0);
	trace_start(&ram, &vb);
	begin();
	for (i = 0; i < 130; i++)
		assert_int_equal(vhdx_image_write(image, i * 512 * MIB, data,
						  512), 0);
	trace_text();
	assert_int_equal(vhdx_image_commit(image), 0);
	text = trace_text();
	assert_memory_equal(text, "F L F B B", 9);
	for (; *text; text++) {
		pages += *text == 'B';
		logs += *text == 'L';
		/* R5, R6: flush, entry, flush between any two rounds. */
		if (*text == 'L') {
			assert_memory_equal(text - 2, "F L F", 5);
			assert_true(pages == 0 || pages == 126);
		}
	}
	assert_int_equal(pages, 130);
	assert_int_equal(logs, 2);
	assert_int_equal(reopen(true), 0);
	for (i = 0; i < 130; i++) {
		u8 is[512];

		assert_int_equal(vhdx_image_read(image, i * 512 * MIB, is,
						 512), 0);
		assert_memory_equal(is, data, 512);
	}
}

/* ---- truncation (R11) ---------------------------------------------------------- */

static u64 entry_at;

static void note_entry(struct ram *r, enum ram_op op, u64 offset, u64 len)
{
	(void)len;
	if (op == RAM_WRITE && offset >= VB_LOG && offset < VB_LOG + MIB)
		entry_at = offset;
	if (op != RAM_RESIZE)
		return;
	/* R11: before the cut the log promises no more than what is left. */
	assert_int_equal(vb_get64(r, entry_at + 48), offset);
	assert_int_equal(vb_get64(r, entry_at + 56), offset);
	assert_int_equal(vb_get32(r, entry_at + 12), entry_at - VB_LOG);
	assert_int_equal(vb_get32(r, entry_at + 24), 0);
	entry_at = 0;
}

static void a_cut_is_promised_first(void **state)
{
	(void)state;
	begin();
	assert_int_equal(vhdx_image_discard(image, 2 * BLOCK, 2 * BLOCK), 0);
	assert_int_equal(vhdx_image_truncate(image), 0);
	/* Commit and punch; then apply, promise, cut, make it durable. */
	assert_string_equal(trace_text(), "F L F B Z F L F S F");
	assert_int_equal(ram.size, vb.blocks_at + 2 * BLOCK);
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_string_equal(trace_text(), "F");
	assert_int_equal(vhdx_image_discard(image, BLOCK, BLOCK), 0);
	ram.hook = note_entry;
	assert_int_equal(vhdx_image_truncate(image), 0);
	assert_int_equal(ram.size, vb.blocks_at + BLOCK);
	assert_int_equal(entry_at, 0);
	ram.hook = NULL;
	/* Grown again, the map knows. */
	assert_int_equal(write_block(9), 0);
	assert_int_equal(vhdx_image_commit(image), 0);
	assert_int_equal(entry(9), (vb.blocks_at + BLOCK) | VB_PRESENT);
	assert_int_equal(reopen(true), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_begins_with_the_first_write),
		TEST(what_no_guest_sees_keeps_the_data_guid),
		TEST(what_a_guest_sees_changes_the_data_guid),
		TEST(what_changes_nothing_does_not_begin),
		TEST(a_log_that_waits_is_replayed_first),
		TEST(the_log_is_named_until_its_replay_is_durable),
		TEST(a_cut_file_is_completed_first),
		TEST(a_cut_sector_is_zeroed_first),
		TEST(finishing_leaves_two_equal_headers_without_a_log),
		TEST(each_session_has_its_own_guids),
		TEST(a_second_session_keeps_the_length),
		TEST(a_commit_is_flush_log_flush_apply),
		TEST(an_entry_knows_the_length_it_needs),
		TEST(space_inside_the_file_is_zeroed_first),
		TEST(a_released_block_is_punched_after_its_commit),
		TEST(entries_are_as_windows_wants_them),
		TEST(an_anchored_block_is_zeroed_first),
		TEST(a_move_switches_after_the_copy),
		TEST(an_anchor_moves_with_its_block),
		TEST(many_pages_take_several_rounds),
		TEST(a_cut_is_promised_first),
	};

	return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
