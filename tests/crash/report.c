// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telling what went wrong, so that it can be done again.
 */
#include <inttypes.h>
#include <stdio.h>

#include "crash.h"
#include "ram.h"

static void print_steps(const struct crash *crash)
{
	char **arg;
	size_t i;

	fprintf(stderr, "again: --seed=%" PRIu64 " --only=%s --prelude=%s --run=",
		crash->seed, crash->config->name, crash->prelude->name);
	for (i = 0; i < crash->nr_steps; i++)
		fprintf(stderr, "%s%s", i ? "," : "", crash->steps[i]->name);
	fputs("\nor the same cut:", stderr);
	for (arg = crash->args; *arg; arg++)
		fprintf(stderr, " %s", *arg);
	fputc('\n', stderr);
}

static void print_pending(const struct sim_disk *disk,
			  const struct sim_cut *cut)
{
	char line[100];
	size_t i;

	fprintf(stderr, "after flush %" PRIu64 ", pending:\n", disk->flushes);
	for (i = 0; i < disk->changes; i++) {
		sim_change_print(&disk->change[i], line, sizeof(line));
		fprintf(stderr, "  %3zu %s %s", i, line,
			!cut ? "" : cut->survives[i] ? "survives" : "lost");
		if (cut && cut->torn == (int)i)
			fprintf(stderr, ", torn: only sectors %" PRIu64
				" to %" PRIu64, cut->torn_from,
				cut->torn_to - 1);
		if (cut && cut->swapped == (int)i)
			fprintf(stderr, ", before %d", cut->swapped_before);
		fputc('\n', stderr);
	}
}

static void save_bad(const char *path, const struct sim_state *bad)
{
	struct ram ram;
	int err;

	ram_init(&ram, bad->size);
	store_share(&ram.store, &bad->store, 0, bad->size);
	err = ram_save(&ram, path);
	fprintf(stderr, "%s %s\n", err ? "cannot save" : "saved", path);
	ram_destroy(&ram);
}

void crash_failed(struct crash *crash, const struct sim_disk *disk,
		  const struct sim_cut *cut, const char *why,
		  const struct sim_state *bad)
{
	crash->failed = true;
	fprintf(stderr, "\nFAILED: %s\nat step %zu of %zu (%s)\n", why,
		crash->at_step + 1, crash->nr_steps,
		crash->at_step < crash->nr_steps ?
		crash->steps[crash->at_step]->name : "the end");
	print_steps(crash);
	if (disk)
		print_pending(disk, cut);
	if (bad && crash->save)
		save_bad(crash->save, bad);
}
