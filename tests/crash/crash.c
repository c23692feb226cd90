// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crash simulator. Runs workloads on the core over a simulated disk and
 * cuts the power everywhere; see verify.c for what must hold afterwards.
 */
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

#include "crash.h"
#include "platform-user.h"

/* Steps that exhaustive sequences are made of: the first of the table. */
#define BASIC_STEPS 17

struct options {
	unsigned int ops;
	unsigned int random;
	unsigned int length;
	unsigned int faults;
	unsigned int fault_ops;
	bool wrap;
	const char *record;
	const char *only;
	const char *prelude;
	const char *run;
};

/* ---- one workload -------------------------------------------------------- */

void crash_reseed(const struct crash *crash, u64 flushes)
{
	u64 seed = crash->seed + flushes * 1000003;

	vhdx_platform_seed(next_random(&seed) | 1);
}

static bool one_in(struct crash *crash, unsigned int n)
{
	return n && next_random(&crash->cuts.seed) % n == 0;
}

static bool check_new(struct crash *crash, const struct sim_disk *disk,
		      const struct sim_cut *cut, const struct sim_state *state)
{
	struct verify v = {
		.depth = one_in(crash, crash->depth_every),
		.go_on = one_in(crash, crash->go_on_every),
		.bytewise = one_in(crash, crash->go_on_every),
		.origin = &crash->prelude->state,
		.origin_content = &crash->prelude->content,
		.cuts = { .exhaustive = 4, .random = 2, .sparse = true,
			  .seed = crash->cuts.seed },
	};

	crash->checked++;
	if (!verify_state(&v, crash->config, state, &crash->run->oracle)) {
		crash_failed(crash, disk, cut, v.why, &v.bad);
		sim_state_destroy(&v.bad);
	}
	crash->inner += v.inner;
	return !crash->failed;
}

bool crash_cut(const struct sim_disk *disk, const struct sim_cut *cut,
	       void *arg)
{
	struct crash *crash = arg;
	struct sim_state state;
	bool good = true;
	u64 hash;

	sim_disk_cut(disk, cut, &state);
	hash = sim_state_hash(&state);
	crash->states++;
	crash->distinct += hashset_add(&crash->bytes_seen, hash);
	hash = (hash ^ oracle_hash(&crash->run->oracle)) +
	       (crash->config - configs);
	if (hashset_add(&crash->seen, hash))
		good = check_new(crash, disk, cut, &state);
	sim_state_destroy(&state);
	return good && !(crash->limit && crash->distinct >= crash->limit);
}

static bool is_over(const struct crash *crash)
{
	return crash->failed ||
	       (crash->limit && crash->distinct >= crash->limit);
}

static void try_cuts(struct sim_disk *disk, void *arg)
{
	struct crash *crash = arg;

	if (crash->at_step >= crash->from_step && !is_over(crash))
		cuts_for_each(disk, &crash->cuts, crash_cut, crash);
	crash_reseed(crash, disk->flushes);
}

static void live_check(struct crash *crash, struct run *run)
{
	struct verify v = { .bytewise = crash->at_step == crash->nr_steps };

	if (crash->failed || verify_live(&v, run, true))
		return;
	crash_failed(crash, &run->disk, NULL, v.why, &v.bad);
	sim_state_destroy(&v.bad);
}

static void do_steps(struct crash *crash, struct run *run)
{
	char why[100];
	int err;

	for (crash->at_step = 0; crash->at_step < crash->nr_steps;
	     crash->at_step++) {
		if (is_over(crash))
			return;
		err = run_step(run, crash->steps[crash->at_step]);
		if (err || run->disk.misuse) {
			snprintf(why, sizeof(why), "the step says %s",
				 err ? strerror(-err) : "misuse");
			crash_failed(crash, &run->disk, NULL, why, NULL);
			return;
		}
		if (run->image && (crash->nr_steps < 10 ||
				   crash->at_step % 16 == 0))
			live_check(crash, run);
	}
	live_check(crash, run);
	if (!is_over(crash) && run->disk.changes)
		try_cuts(&run->disk, crash);
}

/* crash->steps on the current config and prelude. */
static void run_sequence(struct crash *crash)
{
	struct run run;

	crash_reseed(crash, 0);
	if (run_start(&run, crash->config, &crash->prelude->state,
		      &crash->prelude->oracle, crash->prelude->value)) {
		crash_failed(crash, NULL, NULL, "cannot open the prelude",
			     &crash->prelude->state);
	} else {
		crash->run = &run;
		run.disk.before_flush = try_cuts;
		run.disk.arg = crash;
		do_steps(crash, &run);
	}
	run_stop(&run);
	crash->sequences++;
}

/* ---- many workloads --------------------------------------------------------- */

typedef void run_fn(struct crash *crash);

