// SPDX-License-Identifier: GPL-2.0-only
/*
 * The space map: the state diagram of its essay, and a plain model of it under
 * random use.
 */
#include "alloc.h"
#include "space.h"
#include "unit.h"
#include "vhdx-build.h"

#define UNITS 300

static struct vhdx_space space;
static u64 unit;

static int setup(void **state)
{
	(void)state;
	return vhdx_space_init(&space, 20, UNITS * MIB);
}

static int teardown(void **state)
{
	(void)state;
	vhdx_space_destroy(&space);
	return 0;
}

static int alloc(u64 units)
{
	return vhdx_space_alloc(&space, units, U64_MAX, &unit);
}

static int release(u64 from, u64 units)
{
	return vhdx_space_release(&space, from * MIB, units * MIB);
}

static void assert_free(u64 units)
{
	assert_int_equal(vhdx_space_free_bytes(&space), units * MIB);
}

static void all_is_free_at_first(void **state)
{
	(void)state;
	assert_free(UNITS);
	assert_int_equal(vhdx_space_tail(&space), 0);
	assert_int_equal(alloc(UNITS + 1), -ENOSPC);
	assert_int_equal(alloc(UNITS), 0);
	assert_int_equal(unit, 0);
	assert_free(0);
	assert_int_equal(vhdx_space_tail(&space), UNITS);
	assert_int_equal(alloc(1), -ENOSPC);
}

static void a_unit_that_the_end_cuts_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(vhdx_space_resize(&space, 5 * MIB + 512), 0);
	assert_int_equal(space.units, 5);
	assert_int_equal(vhdx_space_claim(&space, 4 * MIB, MIB), 0);
	assert_int_equal(vhdx_space_claim(&space, 5 * MIB, 512), -ERANGE);
	assert_int_equal(vhdx_space_resize(&space, MIB - 1), 0);
	assert_int_equal(space.units, 0);
	assert_int_equal(alloc(1), -ENOSPC);
	assert_int_equal(alloc(0), -ENOSPC);
}

static void claims(void **state)
{
	static const struct {
		u64 offset, len;
		int err;
		u64 busy;
	} t[] = {
		{ 0, MIB, 0, 1 },
		{ 10 * MIB, 10 * MIB, 0, 11 },
		{ 19 * MIB, MIB, -EEXIST, 11 },
		{ 18 * MIB, 5 * MIB, -EEXIST, 14 },
		{ 30 * MIB - 1, 2, 0, 16 },
		{ 40 * MIB + 5, 1, 0, 17 },
		{ 40 * MIB, 1, -EEXIST, 17 },
		{ 50 * MIB, 0, 0, 17 },
		{ (UNITS - 1) * MIB, MIB, 0, 18 },
		{ (UNITS - 1) * MIB, MIB + 1, -ERANGE, 18 },
		{ UNITS * MIB, 1, -ERANGE, 18 },
		{ 0, (UNITS + 1) * MIB, -ERANGE, 18 },
		{ U64_MAX, 1, -ERANGE, 18 },
		{ U64_MAX - MIB, MIB, -ERANGE, 18 },
		{ 1, U64_MAX, -ERANGE, 18 },
		{ 60 * MIB, 130 * MIB, 0, 148 },
		{ 0, UNITS * MIB, -EEXIST, UNITS },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(vhdx_space_is_free(&space, t[i].offset,
						    t[i].len), !t[i].err);
		assert_int_equal(vhdx_space_claim(&space, t[i].offset,
						  t[i].len), t[i].err);
		assert_int_equal(space.busy_units, t[i].busy);
	}
}

static void the_lowest_run_that_fits_is_taken(void **state)
{
	(void)state;
	vhdx_space_claim(&space, 0, 10 * MIB);
	vhdx_space_claim(&space, 12 * MIB, MIB);
	vhdx_space_claim(&space, 20 * MIB, MIB);
	assert_int_equal(alloc(8), 0);
	assert_int_equal(unit, 21);
	assert_int_equal(alloc(7), 0);
	assert_int_equal(unit, 13);
	assert_int_equal(alloc(2), 0);
	assert_int_equal(unit, 10);
	assert_int_equal(alloc(1), 0);
	assert_int_equal(unit, 29);
}

