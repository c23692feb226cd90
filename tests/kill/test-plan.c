// SPDX-License-Identifier: GPL-2.0-only
/* The plan: the same in the guest and outside, and each unit is one thread's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal.h"
#include "plan.h"

#define BYTES (64u << 20)
#define OPS 20000

static void operations_stay_in_bounds(void **state)
{
	uint32_t number, unit, round;
	struct plan plan;
	struct op op;

	(void)state;
	for (round = 1; round <= 40; round++) {
		plan_init(&plan, 7, round, BYTES, round % 2 ? 512 : 4096);
		assert_in_range(plan.threads, 1, JOURNAL_THREADS);
		for (number = 0; number < OPS / 10; number++) {
			plan_op(&plan, number % plan.threads, number, &op);
			if (op.kind >= FLUSH)
				continue;
			assert_true(op.units > 0 && op.units <= AREA_UNITS);
			assert_true(op.first + op.units <= plan.units);
			assert_int_equal(op.first % plan.step, 0);
			assert_int_equal(op.units % plan.step, 0);
			if (op.kind <= WRITE_DURABLE)
				assert_in_range(op.units, 1, UNITS_MAX);
			for (unit = op.first; unit < op.first + op.units; unit++)
				assert_int_equal(plan_thread(&plan, unit),
						 number % plan.threads);
		}
	}
}

static void the_same_seed_is_the_same_plan(void **state)
{
	uint32_t number, different = 0;
	struct plan plan[3];
	struct op op[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		plan_init(&plan[i], 5, i < 2 ? 1 : 2, BYTES, 512);
	for (number = 0; number < 100; number++) {
		for (i = 0; i < 3; i++)
			plan_op(&plan[i], 0, number, &op[i]);
		assert_memory_equal(&op[0], &op[1], sizeof(op[0]));
		different += op[0].first != op[2].first;
	}
	assert_true(different > 30);
}

static void every_kind_occurs(void **state)
{
	uint32_t number, seen = 0;
	struct plan plan;
	struct op op;

	(void)state;
	plan_init(&plan, 1, 1, BYTES, 512);
	plan.durable = 5;
	for (number = 0; number < OPS; number++) {
		plan_op(&plan, 0, number, &op);
		seen |= 1 << op.kind;
	}
	assert_int_equal(seen, (1 << (PAUSE + 1)) - 1);
}

static void contents_tell_whose_they_are(void **state)
{
	uint8_t data[UNIT];
	struct plan plan;
	uint32_t unit;
	uint64_t id;

	(void)state;
	plan_init(&plan, 1, 3, BYTES, 512);
	plan_fill(data, 77, plan_id(&plan, 2, 12345));
	assert_true(plan_look(data, &unit, &id));
	assert_int_equal(unit, 77);
	assert_int_equal(id, plan_id(&plan, 2, 12345));
	assert_int_equal(plan_id_round(id), 3);
	assert_int_equal(plan_id_number(id), 12345);
	data[500] ^= 1;
	assert_false(plan_look(data, &unit, &id));
	memset(data, 0, sizeof(data));
	assert_true(plan_look(data, &unit, &id));
	assert_int_equal(id, 0);
	data[511] = 1;
	assert_false(plan_look(data, &unit, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_stay_in_bounds),
		cmocka_unit_test(the_same_seed_is_the_same_plan),
		cmocka_unit_test(every_kind_occurs),
		cmocka_unit_test(contents_tell_whose_they_are),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