/* All sequences of exactly @length basic steps. */
static void run_all(struct crash *crash, unsigned int length, run_fn *run)
{
	u64 count = 1, nr, rest;
	unsigned int i;

	for (i = 0; i < length; i++)
		count *= BASIC_STEPS;
	for (nr = 0; nr < count && !is_over(crash); nr++) {
		for (i = length, rest = nr; i > 0; i--, rest /= BASIC_STEPS)
			crash->steps[i - 1] = &steps[rest % BASIC_STEPS];
		crash->nr_steps = length;
		/* What happens earlier is another, shorter sequence. */
		crash->from_step = length - 1;
		run(crash);
	}
}

static void pick_steps(struct crash *crash, unsigned int length)
{
	unsigned int i;

	crash->nr_steps = length;
	for (i = 0; i < length; i++)
		crash->steps[i] = &steps[next_random(&crash->random_seed) %
					 nr_steps];
}

static void run_random(struct crash *crash, unsigned int count,
		       unsigned int length)
{
	struct cuts cuts = crash->cuts;
	unsigned int i;

	crash->cuts = (struct cuts){ .exhaustive = 3, .random = 3,
				     .sparse = true, .seed = cuts.seed };
	crash->from_step = 0;
	for (i = 0; i < count && !is_over(crash); i++) {
		pick_steps(crash, length);
		run_sequence(crash);
	}
	crash->cuts = cuts;
}

/*
 * Commit until the log, the smallest there may be, has gone round. Entries of
 * one page wrap after 512 of the steps, those of three after 256.
 */
static void run_wrap(struct crash *crash)
{
	static const char *const round[] = {
		"write-part-0", "write-part-1", "write-part-2", "flush",
		"discard-full-0", "discard-full-1", "discard-full-2", "flush",
	};
	struct cuts cuts = crash->cuts;
	unsigned int i;

	crash->cuts = (struct cuts){ .exhaustive = 2, .random = 1,
				     .sparse = true, .seed = cuts.seed };
	crash->from_step = 240;
	crash->nr_steps = 540;
	for (i = 0; i < crash->nr_steps; i++)
		crash->steps[i] = find_step(round[i % ARRAY_SIZE(round)]);
	run_sequence(crash);
	crash->cuts = cuts;
}

static void run_faults(struct crash *crash, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count && !is_over(crash); i++) {
		pick_steps(crash, 2 + i % 6);
		crash_faults(crash);
	}
}

static void run_named(struct crash *crash, const char *names, bool faults)
{
	char *copy = strdup(names), *name, *rest = copy;

	crash->nr_steps = 0;
	while ((name = strsep(&rest, ",")) != NULL) {
		const struct step *step = find_step(name);

		if (!step || crash->nr_steps == CRASH_MAX_STEPS) {
			fprintf(stderr, "no such step: %s\n", name);
			exit(1);
		}
		crash->steps[crash->nr_steps++] = step;
	}
	free(copy);
	crash->from_step = 0;
	if (faults)
		crash_faults(crash);
	else
		run_sequence(crash);
}

static void run_prelude(struct crash *crash, const struct options *o)
{
	unsigned int length;

	if (o->run) {
		run_named(crash, o->run, o->faults);
		return;
	}
	for (length = 1; length <= o->ops; length++)
		run_all(crash, length, run_sequence);
	run_random(crash, o->random, o->length);
	if (o->wrap && !is_over(crash))
		run_wrap(crash);
	for (length = 1; length <= o->fault_ops; length++)
		run_all(crash, length, crash_faults);
	run_faults(crash, o->faults);
}

static void run_config(struct crash *crash, const struct options *o)
{
	struct prelude prelude;
	unsigned int nr;

	crash->random_seed = crash->seed;
	for (nr = 0; nr < NR_PRELUDES && !is_over(crash); nr++) {
		if (!prelude_fits(crash->config, nr) ||
		    (o->prelude && strcmp(o->prelude, prelude_name(nr))))
			continue;
		crash_reseed(crash, nr + 1000);
		prelude_make(&prelude, crash->config, nr);
		crash->prelude = &prelude;
		run_prelude(crash, o);
		prelude_destroy(&prelude);
	}
}

/* One line of TAP for each kind of image. */
static void run_configs(struct crash *crash, const struct options *o)
{
	unsigned int tests = 0;
	size_t i;

	for (i = 0; i < nr_configs && !is_over(crash); i++) {
		u64 before = crash->distinct;

		if (o->only && strcmp(o->only, configs[i].name))
			continue;
		crash->config = &configs[i];
		run_config(crash, o);
		printf("%sok %u - %s: %" PRIu64 " distinct states\n",
		       crash->failed ? "not " : "", ++tests, configs[i].name,
		       crash->distinct - before);
		fflush(stdout);
	}
	printf("1..%u\n", tests);
}

static void print_result(const struct crash *crash)
{
	printf("# %" PRIu64 " workloads, %" PRIu64 " crash states, %" PRIu64
	       " distinct, %" PRIu64 " checked, %" PRIu64
	       " crashes inside replays, %" PRIu64 " runs with faults: %s\n",
	       crash->sequences, crash->states, crash->distinct,
	       crash->checked, crash->inner, crash->faults,
	       crash->failed ? "FAILED" : "0 illegal");
}

/*
 * For runs in many pieces: the figures, and the hashes of the states, by which
 * distinct states are counted over all the pieces.
 */