static void below_is_an_upper_end(void **state)
{
	(void)state;
	vhdx_space_claim(&space, 0, 10 * MIB);
	assert_int_equal(vhdx_space_alloc(&space, 4, 13, &unit), -ENOSPC);
	assert_int_equal(vhdx_space_alloc(&space, 4, 10, &unit), -ENOSPC);
	assert_int_equal(vhdx_space_alloc(&space, 4, 0, &unit), -ENOSPC);
	assert_free(UNITS - 10);
	assert_int_equal(vhdx_space_alloc(&space, 4, 14, &unit), 0);
	assert_int_equal(unit, 10);
	assert_int_equal(vhdx_space_alloc(&space, UNITS - 14, UNITS + 5,
					  &unit), 0);
}

/* The hint goes up when low units are taken and down when one comes back. */
static void the_hint_never_hides_a_free_unit(void **state)
{
	struct vhdx_span span;

	(void)state;
	assert_int_equal(alloc(100), 0);
	assert_int_equal(alloc(1), 0);
	assert_int_equal(space.hint, 100);
	vhdx_space_unalloc(&space, 7, 1);
	assert_int_equal(alloc(1), 0);
	assert_int_equal(unit, 7);
	assert_int_equal(release(3, 1), 0);
	vhdx_space_committed(&space);
	assert_int_equal(alloc(1), 0);
	assert_int_equal(unit, 101);
	assert_true(vhdx_space_next_punch(&space, &span));
	vhdx_space_punched(&space, &span);
	assert_int_equal(alloc(1), 0);
	assert_int_equal(unit, 3);
	/* Full, shorter, longer. */
	assert_int_equal(alloc(UNITS - 102), 0);
	assert_int_equal(alloc(1), -ENOSPC);
	vhdx_space_unalloc(&space, 200, 100);
	assert_int_equal(vhdx_space_resize(&space, 200 * MIB), 0);
	assert_int_equal(alloc(1), -ENOSPC);
	assert_int_equal(vhdx_space_resize(&space, 202 * MIB), 0);
	assert_int_equal(alloc(2), 0);
	assert_int_equal(unit, 200);
}

/* R7: free -> owned -> pending -> punchable -> punching -> free. */
static void released_space_takes_the_long_way(void **state)
{
	struct vhdx_span span;

	(void)state;
	assert_int_equal(alloc(UNITS), 0);
	assert_int_equal(release(40, 8), 0);
	/* Pending: busy, not to be punched. */
	assert_int_equal(space.pending_units, 8);
	assert_int_equal(alloc(8), -ENOSPC);
	assert_false(vhdx_space_next_punch(&space, &span));
	assert_free(0);
	/* Punchable: still busy. */
	vhdx_space_committed(&space);
	assert_int_equal(space.pending_units, 0);
	assert_int_equal(space.punching_units, 8);
	assert_int_equal(alloc(8), -ENOSPC);
	/* Punching: owned by whoever does it. */
	assert_true(vhdx_space_next_punch(&space, &span));
	assert_int_equal(span.unit, 40);
	assert_int_equal(span.units, 8);
	assert_false(vhdx_space_next_punch(&space, &span));
	assert_int_equal(alloc(8), -ENOSPC);
	assert_int_equal(vhdx_space_tail(&space), UNITS);
	/* Free. */
	vhdx_space_punched(&space, &span);
	assert_int_equal(space.punching_units, 0);
	assert_free(8);
	assert_int_equal(alloc(8), 0);
	assert_int_equal(unit, 40);
}

/* What is released while a commit is under way waits for the next one. */
static void each_commit_has_its_own(void **state)
{
	struct vhdx_span span;

	(void)state;
	assert_int_equal(alloc(UNITS), 0);
	assert_int_equal(release(0, 1), 0);
	vhdx_space_committed(&space);
	assert_int_equal(release(100, 2), 0);
	assert_true(vhdx_space_next_punch(&space, &span));
	assert_int_equal(span.unit, 0);
	assert_int_equal(span.units, 1);
	assert_false(vhdx_space_next_punch(&space, &span));
	assert_int_equal(space.pending_units, 2);
	vhdx_space_committed(&space);
	assert_true(vhdx_space_next_punch(&space, &span));
	assert_int_equal(span.unit, 100);
	assert_int_equal(span.units, 2);
}

