// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tests' own sparse memory: what it says must be true before anything that
 * stands on it can be believed.
 */
#include "store.h"
#include "unit.h"

static void fill(struct store *store, u64 offset, size_t len, u8 value)
{
	u8 *buf = malloc(len);

	assert_non_null(buf);
	memset(buf, value, len);
	store_write(store, offset, buf, len);
	free(buf);
}

static void assert_bytes(const struct store *store, u64 offset, size_t len,
			 u8 value)
{
	u8 *buf = malloc(len);
	size_t i;

	assert_non_null(buf);
	store_read(store, offset, buf, len);
	for (i = 0; i < len; i++)
		assert_int_equal(buf[i], value);
	free(buf);
}

static void reads_what_was_written(void **state)
{
	struct store store;

	(void)state;
	store_init(&store);
	fill(&store, 1000, 10000, 7);
	assert_bytes(&store, 0, 1000, 0);
	assert_bytes(&store, 1000, 10000, 7);
	assert_bytes(&store, 11000, 100000, 0);
	fill(&store, STORE_LEAF * 3 - 100, 200, 9);
	assert_bytes(&store, STORE_LEAF * 3 - 100, 200, 9);
	assert_bytes(&store, STORE_LEAF * 3 + 100, 200, 0);
	assert_int_equal(store_allocated(&store), 5 * STORE_PAGE);
	store_destroy(&store);
}

static void punch_makes_holes(void **state)
{
	struct store store;

	(void)state;
	store_init(&store);
	fill(&store, 0, 2 * STORE_LEAF, 1);
	store_punch(&store, 100, STORE_LEAF);
	assert_bytes(&store, 0, 100, 1);
	assert_bytes(&store, 100, STORE_LEAF, 0);
	assert_bytes(&store, STORE_LEAF + 100, STORE_LEAF - 100, 1);
	assert_int_equal(store_next_data(&store, 0, 1), 0);
	assert_int_equal(store_next_data(&store, STORE_PAGE, 4 * STORE_LEAF),
			 STORE_LEAF);
	store_punch(&store, 0, 100 * STORE_LEAF);
	assert_int_equal(store_allocated(&store), 0);
	assert_int_equal(store_next_data(&store, 0, 4 * STORE_LEAF),
			 4 * STORE_LEAF);
	store_destroy(&store);
}

static void a_clone_goes_its_own_way(void **state)
{
	struct store a, b;

	(void)state;
	store_init(&a);
	fill(&a, 0, 3 * STORE_PAGE, 1);
	store_clone(&b, &a);
	assert_true(store_equal(&a, &b, STORE_LEAF));
	assert_true(store_hash(&a) == store_hash(&b));
	fill(&b, STORE_PAGE, 1, 2);
	assert_bytes(&a, 0, 3 * STORE_PAGE, 1);
	assert_bytes(&b, STORE_PAGE, 1, 2);
	assert_false(store_equal(&a, &b, STORE_LEAF));
	assert_true(store_hash(&a) != store_hash(&b));
	fill(&b, STORE_PAGE, 1, 1);
	assert_true(store_equal(&a, &b, STORE_LEAF));
	assert_true(store_hash(&a) == store_hash(&b));
	store_punch(&b, 0, STORE_PAGE);
	assert_bytes(&a, 0, STORE_PAGE, 1);
	store_destroy(&a);
	assert_bytes(&b, 0, STORE_PAGE, 0);
	assert_bytes(&b, STORE_PAGE, 2 * STORE_PAGE, 1);
	store_destroy(&b);
}

static void a_hole_equals_zeros_but_hashes_apart(void **state)
{
	struct store a, b;

	(void)state;
	store_init(&a);
	store_init(&b);
	fill(&a, 0, STORE_PAGE, 0);
	assert_true(store_equal(&a, &b, STORE_LEAF));
	assert_true(store_hash(&a) != store_hash(&b));
	fill(&a, STORE_PAGE, 1, 1);
	assert_true(store_equal(&a, &b, STORE_PAGE));
	assert_false(store_equal(&a, &b, STORE_PAGE + 1));
	store_destroy(&a);
	store_destroy(&b);
}

static void shared_pages_are_copies(void **state)
{
	struct store a, b;

	(void)state;
	store_init(&a);
	store_init(&b);
	fill(&a, 0, 4 * STORE_PAGE, 1);
	fill(&b, 0, 6 * STORE_PAGE, 2);
	store_punch(&a, 2 * STORE_PAGE, STORE_PAGE);
	store_share(&b, &a, 100, 5 * STORE_PAGE);
	assert_bytes(&b, 0, 100, 2);
	assert_bytes(&b, 100, 2 * STORE_PAGE - 100, 1);
	assert_bytes(&b, 2 * STORE_PAGE, STORE_PAGE, 0);
	assert_bytes(&b, 3 * STORE_PAGE, STORE_PAGE, 1);
	assert_bytes(&b, 4 * STORE_PAGE, STORE_PAGE + 100, 0);
	assert_bytes(&b, 5 * STORE_PAGE + 100, STORE_PAGE - 100, 2);
	fill(&b, STORE_PAGE, 10, 3);
	assert_bytes(&a, STORE_PAGE, 10, 1);
	store_destroy(&a);
	assert_bytes(&b, STORE_PAGE, 10, 3);
	assert_bytes(&b, STORE_PAGE + 10, 100, 1);
	store_destroy(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_was_written),
		cmocka_unit_test(punch_makes_holes),
		cmocka_unit_test(a_clone_goes_its_own_way),
		cmocka_unit_test(shared_pages_are_copies),
		cmocka_unit_test(a_hole_equals_zeros_but_hashes_apart),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
