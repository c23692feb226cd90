/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where workloads start.
 */
#ifndef CRASH_PRELUDE_H
#define CRASH_PRELUDE_H

#include "verify.h"

#define NR_PRELUDES 9

/**
 * struct prelude - a state to start workloads from
 * @name: for messages
 * @state: the file
 * @oracle: what is in it
 * @content: what it shows
 * @value: the last stamp used
 */
struct prelude {
	const char *name;
	struct sim_state state;
	struct oracle oracle;
	struct content content;
	u32 value;
};

const char *prelude_name(unsigned int nr);
bool prelude_fits(const struct config *config, unsigned int nr);
/* Exits if it cannot be made. */
void prelude_make(struct prelude *prelude, const struct config *config,
		  unsigned int nr);
void prelude_destroy(struct prelude *prelude);

#endif
