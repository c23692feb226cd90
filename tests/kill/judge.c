// SPDX-License-Identifier: GPL-2.0-only
/*
 * judge - what a killed machine has left
 *
 *   judge create DISK FORMAT TYPE BLOCK-BYTES SECTOR-BYTES BYTES
 *	make an image that fills DISK, as on a block device
 *   judge start JOURNAL SEED ROUND SECTORS device|file TABLE
 *	tell the guest that waits what to do
 *   judge watch JOURNAL
 *	print "STATE ERRNO FLUSHES OPERATIONS"
 *   judge verify IMAGE device|file JOURNAL MODEL SEED ROUND
 *	demand of every unit what the last flush that was acknowledged had to
 *	save, or what was asked for later. MODEL holds what is there, from one
 *	round to the next; it begins as an empty file.
 *
 * Status: 0; 1 not judged; 3 something was lost or is wrong.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/create.h"
#include "core/image.h"
#include "lib/container-fd.h"

#include "journal.h"
#include "plan.h"

#define PIECE_UNITS 2048
#define COMPLAINTS 5
#define START_SECONDS 60

/**
 * struct unit - what one unit may show
 * @id: what is durable, or was there
 * @since: numbers of operations of this round from here on may have come later
 * @zeroed: one of these made it zeros
 * @touched: there are such operations
 */
struct unit {
	u64 id;
	u64 since;
	bool zeroed;
	bool touched;
};

static struct {
	struct vhdx_container_fd file;
	struct vhdx_image *image;
	const struct journal *journal;
	struct plan plan;
	struct unit *unit;
	u64 *model;
	u64 lost;	/* an older value, although a newer one was flushed */
	u64 wrong;	/* a value that was never asked for here */
} j;

static int die(const char *what, int err)
{
	fprintf(stderr, "judge: %s: %s\n", what, strerror(err));
	exit(1);
}

/* Of a file that stands for a block device, or just a file. */
static void open_container(const char *path, bool device, int flags)
{
	struct stat st;
	int fd = open(path, flags | O_CLOEXEC), err;

	if (fd < 0 || fstat(fd, &st))
		die(path, errno);
	err = vhdx_container_fd_init(&j.file, fd);
	if (err)
		die(path, -err);
	j.file.container.fixed_size = device;
	j.file.device_bytes = st.st_size;
}

static int create(char **arg)
{
	const struct vhdx_create_options options = {
		.format = strcmp(arg[1], "vhd") ? VHDX_FORMAT_VHDX :
						  VHDX_FORMAT_VHD,
		.type = strcmp(arg[2], "fixed") ? VHDX_TYPE_DYNAMIC :
						  VHDX_TYPE_FIXED,
		.block_bytes = strtoul(arg[3], NULL, 10),
		.sector_bytes = strtoul(arg[4], NULL, 10),
		.virtual_bytes = strtoull(arg[5], NULL, 10),
	};
	int err;

	open_container(arg[0], true, O_RDWR);
	err = vhdx_create(&j.file.container, &options);
	return err ? die(arg[0], -err) : 0;
}

static void open_journal(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	j.journal = mmap(NULL, JOURNAL_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || j.journal == MAP_FAILED)
		die(path, errno);
	close(fd);
}

