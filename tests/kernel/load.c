// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load for a disk whose writes are logged. Whatever has been acknowledged is
 * marked in the logs of the device-mapper devices named at the end of the line,
 * in that order.
 *
 * load churn DEVICE FIRST-MIB MIBS SECONDS NAME SEED [LOG...]
 *	writes and discards, flushed now and then
 * load ledger FILE SECONDS NAME LOG...
 *	records appended to a file, each made durable: a mark has their number
 * load verify FILE RECORDS
 *	the first so many records are there
 * load marker DEVICE SECONDS NAME LOG...
 *	flushes the device again and again while others use it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)
#define CELL 4096
#define WRITE_MAX (256 << 10)
#define LOGS_MAX 4
#define RECORD_MAX 2000
/* A fast machine need not do more than this. */
#define MARKS_MAX 1000

static struct {
	int control;
	char **log;
	int logs;
	const char *name;
	unsigned long marks;
	time_t end;
} l;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void begin(const char *seconds, const char *name, char **log, int logs)
{
	l.end = time(NULL) + atoi(seconds);
	l.name = name;
	l.log = log;
	l.logs = logs;
	l.control = open("/dev/mapper/control", O_RDWR);
	if (l.control < 0)
		die("device-mapper");
}

static bool goes_on(void)
{
	return time(NULL) < l.end && l.marks < MARKS_MAX;
}

static void mark(const char *device)
{
	union {
		struct dm_ioctl ioctl;
		char room[1024];
	} u = { .ioctl = {
		.version = { DM_VERSION_MAJOR, 0, 0 },
		.data_size = sizeof(u),
		.data_start = sizeof(struct dm_ioctl),
	} };
	struct dm_target_msg *msg = (void *)(u.room + sizeof(struct dm_ioctl));

	snprintf(u.ioctl.name, sizeof(u.ioctl.name), "%s", device);
	sprintf(msg->message, "mark %.32s.%lu", l.name, l.marks);
	if (ioctl(l.control, DM_TARGET_MSG, &u))
		die("mark");
}

/* All that was issued is durable. */
static void acknowledge(int fd)
{
	int i;

	if (fdatasync(fd))
		die("flush");
	l.marks++;
	for (i = 0; i < l.logs; i++)
		mark(l.log[i]);
}

/* ---- churn ----------------------------------------------------------------- */

static struct {
	unsigned short seed[3];
	uint64_t first, bytes, number;
	bool touched[1024];	/* MiB, since the last flush */
	uint8_t *buf;
} c;

static uint64_t pick(uint64_t below)
{
	return (uint64_t)(erand48(c.seed) * below);
}

/* No two cells of any two writes look alike. */
static void fill(uint64_t at, uint64_t len)
{
	uint64_t i, *word;

	c.number++;
	for (i = 0; i < len / sizeof(*word); i++) {
		word = (uint64_t *)c.buf + i;
		*word = i % 2 ? (c.number << 20) + c.seed[0] :
				at + i * sizeof(*word);
	}
}

/* Nothing is touched twice between two flushes: what is last is then known. */
static void churn_once(int fd)
{
	uint64_t mib = pick(c.bytes / MIB), at, len;
	uint64_t range[2] = { c.first + mib * MIB, MIB };

	if (c.touched[mib])
		return;
	c.touched[mib] = true;
	if (!pick(3)) {
		if (!pick(3)) {
			range[0] += pick(MIB / CELL / 2) * CELL;
			range[1] = (1 + pick(MIB / CELL / 2)) * CELL;
		}
		if (ioctl(fd, BLKDISCARD, range))
			die("discard");
		return;
	}
	len = (1 + pick((pick(4) ? 16 << 10 : WRITE_MAX) / 512)) * 512;
	at = range[0] + pick((MIB - len) / 512 + 1) * 512;
	fill(at, len);
	if (pwrite(fd, c.buf, len, at) != (ssize_t)len)
		die("write");
}

static int churn(char **argv, int logs)
{
	int fd = open(argv[0], O_RDWR | O_DIRECT);
	unsigned int i, n;

	if (fd < 0 || posix_memalign((void **)&c.buf, CELL, WRITE_MAX))
		die(argv[0]);
	c.first = strtoull(argv[1], NULL, 0) * MIB;
	c.bytes = strtoull(argv[2], NULL, 0) * MIB;
	c.seed[0] = atoi(argv[5]);
	begin(argv[3], argv[4], argv + 6, logs);
	while (goes_on()) {
		n = 1 + pick(12);
		for (i = 0; i < n; i++)
			churn_once(fd);
		acknowledge(fd);
		memset(c.touched, 0, sizeof(c.touched));
	}
	printf("%llu writes, %lu flushes\n", (unsigned long long)c.number,
	       l.marks);
	return l.marks ? 0 : 1;
}

/* ---- ledger ------------------------------------------------------------------ */

struct record {
	uint32_t number;
	uint32_t len;
	uint64_t sum;
	uint8_t bytes[RECORD_MAX];
};

#define RECORD_HEAD 16

/* All of it follows from the number. */
static void make_record(struct record *record, uint32_t number)
{
	uint64_t x = number * 0x9e3779b97f4a7c15ull;
	uint32_t i;

	record->number = number;
	record->len = 100 + x % (RECORD_MAX - 100);
	record->sum = x;
	for (i = 0; i < record->len; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		record->bytes[i] = x >> 56;
		record->sum = record->sum * 31 + record->bytes[i];
	}
}

static int ledger(char **argv, int logs)
{
	int fd = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct record record;
	ssize_t len;

	if (fd < 0)
		die(argv[0]);
	begin(argv[1], argv[2], argv + 3, logs);
	while (goes_on()) {
		make_record(&record, l.marks);
		len = RECORD_HEAD + record.len;
		if (write(fd, &record, len) != len)
			die("append");
		acknowledge(fd);
	}
	printf("%lu records\n", l.marks);
	return l.marks ? 0 : 1;
}

static int verify(char **argv)
{
	unsigned long records = strtoul(argv[1], NULL, 0), i;
	struct record want, seen;
	FILE *f = fopen(argv[0], "r");
	size_t len;

	if (!f)
		die(argv[0]);
	for (i = 0; i < records; i++) {
		make_record(&want, i);
		len = RECORD_HEAD + want.len;
		errno = EIO;
		if (fread(&seen, len, 1, f) != 1 || memcmp(&want, &seen, len))
			die("a record is lost");
	}
	fclose(f);
	printf("%lu records are there\n", records);
	return 0;
}

/* ---- marker ------------------------------------------------------------------- */

static int marker(char **argv, int logs)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int fd = open(argv[0], O_RDONLY);

	if (fd < 0)
		die(argv[0]);
	begin(argv[1], argv[2], argv + 3, logs);
	while (goes_on()) {
		acknowledge(fd);
		nanosleep(&pause, NULL);
	}
	printf("%lu marks\n", l.marks);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 7 && !strcmp(argv[1], "churn"))
		return churn(argv + 2, argc - 8);
	if (argc > 5 && !strcmp(argv[1], "ledger"))
		return ledger(argv + 2, argc - 5);
	if (argc > 5 && !strcmp(argv[1], "marker"))
		return marker(argv + 2, argc - 5);
	if (argc == 4 && !strcmp(argv[1], "verify"))
		return verify(argv + 2);
	fprintf(stderr, "usage: load churn DEVICE FIRST-MIB MIBS SECONDS NAME SEED [LOG...]\n"
		"       load ledger FILE SECONDS NAME LOG...\n"
		"       load verify FILE RECORDS\n"
		"       load marker DEVICE SECONDS NAME LOG...\n");
	return 2;
}
