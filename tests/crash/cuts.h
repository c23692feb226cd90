/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which power cuts to try: subsets of the pending changes, torn changes,
 * swapped ones.
 */
#ifndef CRASH_CUTS_H
#define CRASH_CUTS_H

#include "sim-disk.h"

/* Up to this many changes all subsets are tried. */
#define CUTS_EXHAUSTIVE 10

/**
 * struct cuts - what to try
 * @exhaustive: all subsets up to this many changes
 * @random: this many seeded subsets above it
 * @sparse: above it only these, none and all: for long workloads
 * @every_tear: every 512-byte cut of every write up to 64 KiB
 * @seed: state of the random numbers
 */
struct cuts {
	unsigned int exhaustive;
	unsigned int random;
	bool sparse;
	bool every_tear;
	u64 seed;
};

/* Return false to stop. */
typedef bool cut_fn(const struct sim_disk *disk, const struct sim_cut *cut,
		    void *arg);

bool cuts_for_each(const struct sim_disk *disk, struct cuts *cuts, cut_fn *fn,
		   void *arg);
u64 next_random(u64 *state);

#endif
