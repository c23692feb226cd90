// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adds up what runs of the crash simulator have recorded. A state that several
 * runs have seen counts once.
 *
 *	total STATES INNER FILE...
 *
 * prints TAP: at least so many distinct states, at least so many cuts inside
 * replays.
 */
#include <inttypes.h>
#include <stdio.h>

#include "hashset.h"

/* As crash.c writes them. */
struct figures {
	uint64_t seed;
	uint64_t sequences;
	uint64_t states;
	uint64_t checked;
	uint64_t inner;
	uint64_t faults;
};

static struct hashset distinct;
static struct figures sum;

static bool add(const char *path)
{
	FILE *f = fopen(path, "r");
	struct figures figures;
	uint64_t hash;
	bool good;

	if (!f)
		return false;
	good = fread(&figures, sizeof(figures), 1, f) == 1;
	while (good && fread(&hash, sizeof(hash), 1, f) == 1)
		hashset_add(&distinct, hash);
	good = good && !ferror(f);
	fclose(f);
	sum.sequences += figures.sequences;
	sum.states += figures.states;
	sum.checked += figures.checked;
	sum.inner += figures.inner;
	sum.faults += figures.faults;
	return good;
}

static bool enough(unsigned int test, uint64_t count, const char *wanted,
		   const char *what)
{
	bool good = count >= strtoull(wanted, NULL, 0);

	printf("%sok %u - %" PRIu64 " %s, at least %s\n", good ? "" : "not ",
	       test, count, what, wanted);
	return good;
}

int main(int argc, char **argv)
{
	bool good;
	int i;

	if (argc < 4) {
		fputs("total STATES INNER FILE...\n", stderr);
		return 2;
	}
	for (i = 3; i < argc; i++) {
		if (!add(argv[i])) {
			perror(argv[i]);
			return 1;
		}
	}
	printf("# %" PRIu64 " workloads, %" PRIu64 " crash states, %" PRIu64
	       " checked, %" PRIu64 " runs with faults\n", sum.sequences,
	       sum.states, sum.checked, sum.faults);
	good = enough(1, distinct.used, argv[1], "distinct states");
	good &= enough(2, sum.inner, argv[2], "cuts inside replays");
	puts("1..2");
	free(distinct.slot);
	return good ? 0 : 1;
}
