// SPDX-License-Identifier: GPL-2.0-only
/*
 * log-writes [OPTION...] IMAGE BYTES LOW TOP - every state that a power cut could
 *	have left
 *
 * An image lay on a device of BYTES bytes, whose writes are in the log LOW; the
 * writes to the disk that it shows are in the log TOP. The same marks are in
 * both: all that TOP has before a mark was acknowledged when LOW got it. A log is
 * FILE or, if it begins further in, FILE@BYTE.
 *
 *   --seed=N      for all that is random [1]
 *   --random=N    subsets of the writes between two flushes [2]
 *   --every=N     reorder and tear at one boundary in N only [1]
 *   --keep=DIR    save some states there, as sparse files
 *   --states=N    that many [4]
 *   --from=MARK   not before that mark
 *   --drop=N      of the writes that change the disk leave every Nth out, as if its
 *		   flush had been forgotten: that must not go unnoticed
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cuts.h"
#include "hashset.h"
#include "log-verify.h"

#define KEEP_MAX 64
#define SERIES_MAX 16
#define FAILURES_MAX 5

/* A state that is to be saved: at which boundary, and which one of those there. */
struct keep {
	u64 boundary;
	u64 state;
};

/* The last mark of each kind: "name.number". */
struct series {
	char name[LOG_MARK_MAX];
	char number[LOG_MARK_MAX];
};

static struct replay {
	struct sim_disk disk;
	struct cuts cuts;
	struct log_verify verify;
	const struct log_file *top;
	struct log_entry top_at;	/* of which durable ones were forgotten */
	struct hashset distinct;
	struct series series[SERIES_MAX];
	struct keep keep[KEEP_MAX];
	const char *dir;
	const char *from;
	u64 seed, every, keeps, kept, drop;
	u64 boundaries, crowded, hooks, in_hook;
	bool last;		/* of the states at this boundary */
	u64 prefixes, reordered, torn, failures, marks, writes;
} r = { .seed = 1, .every = 1, .keeps = 4, .cuts = { .random = 2 } };

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- files ------------------------------------------------------------------ */

static void load(struct sim_state *state, const char *path)
{
	static u8 buf[STORE_LEAF];
	int fd = open(path, O_RDONLY);
	ssize_t got;
	u64 at = 0;

	if (fd < 0)
		die(path);
	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		ssize_t done, part;

		for (done = 0; done < got; done += part) {
			part = min_t(ssize_t, got - done, STORE_PAGE);
			if (!vhdx_is_zero(buf + done, part))
				store_write(&state->store, at + done,
					    buf + done, part);
		}
		at += got;
	}
	close(fd);
	if (got < 0 || at > state->size)
		die(path);
}

static void save_marks(const char *path)
{
	FILE *f = fopen(path, "w");
	int i;

	if (!f)
		die(path);
	for (i = 0; i < SERIES_MAX && r.series[i].name[0]; i++)
		fprintf(f, "%s %s\n", r.series[i].name, r.series[i].number);
	if (fclose(f))
		die(path);
}

static void save(const struct sim_state *state, const char *name)
{
	char path[4096];
	u64 at = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.vhdx", r.dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || ftruncate(fd, state->size))
		die(path);
	while ((at = store_next_data(&state->store, at, state->size)) <
	       state->size) {
		if (pwrite(fd, store_page(&state->store, at), STORE_PAGE, at) !=
		    STORE_PAGE)
			die(path);
		at += STORE_PAGE;
	}
	close(fd);
	snprintf(path, sizeof(path), "%s/%s.marks", r.dir, name);
	save_marks(path);
}

/* ---- states ------------------------------------------------------------------- */

static void complain(const struct sim_state *state)
{
	char name[32];

	if (r.failures++ >= FAILURES_MAX)
		return;
	printf("# ILLEGAL at boundary %" PRIu64 ", state %" PRIu64 ": %s\n",
	       r.boundaries, r.in_hook, r.verify.why);
	if (!r.dir)
		return;
	snprintf(name, sizeof(name), "bad-%" PRIu64, r.failures);
	save(state, name);
}

