// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crash simulator's oracle: it must accept what is legal and, above all,
 * refuse everything else.
 */
#include "oracle.h"
#include "unit.h"

#include <string.h>

static struct oracle oracle;

static int setup(void **state)
{
	(void)state;
	oracle_init(&oracle, 100);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	oracle_destroy(&oracle);
	return 0;
}

static void nothing_written_means_zeros(void **state)
{
	(void)state;
	assert_true(oracle_legal(&oracle, 0, 0));
	assert_true(oracle_legal(&oracle, 99, 0));
	assert_false(oracle_legal(&oracle, 0, 1));
	assert_false(oracle_legal(&oracle, 100, 0));
	assert_int_equal(oracle_current(&oracle, 5), 0);
}

static void an_unflushed_write_may_be_there_or_not(void **state)
{
	(void)state;
	oracle_issue(&oracle, 10, 5, 1);
	assert_true(oracle_legal(&oracle, 10, 0));
	assert_true(oracle_legal(&oracle, 10, 1));
	assert_true(oracle_legal(&oracle, 14, 1));
	assert_false(oracle_legal(&oracle, 9, 1));
	assert_false(oracle_legal(&oracle, 15, 1));
	assert_false(oracle_legal(&oracle, 10, 2));
	assert_int_equal(oracle_current(&oracle, 14), 1);
	assert_int_equal(oracle_current(&oracle, 15), 0);
}

static void a_flushed_write_is_there(void **state)
{
	(void)state;
	oracle_issue(&oracle, 10, 5, 1);
	oracle_flush(&oracle);
	assert_true(oracle_legal(&oracle, 12, 1));
	assert_false(oracle_legal(&oracle, 12, 0));
	assert_true(oracle_legal(&oracle, 15, 0));
}

static void only_the_last_flushed_value_counts(void **state)
{
	(void)state;
	oracle_issue(&oracle, 10, 5, 1);
	oracle_issue(&oracle, 12, 1, 2);
	oracle_issue(&oracle, 12, 1, 3);
	assert_true(oracle_legal(&oracle, 12, 1));
	assert_true(oracle_legal(&oracle, 12, 2));
	assert_true(oracle_legal(&oracle, 12, 3));
	assert_int_equal(oracle_current(&oracle, 12), 3);
	oracle_flush(&oracle);
	assert_false(oracle_legal(&oracle, 12, 1));
	assert_false(oracle_legal(&oracle, 12, 2));
	assert_true(oracle_legal(&oracle, 12, 3));
	assert_true(oracle_legal(&oracle, 11, 1));
}

static void older_than_the_flush_never_comes_back(void **state)
{
	(void)state;
	oracle_issue(&oracle, 0, 1, 1);
	oracle_flush(&oracle);
	oracle_issue(&oracle, 0, 1, 2);
	oracle_flush(&oracle);
	oracle_issue(&oracle, 0, 1, 3);
	assert_false(oracle_legal(&oracle, 0, 0));
	assert_false(oracle_legal(&oracle, 0, 1));
	assert_true(oracle_legal(&oracle, 0, 2));
	assert_true(oracle_legal(&oracle, 0, 3));
}

static void a_discard_is_a_change_too(void **state)
{
	(void)state;
	oracle_issue(&oracle, 0, 8, 1);
	oracle_flush(&oracle);
	oracle_issue(&oracle, 2, 4, 0);
	assert_true(oracle_legal(&oracle, 2, 1));
	assert_true(oracle_legal(&oracle, 2, 0));
	assert_false(oracle_legal(&oracle, 1, 0));
	oracle_flush(&oracle);
	assert_false(oracle_legal(&oracle, 2, 1));
	assert_true(oracle_legal(&oracle, 2, 0));
}

static void a_copy_goes_its_own_way(void **state)
{
	struct oracle copy;

	(void)state;
	oracle_issue(&oracle, 1, 1, 7);
	oracle_flush(&oracle);
	oracle_issue(&oracle, 1, 1, 8);
	oracle_copy(&copy, &oracle);
	assert_true(oracle_hash(&copy) == oracle_hash(&oracle));
	oracle_flush(&copy);
	assert_true(oracle_hash(&copy) != oracle_hash(&oracle));
	assert_false(oracle_legal(&copy, 1, 7));
	assert_true(oracle_legal(&oracle, 1, 7));
	oracle_destroy(&copy);
}

static enum oracle_verdict judge(uint64_t piece, const void *bytes)
{
	struct oracle_seen seen = oracle_recognise(bytes);

	return oracle_judge(&oracle, piece, &seen);
}

static void bytes_are_judged(void **state)
{
	uint8_t bytes[ORACLE_PIECE];

	(void)state;
	oracle_issue(&oracle, 3, 2, 5);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(judge(3, bytes), ORACLE_LEGAL);
	oracle_stamp(bytes, 3, 5);
	assert_int_equal(judge(3, bytes), ORACLE_LEGAL);
	assert_int_equal(judge(4, bytes), ORACLE_TELEPORTED);
	assert_int_equal(judge(9, bytes), ORACLE_TELEPORTED);
	oracle_stamp(bytes, 3, 6);
	assert_int_equal(judge(3, bytes), ORACLE_STALE);
	oracle_flush(&oracle);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(judge(3, bytes), ORACLE_STALE);
}

static void each_flipped_byte_is_garbage(void **state)
{
	uint8_t bytes[ORACLE_PIECE];
	size_t i;

	(void)state;
	oracle_issue(&oracle, 3, 2, 5);
	oracle_stamp(bytes, 3, 5);
	for (i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 0x40;
		assert_true(judge(3, bytes) != ORACLE_LEGAL);
		bytes[i] ^= 0x40;
	}
	memset(bytes, 0, sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_int_equal(judge(3, bytes), ORACLE_GARBAGE);
		bytes[i] = 0;
	}
}

static void stamps_differ(void **state)
{
	uint8_t a[ORACLE_PIECE], b[ORACLE_PIECE];

	(void)state;
	oracle_stamp(a, 3, 5);
	oracle_stamp(b, 3, 6);
	assert_memory_not_equal(a, b, sizeof(a));
	oracle_stamp(b, 5, 3);
	assert_memory_not_equal(a, b, sizeof(a));
	oracle_stamp(b, 3, 5);
	assert_memory_equal(a, b, sizeof(a));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_written_means_zeros),
		TEST(an_unflushed_write_may_be_there_or_not),
		TEST(a_flushed_write_is_there),
		TEST(only_the_last_flushed_value_counts),
		TEST(older_than_the_flush_never_comes_back),
		TEST(a_discard_is_a_change_too),
		TEST(a_copy_goes_its_own_way),
		TEST(bytes_are_judged),
		TEST(each_flipped_byte_is_garbage),
		TEST(stamps_differ),
	};

	return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
