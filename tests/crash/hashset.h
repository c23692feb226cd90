/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A set of 64-bit hashes that only grows.
 */
#ifndef CRASH_HASHSET_H
#define CRASH_HASHSET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct hashset {
	uint64_t *slot;
	uint64_t slots;
	uint64_t used;
};

static inline bool hashset_put(struct hashset *set, uint64_t hash)
{
	uint64_t at = hash % set->slots;

	while (set->slot[at] && set->slot[at] != hash)
		at = (at + 1) % set->slots;
	if (set->slot[at])
		return false;
	set->slot[at] = hash;
	set->used++;
	return true;
}

/* True if it was not there yet. */
static inline bool hashset_add(struct hashset *set, uint64_t hash)
{
	struct hashset bigger;
	uint64_t i;

	hash += !hash;
	if (2 * set->used >= set->slots) {
		bigger.slots = set->slots ? 2 * set->slots : 1 << 16;
		bigger.used = 0;
		bigger.slot = calloc(bigger.slots, sizeof(*bigger.slot));
		if (!bigger.slot)
			abort();
		for (i = 0; i < set->slots; i++)
			if (set->slot[i])
				hashset_put(&bigger, set->slot[i]);
		free(set->slot);
		*set = bigger;
	}
	return hashset_put(set, hash);
}

#endif
