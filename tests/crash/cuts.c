// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which power cuts to try.
 *
 * With n pending changes: all 2^n subsets while n is small; above that none,
 * all, each alone, each missing, all prefixes, all suffixes and some at random.
 * Every subset is tried once more with one change torn, and once more with one
 * of those that overlap overtaken by the other, where it has any.
 */
#include "cuts.h"

#define TEAR_LIMIT (64 * 1024)
/* No change overtakes one that was issued longer before it. */
#define OVERTAKEN_LIMIT 64

u64 next_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

struct trial {
	const struct sim_disk *disk;
	struct cuts *cuts;
	cut_fn *fn;
	void *arg;
	struct sim_cut cut;
};

static u64 sectors_of(const struct sim_change *change)
{
	return change->kind == SIM_RESIZE ? 0 : change->len / SIM_SECTOR;
}

/* A survivor that can be torn, -1 if there is none. */
static int pick_torn(struct trial *t)
{
	size_t n = t->disk->changes, first = next_random(&t->cuts->seed) % n;
	size_t i, at;

	for (i = 0; i < n; i++) {
		at = (first + i) % n;
		if (t->cut.survives[at] && sectors_of(&t->disk->change[at]) > 1)
			return at;
	}
	return -1;
}

static bool try_torn(struct trial *t)
{
	bool go_on;
	u64 sectors;

	t->cut.torn = pick_torn(t);
	if (t->cut.torn < 0)
		return true;
	sectors = sectors_of(&t->disk->change[t->cut.torn]);
	t->cut.torn_from = 0;
	t->cut.torn_to = 1 + next_random(&t->cuts->seed) % (sectors - 1);
	switch (next_random(&t->cuts->seed) % 3) {
	case 0:
		t->cut.torn_from = t->cut.torn_to;
		t->cut.torn_to = sectors;
		break;
	case 1:
		t->cut.torn_from = next_random(&t->cuts->seed) % t->cut.torn_to;
		break;
	}
	go_on = t->fn(t->disk, &t->cut, t->arg);
	t->cut.torn = -1;
	return go_on;
}

static bool overlap(const struct sim_change *a, const struct sim_change *b)
{
	if (a->kind == SIM_RESIZE || b->kind == SIM_RESIZE)
		return a->kind == b->kind;
	return a->offset < b->offset + b->len && b->offset < a->offset + a->len;
}

/* A surviving change before @late that it overlaps, -1 if there is none. */
static int pick_overlapped(struct trial *t, int late)
{
	const struct sim_change *change = t->disk->change;
	int early, picked = -1;

	for (early = late - 1; early >= 0 && late - early <= OVERTAKEN_LIMIT;
	     early--) {
		if (!t->cut.survives[early] ||
		    !overlap(&change[early], &change[late]))
			continue;
		picked = early;
		if (next_random(&t->cuts->seed) & 1)
			break;
	}
	return picked;
}

static bool try_swapped(struct trial *t)
{
	size_t n = t->disk->changes, first = next_random(&t->cuts->seed) % n;
	bool go_on = true;
	size_t i;
	int late, early;

	for (i = 0; i < n; i++) {
		late = (first + i) % n;
		early = t->cut.survives[late] ? pick_overlapped(t, late) : -1;
		if (early < 0)
			continue;
		t->cut.swapped = late;
		t->cut.swapped_before = early;
		go_on = t->fn(t->disk, &t->cut, t->arg);
		t->cut.swapped = -1;
		break;
	}
	return go_on;
}

static bool try(struct trial *t)
{
	return t->fn(t->disk, &t->cut, t->arg) && try_torn(t) && try_swapped(t);
}

static bool try_mask(struct trial *t, u64 mask)
{
	size_t i;

	for (i = 0; i < t->disk->changes; i++)
		t->cut.survives[i] = mask >> i & 1;
	return try(t);
}

/* The changes in [from, to) get @inside, the others do not. */
static bool try_run(struct trial *t, size_t from, size_t to, bool inside)
{
	size_t i;

	for (i = 0; i < t->disk->changes; i++)
		t->cut.survives[i] = (i >= from && i < to) == inside;
	return try(t);
}

static bool try_random(struct trial *t)
{
	unsigned int k;
	size_t i;

	for (k = 0; k < t->cuts->random; k++) {
		for (i = 0; i < t->disk->changes; i++)
			t->cut.survives[i] = next_random(&t->cuts->seed) & 1;
		if (!try(t))
			return false;
	}
	return true;
}

static bool try_many(struct trial *t)
{
	size_t n = t->disk->changes, i;

	if (!try_run(t, 0, 0, true) || !try_run(t, 0, n, true))
		return false;
	for (i = 0; i < n && !t->cuts->sparse; i++)
		if (!try_run(t, i, i + 1, true) ||
		    !try_run(t, i, i + 1, false) ||
		    !try_run(t, 0, i, true) || !try_run(t, i, n, true))
			return false;
	return try_random(t);
}

/* Each cut of change @at, with and without what came later. */
static bool try_tears_of(struct trial *t, size_t at)
{
	u64 sectors = sectors_of(&t->disk->change[at]);
	size_t n = t->disk->changes, i;

	for (i = 0; i < 2 * (sectors - 1); i++) {
		size_t to = i % 2 ? n : at + 1;
		size_t k;

		for (k = 0; k < n; k++)
			t->cut.survives[k] = k < to;
		t->cut.torn = at;
		t->cut.torn_from = 0;
		t->cut.torn_to = i / 2 + 1;
		if (!t->fn(t->disk, &t->cut, t->arg))
			return false;
		if (at + 1 == n)
			i++;
	}
	t->cut.torn = -1;
	return true;
}

static bool try_every_tear(struct trial *t)
{
	const struct sim_change *change;
	size_t i;

	for (i = 0; i < t->disk->changes; i++) {
		change = &t->disk->change[i];
		if (change->kind == SIM_WRITE && change->len > SIM_SECTOR &&
		    change->len <= TEAR_LIMIT && !try_tears_of(t, i))
			return false;
	}
	return true;
}

bool cuts_for_each(const struct sim_disk *disk, struct cuts *cuts, cut_fn *fn,
		   void *arg)
{
	struct trial *t;
	bool go_on = true;
	u64 mask;

	if (disk->changes > SIM_MAX_CHANGES)
		abort();
	t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	*t = (struct trial){ .disk = disk, .cuts = cuts, .fn = fn, .arg = arg };
	t->cut.torn = -1;
	t->cut.swapped = -1;
	if (!disk->changes)
		go_on = fn(disk, &t->cut, arg);
	else if (disk->changes <= cuts->exhaustive)
		for (mask = 0; go_on && mask < 1ULL << disk->changes; mask++)
			go_on = try_mask(t, mask);
	else
		go_on = try_many(t);
	if (go_on && cuts->every_tear)
		go_on = try_every_tear(t);
	free(t);
	return go_on;
}
