// SPDX-License-Identifier: GPL-2.0-only
/*
 * power write|verify DEVICE STATE [SEED] - is what was flushed still there?
 *
 * "write" writes, discards and zeroes cells of 4 KiB and flushes now and then,
 * until the device fails. "verify" demands of every cell what the last flush
 * that succeeded had to save, or what was asked for after it. STATE carries the
 * model from one run to the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CELL 4096
#define RUN_MAX 64
#define DISCARD_MAX 512
#define BATCH_MAX 8
#define SECONDS_MAX 120

/* Numbers of writes; 0: zeros. */
struct cell {
	uint32_t flushed;
	uint32_t later;
	bool touched;		/* @later has been asked for */
};

static struct {
	int fd;
	uint64_t cells;
	struct cell *cell;
	uint32_t writes;
	uint8_t *buf;
	unsigned short seed[3];
} p;

static void die(const char *what)
{
	fprintf(stderr, "power: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void fill(uint8_t *to, uint64_t number, uint32_t write)
{
	uint64_t word = write ? ((uint64_t)write << 32) | (uint32_t)number : 0;
	unsigned int i;

	for (i = 0; i < CELL; i += sizeof(word))
		memcpy(to + i, &word, sizeof(word));
}

static uint64_t pick(uint64_t below)
{
	return (uint64_t)(erand48(p.seed) * below);
}

/* Nothing is asked for twice between two flushes. */
static bool untouched(uint64_t first, uint64_t count)
{
	while (count--)
		if (p.cell[first++].touched)
			return false;
	return true;
}

static void touch(uint64_t first, uint64_t count, uint32_t write)
{
	while (count--) {
		p.cell[first].touched = true;
		p.cell[first++].later = write;
	}
}

/* All of these return false when the device has failed. */
static bool release(void)
{
	uint64_t range[2], count = pick(2) ? DISCARD_MAX : 1 + pick(16);
	uint64_t first = pick(p.cells - count);

	if (count == DISCARD_MAX)
		first -= first % (DISCARD_MAX / 2);
	if (!untouched(first, count))
		return true;
	touch(first, count, 0);
	range[0] = first * CELL;
	range[1] = count * CELL;
	return !ioctl(p.fd, pick(2) ? BLKDISCARD : BLKZEROOUT, range);
}

static bool put(void)
{
	uint64_t i, count = pick(2) ? 1 + pick(2) : 1 + pick(RUN_MAX);
	uint64_t first = pick(p.cells - count);

	if (!untouched(first, count))
		return true;
	touch(first, count, ++p.writes);
	for (i = 0; i < count; i++)
		fill(p.buf + i * CELL, first + i, p.writes);
	return pwrite(p.fd, p.buf, count * CELL, first * CELL) ==
	       (ssize_t)(count * CELL);
}

static bool flush(void)
{
	uint64_t i;

	if (fdatasync(p.fd))
		return false;
	for (i = 0; i < p.cells; i++) {
		if (p.cell[i].touched)
			p.cell[i].flushed = p.cell[i].later;
		p.cell[i].touched = false;
	}
	return true;
}

static void write_until_it_fails(void)
{
	time_t end = time(NULL) + SECONDS_MAX;
	unsigned int flushes = 0;
	bool alive = true;

	while (alive && time(NULL) < end) {
		unsigned int left = 1 + pick(BATCH_MAX);

		while (alive && left--)
			alive = pick(6) ? put() : release();
		if (alive)
			alive = flush();
		flushes += alive;
	}
	printf("%u flushes, then: %s\n", flushes, strerror(errno));
	if (alive)
		die("the device does not fail");
}

/* The first allowed number that the cell shows; it is the truth from now on. */
static bool check(uint64_t number, const uint8_t *seen)
{
	struct cell *cell = &p.cell[number];
	uint8_t want[CELL];

	fill(want, number, cell->flushed);
	if (memcmp(seen, want, CELL)) {
		fill(want, number, cell->later);
		if (!cell->touched || memcmp(seen, want, CELL))
			return false;
		cell->flushed = cell->later;
	}
	cell->touched = false;
	return true;
}

static uint64_t verify_run(uint64_t first)
{
	uint64_t i, bad = 0;

	if (pread(p.fd, p.buf, RUN_MAX * CELL, first * CELL) != RUN_MAX * CELL)
		die("reading");
	for (i = 0; i < RUN_MAX; i++) {
		if (check(first + i, p.buf + i * CELL))
			continue;
		if (!bad++)
			printf("cell %llu is neither write %u nor %u\n",
			       (unsigned long long)(first + i),
			       p.cell[first + i].flushed,
			       p.cell[first + i].later);
	}
	return bad;
}

static void verify(void)
{
	uint64_t first, bad = 0;

	for (first = 0; first < p.cells; first += RUN_MAX)
		bad += verify_run(first);
	printf("%llu of %llu cells are wrong\n", (unsigned long long)bad,
	       (unsigned long long)p.cells);
	if (bad)
		exit(1);
}

static void open_state(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, p.cells * sizeof(*p.cell)))
		die(path);
	p.cell = mmap(NULL, p.cells * sizeof(*p.cell), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (p.cell == MAP_FAILED)
		die(path);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	p.fd = open(argv[2], O_RDWR | O_DIRECT);
	if (p.fd < 0)
		die(argv[2]);
	p.cells = lseek(p.fd, 0, SEEK_END) / CELL;
	if (posix_memalign((void **)&p.buf, CELL, RUN_MAX * CELL))
		die("memory");
	open_state(argv[3]);
	if (!strcmp(argv[1], "verify")) {
		verify();
		return 0;
	}
	if (argc < 5)
		return 2;
	p.writes = strtoul(argv[4], NULL, 10) << 20;
	p.seed[0] = strtoul(argv[4], NULL, 10);
	write_until_it_fails();
	return 0;
}