/* Its memory is what it was when it was saved, once it runs. */
static int start(char **arg)
{
	struct journal_task task = {
		.seed = strtoull(arg[1], NULL, 10),
		.round = strtoull(arg[2], NULL, 10),
		.sectors = strtoull(arg[3], NULL, 10),
		.file_system = strcmp(arg[4], "device"),
	};
	int fd = open(arg[0], O_RDWR | O_CLOEXEC), tries = START_SECONDS * 100;
	struct journal *journal;
	u64 beats;

	snprintf(task.table, sizeof(task.table), "%s", arg[5]);
	journal = mmap(NULL, JOURNAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	if (fd < 0 || journal == MAP_FAILED ||
	    getrandom(task.entropy, sizeof(task.entropy), 0) < 0)
		die(arg[0], errno);
	do {
		beats = journal->beats;
		usleep(10000);
	} while (--tries && (!beats || beats == journal->beats));
	if (!tries)
		die("the guest does not wait", ETIME);
	journal->task = task;
	journal->go = 1;
	return 0;
}

static void counts(u64 *flushes, u64 *operations)
{
	int i;

	*flushes = 0;
	*operations = 0;
	for (i = 0; i < JOURNAL_THREADS; i++) {
		*flushes += j.journal->thread[i].flushes;
		*operations += j.journal->thread[i].issued;
	}
}

static int watch(char **arg)
{
	u64 flushes, operations;

	open_journal(arg[0]);
	counts(&flushes, &operations);
	printf("%llu %llu %llu %llu\n", (unsigned long long)j.journal->state,
	       (unsigned long long)j.journal->error,
	       (unsigned long long)flushes, (unsigned long long)operations);
	return 0;
}

/* ---- what may be there --------------------------------------------------- */

static u64 flushed(u32 thread)
{
	u64 said, most = 0;
	int i;

	for (i = 0; i < JOURNAL_THREADS; i++) {
		said = j.journal->thread[i].flushed[thread];
		most = max(most, said);
	}
	return most;
}

/* Without holes, what is discarded may be kept, and that for ever. */
static bool may_be_kept(const struct op *op)
{
	return op->kind == DISCARD && strstr(j.journal->task.table, "no_punch");
}

static void touch(const struct op *op, u32 thread, u32 number, bool durable)
{
	bool zeros = op->kind == DISCARD || op->kind == ZERO;
	struct unit *unit = &j.unit[op->first];
	u32 i;

	if (may_be_kept(op))
		durable = false;

	for (i = 0; i < op->units; i++, unit++) {
		if (durable)
			*unit = (struct unit) {
				.id = zeros ? 0 : plan_id(&j.plan, thread, number),
				.since = number + 1,
			};
		else
			unit->touched = true;
		if (!durable && zeros)
			unit->zeroed = true;
	}
}

static void replay_thread(u32 thread)
{
	const struct journal_thread *said = &j.journal->thread[thread];
	u64 durable = flushed(thread);
	struct op op;
	u32 number;

	for (number = 0; number < said->issued; number++) {
		plan_op(&j.plan, thread, number, &op);
		if (op.kind == WRITE || op.kind == WRITE_DURABLE ||
		    op.kind == DISCARD || op.kind == ZERO)
			touch(&op, thread, number, number < durable ||
			      (op.kind == WRITE_DURABLE && number < said->done));
	}
}

/* Was this written here, later than what is durable? */
static bool is_later(u32 number, u64 id)
{
	const struct unit *unit = &j.unit[number];
	u32 thread = plan_thread(&j.plan, number), nth = plan_id_number(id);
	struct op op;

	if (!id)
		return unit->zeroed;
	if (id != plan_id(&j.plan, thread, nth) || nth < unit->since ||
	    nth >= j.journal->thread[thread].issued)
		return false;
	plan_op(&j.plan, thread, nth, &op);
	return (op.kind == WRITE || op.kind == WRITE_DURABLE) &&
	       number >= op.first && number - op.first < op.units;
}

static void complain(u32 number, const char *what, u32 seen_unit, u64 seen)
{
	u32 thread = plan_thread(&j.plan, number);
	struct op op;

	if (j.lost + j.wrong > COMPLAINTS)
		return;
	printf("unit %u: %s: shows write %llx to unit %u, durable is %llx",
	       number, what, (unsigned long long)seen, seen_unit,
	       (unsigned long long)j.unit[number].id);
	if (j.unit[number].since) {
		plan_op(&j.plan, thread, j.unit[number].since - 1, &op);
		printf(" by operation %llu, kind %d, units %u to %u",
		       (unsigned long long)j.unit[number].since - 1, op.kind,
		       op.first, op.first + op.units - 1);
	}
	printf("%s\n", j.unit[number].touched ? ", later ones exist" : "");
}

/* An earlier state of this unit: its last write of any time, or zeros. */
static bool is_earlier(u32 number, u32 seen_unit, u64 seen)
{
	return !seen || (seen_unit == number &&
			 plan_id_round(seen) <= j.plan.round);
}

static void judge_unit(u32 number, const void *data)
{
	u32 seen_unit;
	u64 seen;

	if (!plan_look(data, &seen_unit, &seen)) {
		j.wrong++;
		complain(number, "garbage", seen_unit, seen);
	} else if ((!seen || seen_unit == number) &&
		   (seen == j.unit[number].id || is_later(number, seen))) {
		j.model[number] = seen;
	} else if (is_earlier(number, seen_unit, seen)) {
		j.lost++;
		complain(number, "lost", seen_unit, seen);
	} else {
		j.wrong++;
		complain(number, "of another unit", seen_unit, seen);
	}
}

static void judge_all(void)
{
	static u8 data[PIECE_UNITS * UNIT];
	u32 first, count, i;
	int err;

	for (first = 0; first < j.plan.units; first += count) {
		count = min(j.plan.units - first, (u32)PIECE_UNITS);
		err = vhdx_image_read(j.image, (u64)first * UNIT, data,
				      (size_t)count * UNIT);
		if (err)
			die("the image cannot be read", -err);
		for (i = 0; i < count; i++)
			judge_unit(first + i, data + (size_t)i * UNIT);
	}
}

static void open_model(const char *path)
{
	size_t bytes = j.plan.units * sizeof(*j.model);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	u32 i;

	if (fd < 0 || ftruncate(fd, bytes))
		die(path, errno);
	j.model = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	j.unit = calloc(j.plan.units, sizeof(*j.unit));
	if (j.model == MAP_FAILED || !j.unit)
		die(path, errno);
	close(fd);
	for (i = 0; i < j.plan.units; i++)
		j.unit[i].id = j.model[i];
}

static void open_image(const char *path, bool device)
{
	const struct vhdx_open_options options = { .any_format = true };
	struct vhdx_report report = { 0 };
	int err;

	open_container(path, device, O_RDONLY);
	err = vhdx_image_open(&j.file.container, &options, &report, &j.image);
	if (!err)
		return;
	printf("the image cannot be opened: %s\n",
	       vhdx_finding_name(report.worst));
	exit(3);
}

static int verify(char **arg)
{
	const struct vhdx_geometry *geometry;
	u64 flushes, operations, at_risk = 0;
	u32 i;

	open_image(arg[0], !strcmp(arg[1], "device"));
	geometry = vhdx_image_geometry(j.image);
	open_journal(arg[2]);
	plan_init(&j.plan, strtoull(arg[4], NULL, 10),
		  strtoul(arg[5], NULL, 10), geometry->virtual_bytes,
		  geometry->sector_bytes);
	open_model(arg[3]);
	for (i = 0; i < j.plan.threads; i++)
		replay_thread(i);
	judge_all();
	for (i = 0; i < j.plan.units; i++)
		at_risk += j.unit[i].touched;
	counts(&flushes, &operations);
	printf("acknowledged %llu operations %llu compactions %llu at-risk %llu",
	       (unsigned long long)flushes, (unsigned long long)operations,
	       (unsigned long long)j.journal->compactions,
	       (unsigned long long)at_risk);
	printf(" lost %llu wrong %llu\n", (unsigned long long)j.lost,
	       (unsigned long long)j.wrong);
	vhdx_image_close(j.image);
	return j.lost || j.wrong ? 3 : 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **arg);
	} verbs[] = {
		{ "create", 6, create },
		{ "start", 6, start },
		{ "watch", 1, watch },
		{ "verify", 6, verify },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (argc == verbs[i].args + 2 && !strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argv + 2);
	fprintf(stderr, "usage: see judge.c\n");
	return 2;
}
