// SPDX-License-Identifier: GPL-2.0-only
/*
 * files make DIR COUNT MEAN     COUNT files of MEAN bytes on average in DIR
 * files verify DIR              every file that is still there holds what it must
 *
 * A file's number, which is its name, tells its size and every byte of it, so
 * nothing has to be remembered. 100 files share a folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_WORDS 8192

static uint64_t seen_files, seen_bytes;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void fill(uint64_t *words, unsigned long number, uint64_t at)
{
	uint64_t start = mix(number + 1) + at / 8 * 0x9e3779b97f4a7c15ull;
	int i;

	for (i = 0; i < PIECE_WORDS; i++)
		words[i] = start + i * 0x9e3779b97f4a7c15ull;
}

static int die(const char *what, const char *path)
{
	fprintf(stderr, "files: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

/* Half of the files are small, the others make up the mean. */
static uint64_t size_of(unsigned long number, uint64_t mean)
{
	uint64_t dice = mix(number);

	if (dice & 1)
		return (dice >> 8) % (mean / 8 + 1) + 16;
	return (dice >> 8) % (mean * 15 / 4) + 16;
}

static void make_one(const char *dir, unsigned long number, uint64_t mean)
{
	uint64_t words[PIECE_WORDS], size = size_of(number, mean), at, piece;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%lu", dir, number / 100);
	if (number % 100 == 0 && mkdir(path, 0755) && errno != EEXIST)
		die("cannot make", path);
	snprintf(path, sizeof(path), "%s/%lu/%lu-%llu", dir, number / 100, number,
		 (unsigned long long)size);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		die("cannot make", path);
	for (at = 0; at < size; at += piece) {
		piece = size - at < sizeof(words) ? size - at : sizeof(words);
		fill(words, number, at);
		if (write(fd, words, piece) != (ssize_t)piece)
			die("cannot write", path);
	}
	if (close(fd))
		die("cannot write", path);
}

static int verify_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	uint64_t want[PIECE_WORDS], seen[PIECE_WORDS], at = 0;
	unsigned long long size;
	unsigned long number;
	ssize_t got;
	int fd;

	if (type != FTW_F || sscanf(path + where->base, "%lu-%llu", &number, &size) != 2)
		return 0;
	errno = EIO;
	if ((uint64_t)st->st_size != size)
		die("wrong size of", path);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("cannot open", path);
	while ((got = read(fd, seen, sizeof(seen))) > 0) {
		fill(want, number, at);
		errno = EIO;
		if (memcmp(want, seen, got))
			die("wrong content of", path);
		at += got;
	}
	if (got < 0 || at != size)
		die("cannot read", path);
	close(fd);
	seen_files++;
	seen_bytes += size;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long i;

	if (argc == 5 && !strcmp(argv[1], "make")) {
		for (i = 0; i < strtoul(argv[3], NULL, 10); i++)
			make_one(argv[2], i, strtoull(argv[4], NULL, 10));
		return 0;
	}
	if (argc != 3 || strcmp(argv[1], "verify")) {
		fprintf(stderr, "usage: files make DIR COUNT MEAN | files verify DIR\n");
		return 2;
	}
	if (nftw(argv[2], verify_one, 16, FTW_PHYS))
		die("cannot walk", argv[2]);
	printf("%llu files, %llu bytes\n", (unsigned long long)seen_files,
	       (unsigned long long)seen_bytes);
	return seen_files ? 0 : 1;
}
