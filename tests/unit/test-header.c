// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two headers ([MS-VHDX] 2.2.2): which one is current, and how they are
 * replaced.
 */
#include "alloc.h"
#include "header.h"
#include "unit.h"
#include "vhdx-build.h"

static struct ram ram;
static struct vhdx_headers headers;
static struct vhdx_report report;

static int setup(void **state)
{
	(void)state;
	ram_init(&ram, MIB);
	vb_put_header(&ram, VB_HEADER1, 7, 0x11, MIB, VB_LOG);
	vb_put_header(&ram, VB_HEADER2, 8, 0x21, MIB, VB_LOG);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vhdx_headers_destroy(&headers);
	ram_destroy(&ram);
	return 0;
}

static int read_headers(void)
{
	u64 changes = ram_changes(&ram);
	int err;

	vhdx_headers_destroy(&headers);
	memset(&headers, 0, sizeof(headers));
	memset(&report, 0, sizeof(report));
	err = vhdx_headers_read(&headers, &ram.container, &report);
	assert_int_equal(ram_changes(&ram), changes);
	if (err)
		assert_int_equal(err, -vhdx_finding_errno(report.worst));
	return err;
}

static void the_checksum_leaves_its_field_out(void **state)
{
	u8 a[100] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	u8 b[100];

	(void)state;
	memcpy(b, a, sizeof(a));
	memset(b + 3, 0, 4);
	assert_int_equal(vhdx_checksum(a, 100, 3), vhdx_crc32c(0, b, 100));
	a[5] ^= 1;
	assert_int_equal(vhdx_checksum(a, 100, 3), vhdx_crc32c(0, b, 100));
	a[7] ^= 1;
	assert_int_not_equal(vhdx_checksum(a, 100, 3), vhdx_crc32c(0, b, 100));
}

