// SPDX-License-Identifier: GPL-2.0-only
/* The disk that forgets: what it must keep, and that it does forget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdisk.h"

#define BYTES (64 * VDISK_SECTOR)

struct fixture {
	struct vdisk disk;
	char path[32];
	uint8_t shows[BYTES];
	uint8_t saved[BYTES];
};

static struct fixture f;

static int set_up(void **state)
{
	int fd;

	(void)state;
	memset(&f, 0, sizeof(f));
	snprintf(f.path, sizeof(f.path), "/tmp/vdisk.XXXXXX");
	fd = mkstemp(f.path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, BYTES), 0);
	close(fd);
	assert_int_equal(vdisk_open(&f.disk, f.path), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(f.path);
}

static void write_sectors(unsigned int first, unsigned int count, int value,
			  bool durable)
{
	uint8_t buf[BYTES];

	memset(buf, value, sizeof(buf));
	assert_int_equal(vdisk_write(&f.disk, first * VDISK_SECTOR, buf,
				     count * VDISK_SECTOR, durable), 0);
}

static void zero_sectors(unsigned int first, unsigned int count)
{
	assert_int_equal(vdisk_zero(&f.disk, first * VDISK_SECTOR,
				    count * VDISK_SECTOR, false), 0);
}

static struct vdisk_loss cut(enum vdisk_mood mood, uint64_t seed)
{
	struct vdisk_loss loss;
	FILE *file;

	assert_int_equal(vdisk_read(&f.disk, 0, f.shows, BYTES), 0);
	assert_int_equal(vdisk_cut(&f.disk, mood, seed, &loss), 0);
	file = fopen(f.path, "r");
	assert_non_null(file);
	assert_int_equal(fread(f.saved, 1, BYTES, file), BYTES);
	fclose(file);
	return loss;
}

static void assert_saved(unsigned int first, unsigned int count, int value)
{
	unsigned int i;

	for (i = first * VDISK_SECTOR; i < (first + count) * VDISK_SECTOR; i++)
		assert_int_equal(f.saved[i], value);
}

/* The one value that every byte of a sector has; fails if they differ. */
static int saved_value(unsigned int sector)
{
	assert_saved(sector, 1, f.saved[sector * VDISK_SECTOR]);
	return f.saved[sector * VDISK_SECTOR];
}

static void what_is_written_is_seen(void **state)
{
	uint8_t buf[2 * VDISK_SECTOR];

	(void)state;
	write_sectors(1, 2, 'a', false);
	zero_sectors(2, 1);
	assert_int_equal(vdisk_read(&f.disk, VDISK_SECTOR, buf, sizeof(buf)), 0);
	assert_int_equal(buf[0], 'a');
	assert_int_equal(buf[VDISK_SECTOR], 0);
	assert_int_equal(vdisk_close(&f.disk), 0);
}

static void nothing_beyond_the_end(void **state)
{
	uint8_t buf[VDISK_SECTOR];

	(void)state;
	assert_int_not_equal(vdisk_read(&f.disk, BYTES, buf, sizeof(buf)), 0);
	assert_int_not_equal(vdisk_write(&f.disk, BYTES - 1, buf, sizeof(buf),
					 false), 0);
	assert_int_not_equal(vdisk_zero(&f.disk, UINT64_MAX, 2, false), 0);
	assert_int_equal(vdisk_close(&f.disk), 0);
}

static void what_is_flushed_survives(void **state)
{
	enum vdisk_mood mood;
	uint64_t seed;

	for (mood = VDISK_ANY; mood < VDISK_MOODS; mood++) {
		for (seed = 0; seed < 50; seed++) {
			if (mood || seed) {
				tear_down(state);
				set_up(state);
			}
			write_sectors(0, 8, 'a', false);
			zero_sectors(2, 2);
			assert_int_equal(vdisk_flush(&f.disk), 0);
			write_sectors(8, 8, 'b', false);
			cut(mood, seed);
			assert_saved(0, 2, 'a');
			assert_saved(2, 2, 0);
			assert_saved(4, 4, 'a');
		}
	}
}

/* And what came before it does not come back. */
static void fua_survives(void **state)
{
	uint64_t seed;

	for (seed = 0; seed < 200; seed++) {
		if (seed) {
			tear_down(state);
			set_up(state);
		}
		write_sectors(0, 8, 'a', false);
		write_sectors(2, 3, 'b', true);
		cut(VDISK_ANY, seed);
		assert_saved(2, 3, 'b');
	}
}