/* The last one there stands for all that there are not. */
static void keep_state(const struct sim_state *state)
{
	char name[32];
	u64 i;

	for (i = 0; r.dir && i < r.keeps; i++) {
		if (r.keep[i].boundary != r.boundaries ||
		    (r.keep[i].state != r.in_hook &&
		     (!r.last || r.keep[i].state < r.in_hook)))
			continue;
		snprintf(name, sizeof(name), "%03" PRIu64, r.kept++);
		save(state, name);
	}
}

static void try_state(const struct sim_state *state)
{
	if (hashset_add(&r.distinct, sim_state_hash(state) ^
			r.verify.durable * 0x9e3779b97f4a7c15ULL) &&
	    !log_verify_state(&r.verify, state))
		complain(state);
	keep_state(state);
	r.in_hook++;
}

static bool is_prefix(const struct sim_disk *disk, const struct sim_cut *cut)
{
	size_t i;

	for (i = 0; i < disk->changes; i++)
		if (cut->survives[i] != cut->survives[0])
			return false;
	return cut->torn < 0 && cut->swapped < 0;
}

static bool try_cut(const struct sim_disk *disk, const struct sim_cut *cut,
		    void *arg)
{
	struct sim_state state;

	(void)arg;
	if (is_prefix(disk, cut))
		r.prefixes++;
	else if (cut->torn >= 0)
		r.torn++;
	else
		r.reordered++;
	sim_disk_cut(disk, cut, &state);
	try_state(&state);
	sim_state_destroy(&state);
	return true;
}

/* Right before a flush: what it is going to make durable is not yet. */
static void before_flush(struct sim_disk *disk, void *arg)
{
	r.in_hook = 0;
	if (disk->changes > SIM_MAX_CHANGES)
		r.crowded++;
	else if (r.hooks++ % r.every == 0)
		cuts_for_each(disk, &r.cuts, try_cut, arg);
	/* Otherwise the boundary only, which is the state after the flush. */
}

static void boundary(void)
{
	r.in_hook = 0;
	vhdx_flush(&r.disk.container);
	r.prefixes++;
	r.last = true;
	try_state(&r.disk.durable);
	r.last = false;
	r.boundaries++;
}

/* ---- marks --------------------------------------------------------------------- */

static void note_series(const char *mark)
{
	const char *dot = strrchr(mark, '.');
	size_t len = dot ? (size_t)(dot - mark) : strlen(mark);
	int i;

	for (i = 0; i < SERIES_MAX - 1 && r.series[i].name[0]; i++)
		if (strlen(r.series[i].name) == len &&
		    !memcmp(r.series[i].name, mark, len))
			break;
	snprintf(r.series[i].name, LOG_MARK_MAX, "%.*s", (int)len, mark);
	snprintf(r.series[i].number, LOG_MARK_MAX, "%s", dot ? dot + 1 : "0");
}

/* What the mark acknowledges must be there from now on. */
static void mark(const char *name)
{
	s64 durable = history_at_mark(&r.verify.history, name);

	if (!strcmp(name, LOG_END_MARK))
		return;
	if (durable < 0) {
		printf("# mark %s is not in both logs\n", name);
		exit(2);
	}
	r.marks++;
	note_series(name);
	if ((u64)durable <= r.verify.durable)
		return;
	r.verify.durable = durable;
	while (r.top_at.index < (u64)durable &&
	       log_file_next(r.top, &r.top_at))
		if (r.top_at.len)
			log_verify_forget(&r.verify, r.top_at.offset,
					  r.top_at.len);
	r.in_hook = U64_MAX;	/* at no boundary */
	try_state(&r.disk.durable);
}

/* ---- the log ----------------------------------------------------------------------- */

static bool is_boundary(const struct log_entry *entry)
{
	return entry->flags & (LOG_FLUSH | LOG_FUA);
}

static bool changes_disk(const struct log_entry *entry)
{
	u8 now[HISTORY_SECTOR];
	u64 at;

	for (at = 0; at < entry->len; at += sizeof(now))
		if (vhdx_read(&r.disk.container, entry->offset + at, now,
			      sizeof(now)) ||
		    memcmp(now, entry->data + at, sizeof(now)))
			return true;
	return false;
}

/* New blocks are zeroed where the disk is zero already: nobody would miss that. */
static bool is_dropped(const struct log_entry *entry)
{
	return r.drop && changes_disk(entry) && ++r.writes % r.drop == 0;
}

