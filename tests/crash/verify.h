/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must hold for a file after a power cut.
 */
#ifndef CRASH_VERIFY_H
#define CRASH_VERIFY_H

#include "content.h"
#include "cuts.h"

/**
 * struct verify - how deep to look, and what came out
 * @depth: crash inside the replay as well
 * @go_on: use the disk after the replay, and look again
 * @bytewise: compare what is mapped with what is read, once
 * @origin: the file before the workload; NULL: does not matter
 * @origin_content: what it showed
 * @cuts: which cuts to try inside the replay
 * @inner: states checked inside replays so far
 * @why: the first thing that was wrong
 * @bad: the file in which it was wrong, if @why is set; destroy it
 */
struct verify {
	bool depth;
	bool go_on;
	bool bytewise;
	const struct sim_state *origin;
	const struct content *origin_content;
	struct cuts cuts;
	u64 inner;
	char why[512];
	struct sim_state bad;
};

/* True if all is well with the file @state, whose legal contents are known. */
bool verify_state(struct verify *v, const struct config *config,
		  const struct sim_state *state, const struct oracle *oracle);
/* What a sound file shows; exits if it is not. */
void content_of(const struct config *config, const struct sim_state *state,
		struct content *content);
/* The open image shows what it should; @exact: the current values only. */
bool verify_live(struct verify *v, struct run *run, bool exact);

#endif