static void neighbours_become_one_span(void **state)
{
	struct vhdx_span span;

	(void)state;
	assert_int_equal(alloc(UNITS), 0);
	assert_int_equal(release(10, 2), 0);
	assert_int_equal(release(12, 2), 0);
	assert_int_equal(release(8, 2), 0);
	assert_int_equal(release(20, 1), 0);
	assert_int_equal(release(14, 1), 0);
	assert_int_equal(space.pending.count, 3);
	vhdx_space_committed(&space);
	assert_true(vhdx_space_next_punch(&space, &span));
	assert_int_equal(span.unit, 8);
	assert_int_equal(span.units, 6);
	assert_true(vhdx_space_next_punch(&space, &span));
	assert_int_equal(span.unit, 20);
	assert_true(vhdx_space_next_punch(&space, &span));
	assert_int_equal(span.unit, 14);
	assert_int_equal(span.units, 1);
	assert_false(vhdx_space_next_punch(&space, &span));
}

/* A neighbour may live in the rest of a unit: it stays busy. */
static void units_released_in_part_stay(void **state)
{
	(void)state;
	assert_int_equal(alloc(UNITS), 0);
	assert_int_equal(vhdx_space_release(&space, 5 * MIB + 1, MIB), 0);
	assert_int_equal(vhdx_space_release(&space, 5 * MIB, MIB - 1), 0);
	assert_int_equal(vhdx_space_release(&space, 5 * MIB, 0), 0);
	assert_int_equal(space.pending_units, 0);
	assert_int_equal(vhdx_space_release(&space, 5 * MIB + 1, 3 * MIB), 0);
	assert_int_equal(space.pending_units, 2);
	assert_int_equal(space.pending.span[space.pending.first].unit, 6);
}

static void the_tail_is_where_the_end_is_free(void **state)
{
	u64 at;

	(void)state;
	assert_int_equal(vhdx_space_resize(&space, 1000 * MIB), 0);
	assert_int_equal(vhdx_space_tail(&space), 0);
	for (at = 1; at < 1000; at += at < 130 ? 1 : 77) {
		assert_int_equal(vhdx_space_claim(&space, (at - 1) * MIB, MIB),
				 0);
		assert_int_equal(vhdx_space_tail(&space), at);
	}
	vhdx_space_claim(&space, 999 * MIB, MIB);
	assert_int_equal(vhdx_space_tail(&space), 1000);
	assert_int_equal(release(999, 1), 0);
	assert_int_equal(vhdx_space_tail(&space), 1000);
}

static void the_tail_is_not_below_the_floor(void **state)
{
	(void)state;
	assert_int_equal(vhdx_space_resize(&space, 300 * MIB), 0);
	space.floor = 200;
	assert_int_equal(vhdx_space_tail(&space), 200);
	assert_int_equal(vhdx_space_claim(&space, 100 * MIB, MIB), 0);
	assert_int_equal(vhdx_space_tail(&space), 200);
	assert_int_equal(vhdx_space_claim(&space, 250 * MIB, MIB), 0);
	assert_int_equal(vhdx_space_tail(&space), 251);
	vhdx_space_unalloc(&space, 250, 1);
	/* What it protects may be behind the map. */
	assert_int_equal(vhdx_space_resize(&space, 150 * MIB), 0);
	assert_int_equal(vhdx_space_tail(&space), 150);
}

