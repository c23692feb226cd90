// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow DEVICE STATE SEED OPERATIONS - odd ranges against a model
 *
 * Writes, reads, discards and zeroes ranges of odd sizes at odd places and
 * keeps in memory what every sector must hold. STATE carries the model from one
 * run to the next, so that it can be checked after the device was closed, moved
 * about or compacted: a run begins and ends with a look at every sector.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define UNIT 512
#define RANGE_MAX (1 << 20)
/* Discarded: reads as zeros or as before. */
#define PERHAPS 0x80000000u

static struct {
	int fd;
	uint32_t *model;	/* per unit: number of the write, 0 for zeros */
	uint64_t units;
	unsigned int step;	/* units in a logical sector */
	uint32_t writes;
	uint8_t *buf;
	unsigned short seed[3];
} s;

static void die(const char *what, uint64_t unit)
{
	fprintf(stderr, "shadow: %s at byte %llu: %s\n", what,
		(unsigned long long)unit * UNIT, strerror(errno));
	exit(1);
}

/* What write number @write left in @unit: no two units look alike. */
static void fill(uint8_t *to, uint64_t unit, uint32_t write)
{
	uint64_t *words = (uint64_t *)to;
	uint64_t mix = (unit * 0x9e3779b97f4a7c15ull) ^ ((uint64_t)write << 20);
	unsigned int i;

	for (i = 0; i < UNIT / sizeof(*words); i++)
		words[i] = write ? mix + i * 0xbf58476d1ce4e5b9ull : 0;
}

static bool holds(const uint8_t *seen, uint64_t unit, uint32_t write)
{
	uint8_t want[UNIT] __attribute__((aligned(8)));

	fill(want, unit, write);
	return !memcmp(seen, want, UNIT);
}

static void verify_unit(const uint8_t *seen, uint64_t unit)
{
	uint32_t write = s.model[unit] & ~PERHAPS;

	if (holds(seen, unit, write)) {
		/* Read once, a discarded unit must not change its mind. */
		s.model[unit] = write;
		return;
	}
	if (s.model[unit] & PERHAPS && holds(seen, unit, 0)) {
		s.model[unit] = 0;
		return;
	}
	errno = EIO;
	fprintf(stderr, "shadow: write %u expected%s\n", write,
		s.model[unit] & PERHAPS ? " or zeros" : "");
	die("wrong content", unit);
}

static void verify(uint64_t unit, uint64_t units)
{
	uint64_t i;

	if (pread(s.fd, s.buf, units * UNIT, unit * UNIT) != (ssize_t)(units * UNIT))
		die("cannot read", unit);
	for (i = 0; i < units; i++)
		verify_unit(s.buf + i * UNIT, unit + i);
}

static void verify_all(void)
{
	uint64_t unit, units;

	for (unit = 0; unit < s.units; unit += units) {
		units = s.units - unit;
		if (units > RANGE_MAX / UNIT)
			units = RANGE_MAX / UNIT;
		verify(unit, units);
	}
}

static void do_write(uint64_t unit, uint64_t units)
{
	uint64_t i;

	s.writes++;
	for (i = 0; i < units; i++) {
		fill(s.buf + i * UNIT, unit + i, s.writes);
		s.model[unit + i] = s.writes;
	}
	if (pwrite(s.fd, s.buf, units * UNIT, unit * UNIT) != (ssize_t)(units * UNIT))
		die("cannot write", unit);
}

static void do_discard(uint64_t unit, uint64_t units)
{
	uint64_t range[2] = { unit * UNIT, units * UNIT };
	uint64_t i;

	if (ioctl(s.fd, BLKDISCARD, range))
		die("cannot discard", unit);
	for (i = unit; i < unit + units; i++)
		if (s.model[i])
			s.model[i] |= PERHAPS;
}

static void do_zero(uint64_t unit, uint64_t units, bool unmap)
{
	uint64_t range[2] = { unit * UNIT, units * UNIT };
	int err;

	if (unmap)
		err = fallocate(s.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				range[0], range[1]);
	else
		err = ioctl(s.fd, BLKZEROOUT, range);
	if (err)
		die(unmap ? "cannot punch" : "cannot zero", unit);
	memset(&s.model[unit], 0, units * sizeof(*s.model));
}

/* Mostly small, some large; discards and zeroes may span many blocks. */
static void pick_range(uint64_t *unit, uint64_t *units, bool wide)
{
	static const uint64_t most[] = { 4, 16, 64, 256, RANGE_MAX / UNIT };
	uint64_t max = most[nrand48(s.seed) % 5];

	if (wide && nrand48(s.seed) % 4 == 0)
		max = 16 * RANGE_MAX / UNIT;
	*units = (1 + nrand48(s.seed) % max + s.step - 1) / s.step * s.step;
	*unit = (uint64_t)(erand48(s.seed) * s.units) / s.step * s.step;
	if (*units > s.units - *unit)
		*units = s.units - *unit;
}

static void one_operation(void)
{
	unsigned int dice = nrand48(s.seed) % 100;
	uint64_t unit, units;

	pick_range(&unit, &units, dice >= 80);
	if (units > RANGE_MAX / UNIT && dice < 80)
		units = RANGE_MAX / UNIT;
	if (dice < 50)
		do_write(unit, units);
	else if (dice < 75)
		verify(unit, units);
	else if (dice < 80)
		fdatasync(s.fd) ? die("cannot flush", 0) : (void)0;
	else if (dice < 92)
		do_discard(unit, units);
	else
		do_zero(unit, units, dice < 96);
}

static void load(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t got;

	if (!f)
		return;
	got = fread(&s.writes, sizeof(s.writes), 1, f);
	got += fread(s.model, sizeof(*s.model), s.units, f);
	if (got != s.units + 1)
		die("the model is of another size", 0);
	fclose(f);
}

static void save(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(&s.writes, sizeof(s.writes), 1, f) != 1 ||
	    fwrite(s.model, sizeof(*s.model), s.units, f) != s.units || fclose(f))
		die("cannot save the model", 0);
}

int main(int argc, char **argv)
{
	uint64_t bytes;
	int sector;
	long i;

	if (argc != 5) {
		fprintf(stderr, "usage: shadow DEVICE STATE SEED OPERATIONS\n");
		return 2;
	}
	s.fd = open(argv[1], O_RDWR | O_DIRECT);
	if (s.fd < 0 || ioctl(s.fd, BLKGETSIZE64, &bytes) || ioctl(s.fd, BLKSSZGET, &sector))
		die("cannot open the device", 0);
	s.units = bytes / UNIT;
	s.step = sector / UNIT;
	s.model = calloc(s.units, sizeof(*s.model));
	if (!s.model || posix_memalign((void **)&s.buf, 4096, RANGE_MAX))
		die("no memory", 0);
	s.seed[0] = atoi(argv[3]);
	load(argv[2]);
	verify_all();
	for (i = atol(argv[4]); i > 0; i--)
		one_operation();
	if (fsync(s.fd))
		die("cannot flush", 0);
	verify_all();
	save(argv[2]);
	return 0;
}