static void unflushed_vanishes_together(void **state)
{
	struct vdisk_loss loss;

	(void)state;
	write_sectors(0, 4, 'a', false);
	assert_int_equal(vdisk_flush(&f.disk), 0);
	write_sectors(0, 4, 'b', false);
	zero_sectors(1, 1);
	write_sectors(9, 1, 'c', false);
	loss = cut(VDISK_NOTHING_SURVIVES, 1);
	assert_saved(0, 4, 'a');
	assert_saved(9, 1, 0);
	assert_int_equal(loss.changes, 3);
	assert_int_equal(loss.forgotten, 3);
	assert_int_equal(loss.kept + loss.torn, 0);
	assert_int_equal(loss.lost_bytes, 5 * VDISK_SECTOR);
}

/* Any of two unflushed writes alone, both, none; the earlier over the later. */
static void every_subset_occurs(void **state)
{
	bool seen[3][2] = { 0 };
	uint64_t seed;
	int left, right;

	for (seed = 0; seed < 300; seed++) {
		if (seed) {
			tear_down(state);
			set_up(state);
		}
		write_sectors(3, 1, 'a', false);
		write_sectors(3, 1, 'b', false);
		write_sectors(7, 1, 'c', false);
		cut(VDISK_ANY, seed);
		left = saved_value(3);
		right = saved_value(7);
		assert_true(!left || left == 'a' || left == 'b');
		assert_true(!right || right == 'c');
		seen[left ? 1 + left - 'a' : 0][!!right] = true;
	}
	for (left = 0; left < 3; left++)
		for (right = 0; right < 2; right++)
			assert_true(seen[left][right]);
}

/* Each sector is the one or the other, and some write is really torn. */
static void writes_are_torn_between_sectors(void **state)
{
	unsigned int sector, torn = 0;
	uint64_t seed;

	for (seed = 0; seed < 100; seed++) {
		struct vdisk_loss loss;
		unsigned int mine = 0;

		if (seed) {
			tear_down(state);
			set_up(state);
		}
		write_sectors(10, 16, 'a', false);
		loss = cut(VDISK_ONE_SURVIVES, seed);
		for (sector = 10; sector < 26; sector++)
			mine += saved_value(sector) == 'a';
		if (mine && mine < 16)
			torn++;
		if (!loss.torn)
			assert_int_equal(mine, 16);
		assert_saved(0, 10, 0);
		assert_saved(26, 38, 0);
		assert_int_equal(loss.lost_bytes, (16 - mine) * VDISK_SECTOR);
	}
	assert_in_range(torn, 5, 60);
}

static void the_seed_decides(void **state)
{
	uint8_t first[BYTES];
	unsigned int run, i;
	bool differ = false;

	for (run = 0; run < 3; run++) {
		if (run) {
			tear_down(state);
			set_up(state);
		}
		for (i = 0; i < 60; i++)
			write_sectors(i, 1 + i % 4, 'A' + i, false);
		cut(VDISK_HALF_SURVIVES, run < 2 ? 7 : 8);
		if (!run)
			memcpy(first, f.saved, BYTES);
		else if (run == 1)
			assert_memory_equal(first, f.saved, BYTES);
		else
			differ = memcmp(first, f.saved, BYTES);
	}
	assert_true(differ);
}

static void power_off_saves_all(void **state)
{
	FILE *file;

	(void)state;
	write_sectors(5, 2, 'x', false);
	assert_int_equal(vdisk_close(&f.disk), 0);
	file = fopen(f.path, "r");
	assert_non_null(file);
	assert_int_equal(fread(f.saved, 1, BYTES, file), BYTES);
	fclose(file);
	assert_saved(5, 2, 'x');
}

static void a_liar_loses_what_was_flushed(void **state)
{
	(void)state;
	f.disk.lies = 100;
	write_sectors(0, 4, 'a', false);
	assert_int_equal(vdisk_flush(&f.disk), 0);
	cut(VDISK_NOTHING_SURVIVES, 1);
	assert_saved(0, 4, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_seen),
		TEST(nothing_beyond_the_end),
		TEST(what_is_flushed_survives),
		TEST(fua_survives),
		TEST(unflushed_vanishes_together),
		TEST(every_subset_occurs),
		TEST(writes_are_torn_between_sectors),
		TEST(the_seed_decides),
		TEST(power_off_saves_all),
		TEST(a_liar_loses_what_was_flushed),
	};

	return cmocka_run_group_tests_name("vdisk", tests, NULL, NULL);
}
