/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The crash simulator: what its parts share.
 */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

#include "hashset.h"
#include "prelude.h"
#include "verify.h"

#define CRASH_MAX_STEPS 1000

/**
 * struct crash - one run of the simulator
 * @args: of the command line
 * @seed: of everything random
 * @limit: stop after this many distinct states (0: never)
 * @depth_every: one state in so many is cut inside its replay, too
 * @go_on_every: one state in so many is used afterwards
 * @cuts: what to try at each flush
 * @random_seed: state of the random numbers for workloads
 * @save: where to put the file of a failure
 * @config: the kind of image being tried
 * @prelude: where this workload starts
 * @steps: the workload
 * @nr_steps: how many
 * @at_step: the one being done
 * @from_step: no crash is tried before this one
 * @sequences: workloads done
 * @states: crash states made
 * @distinct: those whose bytes were new
 * @checked: those that were checked: bytes or promises were new
 * @inner: crashes inside replays
 * @faults: runs with a failed operation or allocation
 * @bytes_seen: hashes of files
 * @seen: hashes of files and promises
 * @failed: something was wrong
 * @run: the disk being worked on
 */
struct crash {
	char **args;
	u64 seed;
	u64 limit;
	unsigned int depth_every;
	unsigned int go_on_every;
	struct cuts cuts;
	u64 random_seed;
	const char *save;
	const struct config *config;
	const struct prelude *prelude;
	const struct step *steps[CRASH_MAX_STEPS];
	size_t nr_steps;
	size_t at_step;
	size_t from_step;
	u64 sequences;
	u64 states;
	u64 distinct;
	u64 checked;
	u64 inner;
	u64 faults;
	struct hashset bytes_seen;
	struct hashset seen;
	bool failed;
	struct run *run;
};

/* A file that must be sound, with all that is pending lost in part. */
bool crash_cut(const struct sim_disk *disk, const struct sim_cut *cut,
	       void *crash);
/* Random numbers of the core depend on how far we are, nothing else. */
void crash_reseed(const struct crash *crash, u64 flushes);
/* Tell what happened and remember it. */
void crash_failed(struct crash *crash, const struct sim_disk *disk,
		  const struct sim_cut *cut, const char *why,
		  const struct sim_state *bad);

/* crash->steps as it is, each of its operations failing once and for ever. */
void crash_faults(struct crash *crash);

#endif