static void play(const struct log_entry *entry)
{
	struct vhdx_container *c = &r.disk.container;
	int err = 0;

	if (entry->flags & LOG_MARK) {
		mark(entry->mark);
		return;
	}
	if (entry->flags & LOG_FLUSH && entry->len)
		boundary();
	if (entry->flags & LOG_DISCARD)
		err = c->ops->punch(c, entry->offset, entry->len);
	else if (entry->len && !is_dropped(entry))
		err = vhdx_write(c, entry->offset, entry->data, entry->len);
	if (err) {
		fprintf(stderr, "log-writes: entry %" PRIu64 ": %s\n",
			entry->index, strerror(-err));
		exit(2);
	}
	if (is_boundary(entry))
		boundary();
}

/* Which states to keep, seeded, none before the mark. */
static void choose(const struct log_file *low)
{
	struct log_entry entry = { 0 };
	u64 total = 0, first = 0, state = r.seed, i;

	while (log_file_next(low, &entry)) {
		if (r.from && !strcmp(entry.mark, r.from))
			first = total;
		total += is_boundary(&entry);
	}
	for (i = 0; i < r.keeps && total > first; i++) {
		r.keep[i].boundary = first +
				     next_random(&state) % (total - first);
		r.keep[i].state = next_random(&state) % 6;
	}
}

static void print_figures(void)
{
	printf("# seed %" PRIu64 ": %" PRIu64 " boundaries (%" PRIu64
	       " too crowded to reorder), %" PRIu64 " marks, ", r.seed,
	       r.boundaries, r.crowded, r.marks);
	printf("%" PRIu64 " prefixes, %" PRIu64 " reordered, %" PRIu64
	       " torn, %" PRIu64 " distinct, ", r.prefixes, r.reordered, r.torn,
	       r.distinct.used);
	printf("%" PRIu64 " kept, %" PRIu64 " illegal\n", r.kept, r.failures);
}

static int replay(char **argv)
{
	struct sim_state start = { .size = strtoull(argv[1], NULL, 0),
				   .device = true };
	struct log_file low, top;
	struct log_entry entry = { 0 };

	store_init(&start.store);
	load(&start, argv[0]);
	log_file_open(&low, argv[2]);
	log_file_open(&top, argv[3]);
	choose(&low);
	r.top = &top;
	r.cuts.sparse = true;
	r.cuts.seed = r.seed;
	log_verify_init(&r.verify, &start, &top);
	sim_disk_init(&r.disk, &start);
	r.disk.before_flush = before_flush;
	while (log_file_next(&low, &entry))
		play(&entry);
	boundary();
	print_figures();
	sim_disk_destroy(&r.disk);
	log_verify_destroy(&r.verify);
	sim_state_destroy(&start);
	log_file_close(&low);
	log_file_close(&top);
	return r.failures || !r.boundaries || !r.marks;
}

static void set(const char *option, const char *value)
{
	u64 number = strtoull(value, NULL, 0);

	if (!strcmp(option, "seed"))
		r.seed = number;
	else if (!strcmp(option, "random"))
		r.cuts.random = number;
	else if (!strcmp(option, "every"))
		r.every = number;
	else if (!strcmp(option, "states"))
		r.keeps = number;
	else if (!strcmp(option, "drop"))
		r.drop = number;
	else if (!strcmp(option, "keep"))
		r.dir = value;
	else if (!strcmp(option, "from"))
		r.from = value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 0 },
		{ "random", required_argument, NULL, 0 },
		{ "every", required_argument, NULL, 0 },
		{ "keep", required_argument, NULL, 0 },
		{ "states", required_argument, NULL, 0 },
		{ "drop", required_argument, NULL, 0 },
		{ "from", required_argument, NULL, 0 },
		{ 0 }
	};
	int c, which;

	while ((c = getopt_long(argc, argv, "", options, &which)) != -1) {
		if (c)
			return 2;
		set(options[which].name, optarg);
	}
	argv += optind;
	argc -= optind;
	if (argc != 4 || r.keeps > KEEP_MAX || !r.every) {
		fprintf(stderr, "usage: log-writes [OPTION...] IMAGE BYTES LOW TOP\n");
		return 2;
	}
	return replay(argv);
}