/* Claimed again and again, in parts and across: each unit counts once. */
static void overlapping_claims_are_counted_once(void **state)
{
	(void)state;
	assert_int_equal(vhdx_space_resize(&space, 1000 * MIB), 0);
	assert_int_equal(vhdx_space_claim(&space, 10 * MIB, 5 * MIB), 0);
	assert_int_equal(vhdx_space_claim(&space, 20 * MIB, 5 * MIB), 0);
	assert_int_equal(vhdx_space_claim(&space, 60 * MIB, 100 * MIB), 0);
	assert_int_equal(vhdx_space_claim(&space, 0, 200 * MIB), -EEXIST);
	assert_int_equal(space.busy_units, 200);
	assert_int_equal(vhdx_space_claim(&space, 199 * MIB, 2 * MIB),
			 -EEXIST);
	assert_int_equal(space.busy_units, 201);
	vhdx_space_unalloc(&space, 100, 50);
	vhdx_space_unalloc(&space, 90, 70);
	assert_int_equal(space.busy_units, 131);
}

static void growing_keeps_and_shrinking_forgets(void **state)
{
	(void)state;
	vhdx_space_claim(&space, 299 * MIB, MIB);
	assert_int_equal(vhdx_space_resize(&space, 100000 * MIB), 0);
	assert_int_equal(space.busy_units, 1);
	assert_free(99999);
	assert_int_equal(vhdx_space_tail(&space), 300);
	assert_int_equal(vhdx_space_claim(&space, 99999 * MIB, MIB), 0);
	vhdx_space_unalloc(&space, 99999, 1);
	assert_int_equal(vhdx_space_resize(&space, 300 * MIB), 0);
	assert_int_equal(vhdx_space_resize(&space, 100000 * MIB), 0);
	assert_int_equal(space.busy_units, 1);
	assert_int_equal(vhdx_space_tail(&space), 300);
}

static void giving_back_what_is_free_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(vhdx_space_claim(&space, 0, 10 * MIB), 0);
	/* Behind the end, half behind it, half free already. */
	vhdx_space_unalloc(&space, UNITS + 5, 3);
	assert_free(UNITS - 10);
	vhdx_space_unalloc(&space, UNITS - 1, 3);
	assert_free(UNITS - 10);
	vhdx_space_unalloc(&space, 8, 4);
	assert_free(UNITS - 8);
	assert_int_equal(vhdx_space_tail(&space), 8);
	assert_int_equal(alloc(UNITS - 8), 0);
	assert_int_equal(unit, 8);
}

/* One call of the kernel's bitmap_clear() frees a span. */
static void a_span_is_no_longer_than_an_int(void **state)
{
	const u64 half = 1ULL << 29;
	struct vhdx_span span;
	u64 i, units = 0;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_int_equal(release(i * half, half), 0);
	vhdx_space_committed(&space);
	while (vhdx_space_next_punch(&space, &span)) {
		assert_int_equal(span.unit, units);
		assert_true(span.units <= INT_MAX);
		units += span.units;
	}
	assert_int_equal(units, 8 * half);
}

static void without_memory_nothing_changes(void **state)
{
	unsigned int i;
	struct vhdx_span span;

	(void)state;
	alloc_fail(1);
	assert_int_equal(vhdx_space_resize(&space, 100000 * MIB), -ENOMEM);
	assert_true(alloc_has_failed());
	assert_int_equal(space.units, UNITS);
	assert_int_equal(alloc(UNITS), 0);
	/* Pending list, punchable list. */
	for (i = 1; i <= 2; i++) {
		alloc_fail(i);
		assert_int_equal(release(5, 1), -ENOMEM);
		assert_true(alloc_has_failed());
		assert_int_equal(space.pending_units, 0);
		assert_int_equal(space.pending.count, 0);
	}
	/* Single units, so that none merge: the lists have to grow, too. */
	for (i = 0; i < 140; i++) {
		alloc_fail(1);
		if (release(2 * i, 1))
			assert_int_equal(release(2 * i, 1), 0);
		alloc_fail(0);
		assert_int_equal(space.pending_units, i + 1);
	}
	/* committed() has its memory already. */
	alloc_fail(1);
	vhdx_space_committed(&space);
	assert_false(alloc_has_failed());
	for (i = 0; i < 140; i++) {
		assert_true(vhdx_space_next_punch(&space, &span));
		assert_int_equal(span.unit, 2 * i);
		vhdx_space_punched(&space, &span);
	}
	assert_false(vhdx_space_next_punch(&space, &span));
	assert_free(140);
	vhdx_space_destroy(&space);
	alloc_fail(1);
	assert_int_equal(vhdx_space_init(&space, 20, MIB), -ENOMEM);
	assert_true(alloc_has_failed());
}