static bool write_record(const struct crash *crash, const char *path)
{
	const u64 figures[] = {
		crash->seed, crash->sequences, crash->states, crash->checked,
		crash->inner, crash->faults,
	};
	const struct hashset *seen = &crash->bytes_seen;
	FILE *f = fopen(path, "w");
	u64 i;

	if (!f)
		return false;
	fwrite(figures, sizeof(figures), 1, f);
	for (i = 0; i < seen->slots; i++)
		if (seen->slot[i])
			fwrite(&seen->slot[i], sizeof(seen->slot[i]), 1, f);
	return !ferror(f) & !fclose(f);
}

static void usage(void)
{
	unsigned int nr;
	size_t i;

	puts("crash [--seed=N] [--ops=N] [--random=N] [--length=N] [--faults=N]\n"
	     "      [--states=N] [--only=CONFIG] [--prelude=NAME] [--run=STEP,...]\n"
	     "      [--depth-every=N] [--go-on-every=N] [--subsets=N]\n"
	     "      [--fault-ops=N] [--wrap] [--every-tear] [--save=FILE]\n"
	     "      [--record=FILE]");
	for (i = 0; i < nr_configs; i++)
		printf("config %s\n", configs[i].name);
	for (i = 0; i < nr_configs; i++)
		for (nr = 0; nr < NR_PRELUDES; nr++)
			if (prelude_fits(&configs[i], nr))
				printf("prelude %s %s\n", configs[i].name,
				       prelude_name(nr));
	for (i = 0; i < nr_steps; i++)
		printf("step %s\n", steps[i].name);
	exit(1);
}

static void set_text(struct crash *crash, struct options *o, int c)
{
	switch (c) {
	case 'c':
		o->only = optarg;
		break;
	case 'p':
		o->prelude = optarg;
		break;
	case 'x':
		o->run = optarg;
		break;
	case 'w':
		crash->save = optarg;
		break;
	case 'R':
		o->record = optarg;
		break;
	default:
		usage();
	}
}

static void set_option(struct crash *crash, struct options *o, int c)
{
	u64 n = optarg ? strtoull(optarg, NULL, 0) : 0;

	switch (c) {
	case 's':
		crash->seed = n;
		break;
	case 'o':
		o->ops = n;
		break;
	case 'r':
		o->random = n;
		break;
	case 'l':
		o->length = min_t(u64, n, CRASH_MAX_STEPS);
		break;
	case 'f':
		o->faults = n;
		break;
	case 'F':
		o->fault_ops = n;
		break;
	case 'n':
		crash->limit = n;
		break;
	case 'd':
		crash->depth_every = n;
		break;
	case 'g':
		crash->go_on_every = n;
		break;
	case 'k':
		crash->cuts.random = n;
		break;
	case 'W':
		o->wrap = true;
		break;
	case 't':
		crash->cuts.every_tear = true;
		break;
	default:
		set_text(crash, o, c);
	}
}

static void parse(struct crash *crash, struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "seed", 1, NULL, 's' }, { "ops", 1, NULL, 'o' },
		{ "random", 1, NULL, 'r' }, { "length", 1, NULL, 'l' },
		{ "faults", 1, NULL, 'f' }, { "states", 1, NULL, 'n' },
		{ "only", 1, NULL, 'c' }, { "prelude", 1, NULL, 'p' },
		{ "run", 1, NULL, 'x' }, { "depth-every", 1, NULL, 'd' },
		{ "go-on-every", 1, NULL, 'g' }, { "subsets", 1, NULL, 'k' },
		{ "every-tear", 0, NULL, 't' }, { "wrap", 0, NULL, 'W' },
		{ "save", 1, NULL, 'w' }, { "record", 1, NULL, 'R' },
		{ "fault-ops", 1, NULL, 'F' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		set_option(crash, o, c);
	if (optind != argc)
		usage();
}

int main(int argc, char **argv)
{
	struct options o = { .ops = 2, .random = 4, .length = 200 };
	static struct crash crash = {
		.seed = 1, .depth_every = 20, .go_on_every = 20,
		.cuts = { .exhaustive = CUTS_EXHAUSTIVE, .random = 32 },
	};

	/* Each state reads a log: its buffer does not come from the kernel. */
	mallopt(M_MMAP_THRESHOLD, 1 << 28);
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
	parse(&crash, &o, argc, argv);
	crash.cuts.seed = crash.seed ^ 0xc0ffee;
	printf("# seed %" PRIu64 "\n", crash.seed);
	fflush(stdout);
	crash.args = argv + 1;
	run_configs(&crash, &o);
	print_result(&crash);
	if (!crash.sequences && !crash.faults) {
		fputs("no such image, or it never starts like this\n", stderr);
		crash.failed = true;
	}
	if (!crash.failed && o.record && !write_record(&crash, o.record)) {
		perror(o.record);
		crash.failed = true;
	}
	free(crash.seen.slot);
	free(crash.bytes_seen.slot);
	return crash.failed ? 1 : 0;
}
