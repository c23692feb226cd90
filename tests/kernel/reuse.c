// SPDX-License-Identifier: GPL-2.0-only
/*
 * reuse DEVICE ROUNDS - space that goes from one block to the next
 *
 * Blocks of 1 MiB, of which every second one is written. Half of them are
 * discarded, the last first, so that there are many holes to be made and the
 * lowest comes last; the moment that is durable the other blocks are written
 * and want space, the lowest first. At the end all are as they were written.
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
#include <unistd.h>

#define BLOCK (1 << 20)
#define BLOCKS_MAX 4096

static struct {
	int fd;
	unsigned int blocks;
	unsigned int round;
	/* What each block was written with, 0: zeros. */
	uint32_t stamp[BLOCKS_MAX];
	uint32_t *buf;
} r;

static void die(const char *what, unsigned int block)
{
	fprintf(stderr, "reuse: %s, block %u, round %u: %s\n", what, block,
		r.round, strerror(errno));
	exit(1);
}

static void put(unsigned int block)
{
	uint32_t stamp = r.round * BLOCKS_MAX + block + 1;
	unsigned int i;

	r.stamp[block] = stamp;
	for (i = 0; i < BLOCK / sizeof(*r.buf); i++)
		r.buf[i] = stamp;
	if (pwrite(r.fd, r.buf, BLOCK, (off_t)block * BLOCK) != BLOCK)
		die("writing", block);
}

static void discard(unsigned int block, unsigned int blocks)
{
	uint64_t range[2] = { (uint64_t)block * BLOCK,
			      (uint64_t)blocks * BLOCK };

	if (ioctl(r.fd, BLKDISCARD, range))
		die("discarding", block);
	memset(r.stamp + block, 0, blocks * sizeof(*r.stamp));
}

static void flush(void)
{
	if (fdatasync(r.fd))
		die("flushing", 0);
}

static void verify(void)
{
	unsigned int block, i;

	for (block = 0; block < r.blocks; block++) {
		if (pread(r.fd, r.buf, BLOCK, (off_t)block * BLOCK) != BLOCK)
			die("reading", block);
		for (i = 0; i < BLOCK / sizeof(*r.buf); i++) {
			if (r.buf[i] == r.stamp[block])
				continue;
			errno = EIO;
			fprintf(stderr, "reuse: byte %zu is %#x, not %#x\n",
				i * sizeof(*r.buf), r.buf[i], r.stamp[block]);
			die("wrong content", block);
		}
	}
}

static void one_round(void)
{
	unsigned int i;

	discard(0, r.blocks);
	flush();
	for (i = 0; i < r.blocks; i += 2)
		put(i);
	flush();
	for (i = r.blocks / 4; i-- > 0;)
		discard(i * 4, 1);
	flush();
	for (i = 1; i < r.blocks / 2; i += 2)
		put(i);
	flush();
	verify();
}

int main(int argc, char **argv)
{
	unsigned int rounds;
	off_t bytes;

	if (argc != 3) {
		fputs("usage: reuse DEVICE ROUNDS\n", stderr);
		return 2;
	}
	r.fd = open(argv[1], O_RDWR | O_DIRECT);
	if (r.fd < 0)
		die(argv[1], 0);
	bytes = lseek(r.fd, 0, SEEK_END);
	r.blocks = bytes / BLOCK < BLOCKS_MAX ? bytes / BLOCK : BLOCKS_MAX;
	if (posix_memalign((void **)&r.buf, 4096, BLOCK))
		die("memory", 0);
	rounds = strtoul(argv[2], NULL, 10);
	for (r.round = 0; r.round < rounds; r.round++)
		one_round();
	return 0;
}