/* ---- a model ------------------------------------------------------------- */

enum { FREE, OWNED, PENDING, PUNCHABLE, PUNCHING };

static u8 model[UNITS];

static u64 count(u8 what)
{
	u64 i, n = 0;

	for (i = 0; i < UNITS; i++)
		n += model[i] == what;
	return n;
}

static void mark(u64 from, u64 units, u8 was, u8 is)
{
	u64 i;

	for (i = from; i < from + units; i++) {
		assert_int_equal(model[i], was);
		model[i] = is;
	}
}

/* Lowest run of @units free ones, or UNITS. */
static u64 model_alloc(u64 units)
{
	u64 i, run = 0;

	for (i = 0; i < UNITS; i++) {
		run = model[i] == FREE ? run + 1 : 0;
		if (run == units)
			return i + 1 - units;
	}
	return UNITS;
}

static void assert_model(void)
{
	u64 tail = UNITS;

	while (tail && model[tail - 1] == FREE)
		tail--;
	assert_int_equal(vhdx_space_tail(&space), tail);
	assert_free(count(FREE));
	assert_int_equal(space.pending_units, count(PENDING));
	assert_int_equal(space.punching_units,
			 count(PUNCHABLE) + count(PUNCHING));
}

static void random_use_agrees_with_a_model(void **state)
{
	u32 seed = 7, n;

	(void)state;
	memset(model, FREE, sizeof(model));
	for (n = 0; n < 20000; n++) {
		struct vhdx_span span;
		u64 units, at;

		seed = seed * 1103515245 + 12345;
		units = 1 + (seed >> 12) % 9;
		at = (seed >> 8) % UNITS;
		switch ((seed >> 24) % 8) {
		case 0:
		case 1:
			if (alloc(units)) {
				assert_int_equal(model_alloc(units), UNITS);
				break;
			}
			assert_int_equal(model_alloc(units), unit);
			mark(unit, units, FREE, OWNED);
			break;
		case 2:
		case 3:
		case 4:
			if (model[at] != OWNED)
				break;
			assert_int_equal(release(at, 1), 0);
			model[at] = PENDING;
			break;
		case 5:
			vhdx_space_committed(&space);
			for (at = 0; at < UNITS; at++)
				if (model[at] == PENDING)
					model[at] = PUNCHABLE;
			break;
		case 6:
			if (!vhdx_space_next_punch(&space, &span)) {
				assert_int_equal(count(PUNCHABLE), 0);
				break;
			}
			mark(span.unit, span.units, PUNCHABLE, PUNCHING);
			assert_model();
			vhdx_space_punched(&space, &span);
			mark(span.unit, span.units, PUNCHING, FREE);
			break;
		default:
			if (model[at] != OWNED)
				break;
			vhdx_space_unalloc(&space, at, 1);
			model[at] = FREE;
		}
		assert_model();
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_free_at_first),
		TEST(a_unit_that_the_end_cuts_is_not_there),
		TEST(claims),
		TEST(the_lowest_run_that_fits_is_taken),
		TEST(below_is_an_upper_end),
		TEST(the_hint_never_hides_a_free_unit),
		TEST(released_space_takes_the_long_way),
		TEST(each_commit_has_its_own),
		TEST(neighbours_become_one_span),
		TEST(units_released_in_part_stay),
		TEST(the_tail_is_where_the_end_is_free),
		TEST(the_tail_is_not_below_the_floor),
		TEST(overlapping_claims_are_counted_once),
		TEST(growing_keeps_and_shrinking_forgets),
		TEST(giving_back_what_is_free_changes_nothing),
		TEST(a_span_is_no_longer_than_an_int),
		TEST(without_memory_nothing_changes),
		TEST(random_use_agrees_with_a_model),
	};

	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
