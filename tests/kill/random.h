/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers: each follows from the one before, the first is the seed. */
#ifndef KILL_RANDOM_H
#define KILL_RANDOM_H

#include <stdint.h>

static inline uint64_t kill_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline uint64_t kill_random(uint64_t *state)
{
	return kill_mix(*state += 0x9e3779b97f4a7c15ull);
}

#endif
