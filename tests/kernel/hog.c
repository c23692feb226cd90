// SPDX-License-Identifier: GPL-2.0-only
/*
 * hog MIB ROUNDS - use more memory than there is, and see that it keeps
 *
 * Every page holds words that follow from its number and the round. Half of the
 * pages are changed in each round, in another order each time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_WORDS 512

static uint64_t stamp(uint64_t page, uint64_t round, uint64_t word)
{
	return (page * 0x9e3779b97f4a7c15ull ^ round << 32) + word;
}

static void fill(uint64_t *words, uint64_t page, uint64_t round)
{
	uint64_t i;

	for (i = 0; i < PAGE_WORDS; i++)
		words[i] = stamp(page, round, i);
}

static int holds(const uint64_t *words, uint64_t page, uint64_t round)
{
	uint64_t i;

	for (i = 0; i < PAGE_WORDS; i++)
		if (words[i] != stamp(page, round, i))
			return 0;
	return 1;
}

/* The round in which a page was last changed. */
static uint64_t last_change(uint64_t page, uint64_t round)
{
	return round && (page ^ round) & 1 ? round - 1 : round;
}

int main(int argc, char **argv)
{
	uint64_t pages, rounds, round, i, page, *words;

	if (argc != 3)
		return 2;
	pages = strtoull(argv[1], NULL, 0) * 256;
	rounds = strtoull(argv[2], NULL, 0);
	words = mmap(NULL, pages * PAGE_WORDS * sizeof(*words),
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED) {
		perror("hog");
		return 1;
	}
	for (i = 0; i < pages; i++)
		fill(words + i * PAGE_WORDS, i, 0);
	for (round = 0; round <= rounds; round++) {
		for (i = 0; i < pages; i++) {
			page = (i * 1000003 + round) % pages;
			if (!holds(words + page * PAGE_WORDS, page,
				   last_change(page, round))) {
				fprintf(stderr, "hog: page %llu is wrong in round %llu\n",
					(unsigned long long)page,
					(unsigned long long)round);
				return 1;
			}
			if (round < rounds && !((page ^ (round + 1)) & 1))
				fill(words + page * PAGE_WORDS, page, round + 1);
		}
	}
	printf("%llu pages, %llu rounds\n", (unsigned long long)pages,
	       (unsigned long long)rounds);
	return 0;
}