static void the_newest_valid_one_is_current(void **state)
{
	static const struct {
		u64 seq[2];
		bool bad[2];
		unsigned int slot;
		enum vhdx_finding finding;
	} t[] = {
		{ { 1, 2 }, { 0, 0 }, 1, 0 },
		{ { 2, 1 }, { 0, 0 }, 0, 0 },
		{ { 98, 99 }, { 0, 1 }, 0, 0 },
		{ { 99, 98 }, { 1, 0 }, 1, 0 },
		{ { 0, 0x100000000 }, { 0, 0 }, 1, 0 },
		{ { 1ULL << 63, 5 }, { 0, 0 }, 0, 0 },
		{ { 1, 2 }, { 1, 1 }, 0, VHDX_F_NO_VALID_HEADER },
		{ { 3, 3 }, { 0, 0 }, 0, VHDX_F_HEADERS_AMBIGUOUS },
		{ { 3, 3 }, { 0, 1 }, 0, 0 },
		{ { 3, 3 }, { 1, 0 }, 1, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		vb_put_header(&ram, VB_HEADER1, t[i].seq[0], 1, MIB, VB_LOG);
		vb_put_header(&ram, VB_HEADER2, t[i].seq[1], 2, MIB, VB_LOG);
		if (t[i].bad[0])
			vb_put32(&ram, VB_HEADER1 + 4, 0);
		if (t[i].bad[1])
			vb_put32(&ram, VB_HEADER2 + 4, 0);
		assert_int_equal(read_headers(),
				 -vhdx_finding_errno(t[i].finding));
		assert_int_equal(report.worst, t[i].finding);
		if (t[i].finding)
			continue;
		assert_int_equal(headers.slot, t[i].slot);
		assert_int_equal(headers.page->file_write_guid.b[0],
				 1 + t[i].slot);
		assert_int_equal(headers.other_invalid,
				 t[i].bad[0] || t[i].bad[1]);
	}
}

/* Disk2vhd writes two that are the same down to the last byte. */
static void equal_numbers_are_fine_if_all_else_is_equal(void **state)
{
	(void)state;
	vb_put_header(&ram, VB_HEADER1, 1, 9, MIB, VB_LOG);
	vb_put_header(&ram, VB_HEADER2, 1, 9, MIB, VB_LOG);
	assert_int_equal(read_headers(), 0);
	vb_put32(&ram, VB_HEADER2 + 4092, 1);
	vb_sum_header(&ram, VB_HEADER2);
	assert_int_equal(read_headers(), -EUCLEAN);
	assert_int_equal(report.worst, VHDX_F_HEADERS_AMBIGUOUS);
}

static void every_byte_counts(void **state)
{
	unsigned int at;
	u8 byte;

	(void)state;
	for (at = 0; at < 4096; at += at < 90 ? 1 : 501) {
		ram_peek(&ram, VB_HEADER2 + at, &byte, 1);
		byte ^= 0x10;
		ram_poke(&ram, VB_HEADER2 + at, &byte, 1);
		assert_int_equal(read_headers(), 0);
		assert_int_equal(headers.slot, 0);
		assert_true(headers.other_invalid);
		byte ^= 0x10;
		ram_poke(&ram, VB_HEADER2 + at, &byte, 1);
	}
	assert_int_equal(read_headers(), 0);
	assert_int_equal(headers.slot, 1);
}

static void a_signature_is_needed_even_with_a_good_checksum(void **state)
{
	(void)state;
	ram_poke(&ram, VB_HEADER2, "daeh", 4);
	vb_sum_header(&ram, VB_HEADER2);
	assert_int_equal(read_headers(), 0);
	assert_int_equal(headers.slot, 0);
}

/* Falling back to the older one would use stale state. */
static void the_version_of_the_current_one_counts(void **state)
{
	(void)state;
	vb_put16(&ram, VB_HEADER1 + VB_VERSION, 2);
	vb_sum_header(&ram, VB_HEADER1);
	assert_int_equal(read_headers(), 0);
	vb_put16(&ram, VB_HEADER2 + VB_VERSION, 0);
	vb_sum_header(&ram, VB_HEADER2);
	assert_int_equal(read_headers(), -EOPNOTSUPP);
	assert_int_equal(report.worst, VHDX_F_HEADER_VERSION);
	assert_int_equal(report.where, VB_HEADER2);
	assert_int_equal(report.value, 0);
}

static void the_log_version_counts_if_there_is_a_log(void **state)
{
	(void)state;
	vb_put16(&ram, VB_HEADER2 + VB_LOG_VERSION, 1);
	vb_sum_header(&ram, VB_HEADER2);
	assert_int_equal(read_headers(), 0);
	vb_put16(&ram, VB_HEADER2 + VB_LOG_GUID + 14, 1);
	vb_sum_header(&ram, VB_HEADER2);
	assert_int_equal(read_headers(), -EOPNOTSUPP);
	assert_int_equal(report.worst, VHDX_F_LOG_VERSION);
}

static void reading_can_fail(void **state)
{
	int i;

	(void)state;
	for (i = 1; i <= 2; i++) {
		ram_fail(&ram, i, EIO, false, RAM_BIT(RAM_READ));
		assert_int_equal(read_headers(), -EIO);
		assert_int_equal(report.worst, VHDX_F_IO_ERROR);
	}
	alloc_fail(1);
	assert_int_equal(read_headers(), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(report.worst, VHDX_F_NO_MEMORY);
}

/* ---- writing ------------------------------------------------------------ */

static u64 written[8];
static unsigned int nr_written;

static void on_change(struct ram *r, enum ram_op op, u64 offset, u64 len)
{
	(void)r;
	assert_true(nr_written < ARRAY_SIZE(written));
	if (op == RAM_WRITE)
		assert_int_equal(len, 4096);
	else
		assert_int_equal(op, RAM_FLUSH);
	written[nr_written++] = op == RAM_WRITE ? offset : 0;
}

static void assert_slots_agree(void)
{
	u8 a[4096], b[4096];

	ram_peek(&ram, VB_HEADER1, a, sizeof(a));
	ram_peek(&ram, VB_HEADER2, b, sizeof(b));
	assert_memory_equal(a + VB_FILE_WRITE_GUID, b + VB_FILE_WRITE_GUID,
			    4096 - VB_FILE_WRITE_GUID);
	assert_true(vb_sum_is_good(&ram, VB_HEADER1, 4096, 4));
	assert_true(vb_sum_is_good(&ram, VB_HEADER2, 4096, 4));
}

/* R1: each slot is flushed before the other one is touched. */
static void the_older_slot_is_written_first_then_the_other(void **state)
{
	(void)state;
	assert_int_equal(read_headers(), 0);
	ram.hook = on_change;
	nr_written = 0;
	assert_int_equal(vhdx_headers_write(&headers, &ram.container), 0);
	assert_int_equal(nr_written, 4);
	assert_int_equal(written[0], VB_HEADER1);
	assert_int_equal(written[1], 0);
	assert_int_equal(written[2], VB_HEADER2);
	assert_int_equal(written[3], 0);
	assert_int_equal(vb_get64(&ram, VB_HEADER1 + VB_SEQUENCE), 9);
	assert_int_equal(vb_get64(&ram, VB_HEADER2 + VB_SEQUENCE), 10);
	assert_int_equal(headers.slot, 1);
	assert_slots_agree();
}

/* All of it comes from the current one, reserved bytes included. */
static void what_is_not_changed_stays(void **state)
{
	u8 before[4096], after[4096];

	(void)state;
	vb_put64(&ram, VB_HEADER2 + VB_RESERVED, 0x123456789abcdef);
	vb_put64(&ram, VB_HEADER2 + 4088, 0xfedcba987654321);
	vb_sum_header(&ram, VB_HEADER2);
	ram_peek(&ram, VB_HEADER2, before, sizeof(before));
	assert_int_equal(read_headers(), 0);
	vhdx_guid_new(&headers.page->file_write_guid);
	assert_int_equal(vhdx_headers_write(&headers, &ram.container), 0);
	ram_peek(&ram, VB_HEADER2, after, sizeof(after));
	assert_memory_equal(before + VB_DATA_WRITE_GUID,
			    after + VB_DATA_WRITE_GUID,
			    4096 - VB_DATA_WRITE_GUID);
	assert_memory_not_equal(before + VB_FILE_WRITE_GUID,
				after + VB_FILE_WRITE_GUID, 16);
	assert_slots_agree();
}

static void an_invalid_other_slot_is_made_good(void **state)
{
	(void)state;
	vb_put32(&ram, VB_HEADER2 + 4, 0);
	assert_int_equal(read_headers(), 0);
	assert_true(headers.other_invalid);
	assert_int_equal(vhdx_headers_write(&headers, &ram.container), 0);
	assert_false(headers.other_invalid);
	assert_int_equal(vb_get64(&ram, VB_HEADER2 + VB_SEQUENCE), 8);
	assert_int_equal(vb_get64(&ram, VB_HEADER1 + VB_SEQUENCE), 9);
	assert_slots_agree();
}

/* Whatever fails: the old or the new one is current. */
static void a_failed_write_leaves_a_current_header(void **state)
{
	unsigned int at;

	(void)state;
	for (at = 1; at <= 4; at++) {
		u8 old[16], now[16];

		ram_destroy(&ram);
		assert_int_equal(setup(NULL), 0);
		ram.fail_short = true;
		assert_int_equal(read_headers(), 0);
		memcpy(old, &headers.page->file_write_guid, 16);
		vhdx_guid_new(&headers.page->file_write_guid);
		memcpy(now, &headers.page->file_write_guid, 16);
		headers.page->reserved[4015] = 1;
		ram_fail(&ram, at, EIO, true, RAM_CHANGES);
		assert_int_equal(vhdx_headers_write(&headers, &ram.container),
				 -EIO);
		ram_fail(&ram, 0, 0, false, 0);
		assert_int_equal(read_headers(), 0);
		assert_memory_equal(at == 1 ? old : now,
				    &headers.page->file_write_guid, 16);
	}
}

/* A header torn at any sector is none, the other one is current. */
static void a_torn_header_is_none(void **state)
{
	struct ram torn;
	u8 page[4096];
	unsigned int from, to;

	(void)state;
	assert_int_equal(read_headers(), 0);
	vhdx_guid_new(&headers.page->file_write_guid);
	headers.page->reserved[4015] = 1;
	ram_clone(&torn, &ram);
	assert_int_equal(vhdx_headers_write(&headers, &torn.container), 0);
	ram_peek(&torn, VB_HEADER1, page, sizeof(page));
	for (from = 0; from < 4096; from += 512) {
		for (to = from + 512; to <= 4096; to += 512) {
			if (to - from == 4096)
				continue;
			ram_destroy(&ram);
			assert_int_equal(setup(NULL), 0);
			ram_poke(&ram, VB_HEADER1 + from, page + from,
				 to - from);
			assert_int_equal(read_headers(), 0);
			assert_int_equal(headers.slot, 1);
		}
	}
	ram_destroy(&torn);
}

/* Three headers are written, across the last number; the nth operation fails. */
static void cut_at(u64 sequence, unsigned int at)
{
	int err = 0;
	u8 now;

	ram_destroy(&ram);
	ram_init(&ram, MIB);
	ram.fail_short = true;
	vb_put_header(&ram, VB_HEADER1, sequence - 1, 0x11, MIB, VB_LOG);
	vb_put_header(&ram, VB_HEADER2, sequence, 0x21, MIB, VB_LOG);
	assert_int_equal(read_headers(), 0);
	headers.page->reserved[0] = 0;
	ram_fail(&ram, at, EIO, true, RAM_CHANGES);
	while (!err && headers.page->reserved[0] < 3) {
		headers.page->reserved[0]++;
		headers.page->reserved[4015] = 1;
		err = vhdx_headers_write(&headers, &ram.container);
	}
	assert_int_equal(err, at > 12 ? 0 : -EIO);
	now = headers.page->reserved[0];
	ram_fail(&ram, 0, 0, false, 0);
	assert_int_equal(read_headers(), 0);
	if (err)
		assert_in_range(headers.page->reserved[0], now - 1, now);
	else
		assert_int_equal(headers.page->reserved[0], 3);
}

static void the_last_sequence_number_is_followed_by_0(void **state)
{
	unsigned int left, at;

	(void)state;
	for (left = 0; left <= 6; left++) {
		for (at = 1; at <= 13; at++)
			cut_at(U64_MAX - left, at);
	}
	/* The last run: 6 more than the first. */
	assert_int_equal(vb_get64(&ram, VB_HEADER2 + VB_SEQUENCE), U64_MAX);
	cut_at(U64_MAX, 13);
	assert_int_equal(vb_get64(&ram, VB_HEADER2 + VB_SEQUENCE), 5);
}

static void guids_are_new_and_random(void **state)
{
	vhdx_guid a, b;
	int i;

	(void)state;
	memset(&a, 0, sizeof(a));
	assert_true(vhdx_guid_is_zero(&a));
	for (i = 0; i < 100; i++) {
		vhdx_guid_new(&b);
		assert_false(vhdx_guid_is_zero(&b));
		assert_false(vhdx_guid_equal(&a, &b));
		assert_int_equal(b.b[7] >> 4, 4);
		assert_int_equal(b.b[8] >> 6, 2);
		a = b;
	}
	assert_true(vhdx_guid_equal(&a, &b));
	b.b[15] ^= 1;
	assert_false(vhdx_guid_equal(&a, &b));
	memset(&b, 0, sizeof(b));
	b.b[15] = 1;
	assert_false(vhdx_guid_is_zero(&b));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_checksum_leaves_its_field_out),
		TEST(the_newest_valid_one_is_current),
		TEST(equal_numbers_are_fine_if_all_else_is_equal),
		TEST(every_byte_counts),
		TEST(a_signature_is_needed_even_with_a_good_checksum),
		TEST(the_version_of_the_current_one_counts),
		TEST(the_log_version_counts_if_there_is_a_log),
		TEST(reading_can_fail),
		TEST(the_older_slot_is_written_first_then_the_other),
		TEST(what_is_not_changed_stays),
		TEST(an_invalid_other_slot_is_made_good),
		TEST(a_failed_write_leaves_a_current_header),
		TEST(a_torn_header_is_none),
		TEST(the_last_sequence_number_is_followed_by_0),
		TEST(guids_are_new_and_random),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
