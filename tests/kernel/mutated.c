// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutated [--seed S] [--from N] [--count N] [--jobs N] [--sound]
 *	   [--faults KIND] DIR
 *	map mutated images, one after the other, and do with them what one does
 *	with a disk; they are made as files in DIR. With --sound nothing in them
 *	is changed. With --faults some of what is in /sys/kernel/debug/KIND fails
 *	meanwhile: single operations may then fail, all else remains true
 * mutated --seed S --from N --write FILE
 *	only make that image
 *
 * DM_VHDX_TRACE=1 in the environment tells each step.
 *
 * Of each image: the module takes it if and only if the core in this process
 * does. A refused one keeps every byte, and so does one that is mapped
 * read-only. A mapped one shows what the core in this process shows, then what
 * was written to it, and when it is unmapped check finds nothing fatal in it
 * that it did not find before.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutated.h"

#define IMAGE_SECONDS 300

static struct {
	u64 seed, from, count;
	unsigned int jobs;
	const char *dir, *write, *faults;
	bool sound;
} options = { .seed = 1, .count = 50, .jobs = 1 };

static struct tally *tally; /* one for each job, shared */

/* ---- one image ------------------------------------------------------------- */

static void found(struct vhdx_report *report, enum vhdx_finding finding,
		  u64 where, u64 value)
{
	struct verdict *v = container_of(report, struct verdict, report);

	(void)where;
	(void)value;
	if (vhdx_finding_severity(finding) == VHDX_SEVERITY_FATAL)
		v->fatal[finding] = true;
}

static int try_open(struct vhdx_container *container, const char *name,
		    bool writable, bool check, struct verdict *v)
{
	const struct vhdx_open_options how = {
		.name = name, .any_format = true, .writable = writable,
		.check = check,
	};
	struct vhdx_image *image;
	int err;

	memset(&v->report, 0, sizeof(v->report));
	v->report.found = check ? found : NULL;
	v->report.keep_going = check;
	err = vhdx_image_open(container, &how, &v->report, &image);
	if (!err) {
		v->geometry = *vhdx_image_geometry(image);
		vhdx_image_close(image);
	}
	return err;
}

static void judge(struct vhdx_container *container, const char *name,
		  struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	try_open(container, name, false, true, v);
	v->write_err = try_open(container, name, true, false, v);
	v->read_err = try_open(container, name, false, false, v);
}

static bool same_as(const char *path, const struct ram *ram)
{
	struct ram now;
	bool same;
	int err;

	ram_init(&now, 0);
	err = ram_load(&now, path);
	same = !err && ram_same(&now, ram);
	ram_destroy(&now);
	return same;
}

/* The faults of the whole kernel: one job only. */
void set_faults(const struct subject *s, unsigned int percent)
{
	char path[256];
	FILE *file;

	if (!s->faults)
		return;
	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/probability",
		 s->faults);
	file = fopen(path, "w");
	if (!file || fprintf(file, "%u\n", percent) < 0 || fclose(file)) {
		perror(path);
		exit(2);
	}
}

/* After all: nothing fatal that was not there before, and nothing is lost. */
static int judge_again(struct subject *s)
{
	struct vhdx_container_fd file;
	enum vhdx_finding finding;
	struct verdict after;
	int err, fd = open(s->path, O_RDONLY);

	if (fd < 0 || vhdx_container_fd_init(&file, fd))
		return complain(s, "the image has gone", errno);
	/* What is on the disk counts, not what was to go there. */
	if (s->faults)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	judge(&file.container, s->path, &after);
	err = after.read_err ? 0 : subject_verify(s, &file.container);
	close(fd);
	for (finding = 0; finding < VHDX_F_COUNT; finding++)
		if (after.fatal[finding] && !s->before.fatal[finding])
			return complain(s, vhdx_finding_name(finding), 0);
	return after.read_err ?
	       complain(s, "cannot be opened any more", after.read_err) : err;
}

static int map(struct subject *s)
{
	int expected = s->read_only ? s->before.read_err : s->before.write_err;
	int err = subject_map(s);

	if (!err && expected)
		complain(s, "the module takes what the core refuses", expected);
	if (err && !expected && !s->faults)
		complain(s, "the module refuses what the core takes", err);
	return !err == !expected || (err && s->faults) ? err : 1;
}

static int map_and_use(struct subject *s)
{
	unsigned int percent = 1 + chance_below(&s->chance, 20);
	int err;

	/* One of all that mapping allocates would nearly always fail. */
	if (s->faults && chance_below(&s->chance, 2))
		set_faults(s, percent);
	err = map(s);
	if (err) {
		set_faults(s, 0);
		s->tally->refused++;
		if (err > 0 || same_as(s->path, s->ram))
			return err > 0;
		if (!s->faults)
			return complain(s, "refused and changed", 0);
		/* A replay may have come half of the way. */
		subject_learn(s);
		return judge_again(s);
	}
	s->tally->mapped++;
	set_faults(s, percent);
	err = subject_use(s);
	if (subject_unmap(s))
		return complain(s, "cannot be unmapped", errno);
	set_faults(s, 0);
	if (!err && s->read_only && !same_as(s->path, s->ram))
		err = complain(s, "read-only and changed", 0);
	return err ? err : judge_again(s);
}

