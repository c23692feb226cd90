// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of dm-log-writes' logs and the oracle that is built from them.
 */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "log-history.h"

#define DISK_SECTORS 64

/* A log in the making: sector 0 is the superblock. */
struct log_draft {
	u8 bytes[64][512];
	u64 used;
	u64 entries;
};

static void put64(u8 *at, u64 value)
{
	__le64 disk = cpu_to_le64(value);

	memcpy(at, &disk, sizeof(disk));
}

static void add(struct log_draft *d, u64 sector, u64 sectors, u64 flags, u8 value)
{
	u8 *entry;

	if (!d->used)
		d->used = 1;
	entry = d->bytes[d->used++];
	put64(entry, sector);
	put64(entry + 8, sectors);
	put64(entry + 16, flags);
	d->entries++;
	for (; sectors && !(flags & LOG_DISCARD); sectors--)
		memset(d->bytes[d->used++], value, 512);
}

static void add_mark(struct log_draft *d, const char *text)
{
	add(d, 0, 0, LOG_MARK, 0);
	put64(d->bytes[d->used - 1] + 24, strlen(text));
	memcpy(d->bytes[d->used - 1] + 32, text, strlen(text));
}

/* The log of a disk, which begins at @start. */
static void finish_at(struct log_draft *d, struct log_file *log, u64 start)
{
	char path[] = "/tmp/test-log-XXXXXX", name[100];
	int fd = mkstemp(path);
	__le32 sector = cpu_to_le32(512);

	add_mark(d, LOG_END_MARK);
	put64(d->bytes[0], 0x6a736677736872ULL);
	put64(d->bytes[0] + 8, 1);
	put64(d->bytes[0] + 16, d->entries);
	memcpy(d->bytes[0] + 24, &sector, sizeof(sector));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, d->bytes, d->used * 512, start),
			 d->used * 512);
	close(fd);
	snprintf(name, sizeof(name), "%s@%llu", path,
		 (unsigned long long)start);
	log_file_open(log, start ? name : path);
	unlink(path);
}

static void finish(struct log_draft *d, struct log_file *log)
{
	finish_at(d, log, 0);
}

static bool allows(const struct history *h, u64 durable, u64 sector, u8 value)
{
	u8 bytes[512];

	memset(bytes, value, sizeof(bytes));
	return history_allows(h, durable, sector, bytes);
}

static void read_in_order(u64 start)
{
	struct log_draft d = { 0 };
	struct log_entry entry = { 0 };
	struct log_file log;

	add(&d, 8, 2, 0, 1);
	add(&d, 0, 0, LOG_FLUSH, 0);
	add_mark(&d, "a.1");
	add(&d, 16, 40, LOG_DISCARD, 0);
	finish_at(&d, &log, start);
	assert_true(log_file_next(&log, &entry));
	assert_int_equal(entry.offset, 8 * 512);
	assert_int_equal(entry.len, 1024);
	assert_int_equal(entry.data[1023], 1);
	assert_true(log_file_next(&log, &entry));
	assert_int_equal(entry.flags, LOG_FLUSH);
	assert_true(log_file_next(&log, &entry));
	assert_string_equal(entry.mark, "a.1");
	assert_true(log_file_next(&log, &entry));
	assert_int_equal(entry.len, 40 * 512);
	assert_null(entry.data);
	assert_true(log_file_next(&log, &entry));
	assert_string_equal(entry.mark, LOG_END_MARK);
	assert_false(log_file_next(&log, &entry));
	log_file_close(&log);
}

static void entries_are_read_in_order(void **state)
{
	(void)state;
	read_in_order(0);
	read_in_order(65536);
}

static void only_the_last_durable_and_later_ones_are_legal(void **state)
{
	struct log_draft d = { 0 };
	struct log_file log;
	struct history h;

	(void)state;
	add(&d, 8, 1, 0, 1);		/* 0 */
	add(&d, 8, 1, 0, 2);		/* 1 */
	add_mark(&d, "a.1");		/* 2 */
	add(&d, 8, 1, 0, 3);		/* 3 */
	add(&d, 9, 1, 0, 4);		/* 4 */
	finish(&d, &log);
	history_read(&h, &log, DISK_SECTORS * 512, 4096);
	assert_int_equal(history_at_mark(&h, "a.1"), 2);
	assert_int_equal(history_at_mark(&h, "a.2"), -1);

	assert_true(allows(&h, 0, 8, 0));
	assert_true(allows(&h, 0, 8, 1));
	assert_true(allows(&h, 0, 8, 3));
	assert_false(allows(&h, 0, 8, 4));
	assert_false(allows(&h, 2, 8, 0));
	assert_false(allows(&h, 2, 8, 1));
	assert_true(allows(&h, 2, 8, 2));
	assert_true(allows(&h, 2, 8, 3));
	assert_false(allows(&h, 4, 8, 2));
	assert_true(allows(&h, 2, 9, 0));
	assert_false(allows(&h, 5, 9, 0));
	/* Never written. */
	assert_true(allows(&h, 5, 10, 0));
	assert_false(allows(&h, 5, 10, 4));
	history_destroy(&h);
	log_file_close(&log);
}

static void a_discard_leaves_zeros(void **state)
{
	struct log_draft d = { 0 };
	struct log_file log;
	struct history h;

	(void)state;
	add(&d, 8, 1, 0, 1);			/* 0 */
	add(&d, 8, 1, 0, 2);			/* 1 */
	add(&d, 0, 32, LOG_DISCARD, 0);		/* 2 */
	add(&d, 8, 1, 0, 3);			/* 3 */
	finish(&d, &log);
	history_read(&h, &log, DISK_SECTORS * 512, 4096);
	assert_false(allows(&h, 3, 8, 1));
	assert_false(allows(&h, 3, 8, 2));
	assert_true(allows(&h, 3, 8, 0));
	assert_true(allows(&h, 3, 8, 3));
	assert_true(allows(&h, 2, 8, 0));
	assert_false(allows(&h, 4, 8, 0));
	assert_true(allows(&h, 4, 8, 3));
	history_destroy(&h);
	log_file_close(&log);
}

/* What it has not the whole of it may leave alone. */
static void a_discard_of_a_part_leaves_zeros_or_what_was_there(void **state)
{
	struct log_draft d = { 0 };
	struct log_file log;
	struct history h;

	(void)state;
	add(&d, 7, 1, 0, 1);			/* 0 */
	add(&d, 7, 1, 0, 2);			/* 1 */
	add(&d, 8, 1, 0, 2);			/* 2 */
	add(&d, 16, 1, 0, 2);			/* 3 */
	add(&d, 7, 10, LOG_DISCARD, 0);		/* 4 */
	finish(&d, &log);
	history_read(&h, &log, DISK_SECTORS * 512, 4096);
	assert_false(allows(&h, 5, 7, 1));
	assert_true(allows(&h, 5, 7, 2));
	assert_true(allows(&h, 5, 7, 0));
	assert_false(allows(&h, 5, 8, 2));
	assert_true(allows(&h, 5, 8, 0));
	assert_true(allows(&h, 5, 16, 2));
	assert_true(allows(&h, 5, 16, 0));
	history_destroy(&h);
	log_file_close(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read_in_order),
		cmocka_unit_test(only_the_last_durable_and_later_ones_are_legal),
		cmocka_unit_test(a_discard_leaves_zeros),
		cmocka_unit_test(a_discard_of_a_part_leaves_zeros_or_what_was_there),
	};

	return cmocka_run_group_tests_name("log-history", tests, NULL, NULL);
}
