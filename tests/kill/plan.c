// SPDX-License-Identifier: GPL-2.0-only
/* What the load does, see plan.h. */
#include <string.h>

#include "journal.h"
#include "plan.h"
#include "random.h"

#define WORDS (UNIT / sizeof(uint64_t))
#define ID_MAGIC 0x5645444b494c4c00ull
#define MIB_UNITS (1u << 20 >> 9)

void plan_init(struct plan *plan, uint64_t seed, uint32_t round, uint64_t bytes,
	       uint32_t sector_bytes)
{
	static const uint32_t flush_every[] = { 3, 10, 40, 150 };
	static const uint32_t small[] = { 50, 80, 95 };
	static const uint32_t discard[] = { 3, 10, 25 };
	uint64_t state = kill_mix(seed) + round;

	*plan = (struct plan) {
		.seed = kill_random(&state),
		.round = round,
		.units = bytes / UNIT,
		.step = sector_bytes / UNIT,
		.threads = 1 + kill_random(&state) % JOURNAL_THREADS,
		.flush_every = flush_every[kill_random(&state) % 4],
		.small = small[kill_random(&state) % 3],
		.discard = discard[kill_random(&state) % 3],
		.durable = kill_random(&state) % 2 * 5,
	};
}

uint32_t plan_thread(const struct plan *plan, uint32_t unit)
{
	return unit / AREA_UNITS % plan->threads;
}

/* Half of them in the first area, which wears it out. */
static uint32_t pick_area(const struct plan *plan, uint32_t thread,
			  uint64_t *random)
{
	uint32_t areas = plan->units / AREA_UNITS;
	uint32_t mine = (areas - thread + plan->threads - 1) / plan->threads;
	uint32_t nth = kill_random(random) % 2 ? 0 : kill_random(random) % mine;

	return (thread + nth * plan->threads) * AREA_UNITS;
}

static void pick_range(const struct plan *plan, uint32_t most, struct op *op,
		       uint64_t *random)
{
	uint32_t steps = 1 + kill_random(random) % (most / plan->step);

	op->units = steps * plan->step;
	op->first += kill_random(random) %
		     ((AREA_UNITS - op->units) / plan->step + 1) * plan->step;
}

static uint32_t write_most(const struct plan *plan, uint64_t *random)
{
	static const uint32_t most[] = { 64, 256, UNITS_MAX };

	if (kill_random(random) % 100 < plan->small)
		return 16;
	return most[kill_random(random) % 3];
}

/* Small ones, or whole MiBs. */
static void pick_release(const struct plan *plan, struct op *op,
			 uint64_t *random)
{
	uint32_t mibs = AREA_UNITS / MIB_UNITS;
	uint32_t first;

	if (kill_random(random) % 2) {
		pick_range(plan, 256, op, random);
		return;
	}
	first = kill_random(random) % mibs;
	op->first += first * MIB_UNITS;
	op->units = (1 + kill_random(random) % (mibs - first)) * MIB_UNITS;
}

static enum kind pick_kind(const struct plan *plan, uint32_t thread,
			   uint64_t *random)
{
	uint32_t dice = kill_random(random) % 1000;

	if (kill_random(random) % plan->flush_every == 0)
		return FLUSH;
	if (dice < 10)
		return PAUSE;
	if (dice < 15)
		return COMMIT;
	if (dice < 30)
		return thread ? PAUSE : COMPACT;
	if (dice < 30 + 10 * plan->discard)
		return DISCARD;
	if (dice < 60 + 10 * plan->discard)
		return ZERO;
	return kill_random(random) % 100 < plan->durable ? WRITE_DURABLE : WRITE;
}

void plan_op(const struct plan *plan, uint32_t thread, uint32_t number,
	     struct op *op)
{
	uint64_t random = plan->seed ^ kill_mix(((uint64_t)thread + 1) << 32 |
						number);

	*op = (struct op) { .kind = pick_kind(plan, thread, &random) };
	op->first = pick_area(plan, thread, &random);
	switch (op->kind) {
	case WRITE:
	case WRITE_DURABLE:
		pick_range(plan, write_most(plan, &random), op, &random);
		break;
	case DISCARD:
	case ZERO:
		pick_release(plan, op, &random);
		break;
	default:
		op->first = 0;
		op->units = kill_random(&random) % 1000;
	}
}

uint64_t plan_id(const struct plan *plan, uint32_t thread, uint32_t number)
{
	return (uint64_t)plan->round << 40 | (uint64_t)thread << 32 | number;
}

uint32_t plan_id_round(uint64_t id)
{
	return id >> 40;
}

uint32_t plan_id_number(uint64_t id)
{
	return id;
}

void plan_fill(void *to, uint32_t unit, uint64_t id)
{
	uint64_t word[WORDS], mix = kill_mix(id ^ ((uint64_t)unit << 20));
	unsigned int i;

	word[0] = id;
	word[1] = ID_MAGIC ^ unit;
	for (i = 2; i < WORDS; i++)
		word[i] = mix += 0x9e3779b97f4a7c15ull;
	if (!id)
		memset(word, 0, sizeof(word));
	memcpy(to, word, sizeof(word));
}

bool plan_look(const void *data, uint32_t *unit, uint64_t *id)
{
	uint64_t word[2], want[WORDS];

	memcpy(word, data, sizeof(word));
	*id = word[0];
	*unit = word[0] ? word[1] ^ ID_MAGIC : 0;
	plan_fill(want, *unit, *id);
	return !memcmp(data, want, sizeof(want));
}