/* On the disk, before I/O of the disk fails. */
static int save(const struct subject *s)
{
	int fd, err = ram_save(s->ram, s->path);

	if (err)
		return err;
	fd = open(s->path, O_RDONLY);
	err = fd < 0 || fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

static int try_one(u64 number, unsigned int job)
{
	struct subject s = { .number = number, .tally = &tally[job],
			     .faults = options.faults };
	struct ram ram;
	int err;

	chance_init(&s.chance, options.seed, number);
	/* The core draws numbers too. */
	vhdx_platform_seed(chance_next(&s.chance) | 1);
	s.ram = &ram;
	snprintf(s.name, sizeof(s.name), "mutated%u", job);
	snprintf(s.path, sizeof(s.path), "%s/%u.%s", options.dir, job,
		 mutate(&ram, &s.chance, options.sound));
	err = save(&s);
	if (err) {
		err = complain(&s, "cannot be written", err);
	} else {
		judge(&ram.container, s.path, &s.before);
		s.read_only = chance_one(&s.chance, 6);
		err = map_and_use(&s);
	}
	if (!err)
		unlink(s.path);
	free(s.buf);
	ram_destroy(&ram);
	return err;
}

/* ---- all -------------------------------------------------------------------- */

static int work(unsigned int job)
{
	u64 i;

	for (i = job; i < options.count; i += options.jobs) {
		tally[job].number = options.from + i;
		alarm(IMAGE_SECONDS);
		if (try_one(options.from + i, job))
			return 1;
		tally[job].images++;
	}
	return 0;
}

static int run(void)
{
	struct tally all = { 0 };
	unsigned int job;
	int status, bad = 0;

	tally = mmap(NULL, options.jobs * sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		return 2;
	fflush(stdout);
	for (job = 0; job < options.jobs; job++)
		if (!fork())
			_exit(work(job));
	while (wait(&status) > 0) {
		if (WIFSIGNALED(status))
			printf("a job died of signal %d\n", WTERMSIG(status));
		bad |= status;
	}
	for (job = 0; job < options.jobs; job++) {
		all.images += tally[job].images;
		all.mapped += tally[job].mapped;
		all.refused += tally[job].refused;
		all.steps += tally[job].steps;
		all.failed_steps += tally[job].failed_steps;
		all.compactions += tally[job].compactions;
		if (bad)
			printf("job %u was at image %llu\n", job,
			       (unsigned long long)tally[job].number);
	}
	printf("seed %llu, images %llu to %llu: %llu done, %llu refused, %llu mapped; ",
	       (unsigned long long)options.seed,
	       (unsigned long long)options.from,
	       (unsigned long long)(options.from + options.count - 1),
	       (unsigned long long)all.images, (unsigned long long)all.refused,
	       (unsigned long long)all.mapped);
	printf("%llu steps, %llu of them refused, %llu compactions\n",
	       (unsigned long long)all.steps,
	       (unsigned long long)all.failed_steps,
	       (unsigned long long)all.compactions);
	return bad || all.images != options.count;
}

static int write_only(void)
{
	struct chance chance;
	struct verdict verdict;
	struct ram ram;

	chance_init(&chance, options.seed, options.from);
	vhdx_platform_seed(chance_next(&chance) | 1);
	printf("%s: ", mutate(&ram, &chance, options.sound));
	judge(&ram.container, options.write, &verdict);
	printf("%d for reading, %d for writing, %s\n", verdict.read_err,
	       verdict.write_err, vhdx_finding_name(verdict.report.worst));
	return ram_save(&ram, options.write) ? 1 : 0;
}

static u64 number(const char *text)
{
	char *end;
	u64 value = strtoull(text, &end, 0);

	if (*text && !*end)
		return value;
	fprintf(stderr, "mutated: not a number: %s\n", text);
	exit(2);
}

int main(int argc, char **argv)
{
	static int sound;
	static const struct option longs[] = {
		{ "seed", 1, NULL, 's' }, { "from", 1, NULL, 'f' },
		{ "count", 1, NULL, 'c' }, { "jobs", 1, NULL, 'j' },
		{ "write", 1, NULL, 'w' }, { "faults", 1, NULL, 'e' },
		{ "sound", 0, &sound, 1 }, { 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			options.seed = number(optarg);
			break;
		case 'f':
			options.from = number(optarg);
			break;
		case 'c':
			options.count = number(optarg);
			break;
		case 'j':
			options.jobs = number(optarg);
			break;
		case 'w':
			options.write = optarg;
			break;
		case 'e':
			options.faults = optarg;
			break;
		case 0:
			break;
		default:
			return 2;
		}
	}
	options.sound = sound;
	if (options.write)
		return write_only();
	if (optind != argc - 1 || !options.jobs ||
	    (options.faults && options.jobs > 1)) {
		fputs("usage: mutated [--seed S] [--from N] [--count N] [--jobs N] [--sound]\n"
		      "               [--faults KIND] DIR\n"
		      "       mutated --seed S --from N [--sound] --write FILE\n",
		      stderr);
		return 2;
	}
	options.dir = argv[optind];
	return run();
}
