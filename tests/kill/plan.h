/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the load in the guest does, and what its sectors look like.
 *
 * Every operation is a pure function of the seed, its thread and its number. So
 * the journal outside only needs to count (journal.h), and whoever judges the
 * disk later knows all the rest.
 *
 * A unit is 512 bytes, what a disk writes at once or not at all. Each belongs to
 * one thread, so what happened to it happened in one order.
 */
#ifndef KILL_PLAN_H
#define KILL_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define UNIT 512
#define UNITS_MAX (1u << 20 >> 9)	/* of a write */
#define AREA_UNITS (4u << 20 >> 9)	/* no operation leaves its area */

enum kind {
	WRITE,
	WRITE_DURABLE,	/* by itself (O_DSYNC) */
	DISCARD,
	ZERO,
	FLUSH,
	COMPACT,
	COMMIT,
	PAUSE,
};

/**
 * struct plan - a load
 * @seed: decides all
 * @round: which life of the machine this is, from 1; part of what is written
 * @units: of the disk
 * @step: units in one of its sectors
 * @threads: 1 to JOURNAL_THREADS
 * @flush_every: one operation in so many is a flush
 * @small: so many percent of the writes are of a few KiB at most
 * @discard: percent of the operations
 * @durable: percent of the writes
 */
struct plan {
	uint64_t seed;
	uint32_t round;
	uint32_t units;
	uint32_t step;
	uint32_t threads;
	uint32_t flush_every;
	uint32_t small;
	uint32_t discard;
	uint32_t durable;
};

/**
 * struct op - an operation
 * @first: unit
 * @units: how many; COMPACT, PAUSE: a random number
 */
struct op {
	enum kind kind;
	uint32_t first;
	uint32_t units;
};

/* @bytes is at least one area for each of JOURNAL_THREADS. */
void plan_init(struct plan *plan, uint64_t seed, uint32_t round, uint64_t bytes,
	       uint32_t sector_bytes);
void plan_op(const struct plan *plan, uint32_t thread, uint32_t number,
	     struct op *op);
/* Whose unit it is. */
uint32_t plan_thread(const struct plan *plan, uint32_t unit);

/* ---- contents: the id of the write, never 0; 0 stands for zeros ---------- */

uint64_t plan_id(const struct plan *plan, uint32_t thread, uint32_t number);
uint32_t plan_id_round(uint64_t id);
uint32_t plan_id_number(uint64_t id);
void plan_fill(void *to, uint32_t unit, uint64_t id);
/* What @data shows; false if no write to any unit left that there. */
bool plan_look(const void *data, uint32_t *unit, uint64_t *id);

#endif
