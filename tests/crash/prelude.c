// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where workloads start.
 */
#include <stdio.h>

#include "prelude.h"

static const struct {
	const char *name;
	const char *steps[8];
	u64 lost_bytes;	/* then the file loses its end */
} preludes[NR_PRELUDES] = {
	{ "empty", { NULL }, 0 },
	{ "full", { "write-full-2", "write-full-0", "write-full-1", "reopen" },
	  0 },
	{ "gap", { "write-full-2", "write-full-0", "write-full-1", "flush",
		   "discard-full-2", "punch", "reopen" }, 0 },
	{ "dirty", { "write-full-1", "flush", "write-part-0", "zero-full-1",
		     "fua-2" }, 0 },
	/* The footer's 4 KiB, and most of the last sector of a block. */
	{ "cut", { "write-full-0", "write-full-2", "reopen" }, 4096 + 300 },
};

const char *prelude_name(unsigned int nr)
{
	return preludes[nr].name;
}

/* Only dynamic VHDs in files may have been cut; they have a second footer. */
bool prelude_fits(const struct config *config, unsigned int nr)
{
	return !preludes[nr].lost_bytes ||
	       (config->options.format == VHDX_FORMAT_VHD &&
		config->options.type == VHDX_TYPE_DYNAMIC &&
		!config->device_bytes);
}

static void lose_end(struct sim_state *state, u64 bytes)
{
	store_punch(&state->store, state->size - bytes, bytes);
	state->size -= bytes;
	state->lost_bytes = bytes;
}

void prelude_make(struct prelude *prelude, const struct config *config,
		  unsigned int nr)
{
	struct sim_state fresh;
	struct oracle nothing;
	struct run run;
	size_t i;
	int err;

	config_create(config, &fresh);
	oracle_init(&nothing, config_pieces(config));
	prelude->name = preludes[nr].name;
	err = run_start(&run, config, &fresh, &nothing, 0);
	for (i = 0; !err && preludes[nr].steps[i]; i++)
		err = run_step(&run, find_step(preludes[nr].steps[i]));
	if (err) {
		fprintf(stderr, "%s: prelude %s, step %zu: %s (%s)\n",
			config->name, prelude->name, i, strerror(-err),
			vhdx_finding_name(run.report.worst));
		exit(1);
	}
	sim_state_copy(&prelude->state, &run.disk.durable);
	prelude->value = run.value;
	if (preludes[nr].lost_bytes) {
		lose_end(&prelude->state, preludes[nr].lost_bytes);
		content_of(config, &prelude->state, &prelude->content);
		content_promise(&prelude->content, &prelude->oracle);
	} else {
		content_of(config, &prelude->state, &prelude->content);
		oracle_copy(&prelude->oracle, &run.oracle);
	}
	run_stop(&run);
	oracle_destroy(&nothing);
	sim_state_destroy(&fresh);
}

void prelude_destroy(struct prelude *prelude)
{
	sim_state_destroy(&prelude->state);
	oracle_destroy(&prelude->oracle);
	content_destroy(&prelude->content);
}
