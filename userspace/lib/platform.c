// SPDX-License-Identifier: GPL-2.0-only
/*
 * The platform of the core in userspace: libc, the kernel's random numbers and
 * ISA-L behind the kernel's names.
 */
#include <isa-l.h>
#include <sys/random.h>

#include "platform-user.h"

static u64 random_state;

static unsigned long find_next(const unsigned long *map, unsigned long size,
			       unsigned long from, unsigned long invert)
{
	unsigned long word, i = from / BITS_PER_LONG;

	if (from >= size)
		return size;

	word = (map[i] ^ invert) & (~0UL << (from % BITS_PER_LONG));
	while (!word) {
		if (++i * BITS_PER_LONG >= size)
			return size;
		word = map[i] ^ invert;
	}
	return min(i * BITS_PER_LONG + __builtin_ctzl(word), size);
}

unsigned long find_next_bit(const unsigned long *map, unsigned long size,
			    unsigned long from)
{
	return find_next(map, size, from, 0);
}

unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size,
				 unsigned long from)
{
	return find_next(map, size, from, ~0UL);
}

unsigned long find_last_bit(const unsigned long *map, unsigned long size)
{
	unsigned long words = BITS_TO_LONGS(size), word;

	for (; words; words--) {
		word = map[words - 1];
		if (words * BITS_PER_LONG > size)
			word &= ~0UL >> (words * BITS_PER_LONG - size);
		if (word)
			return words * BITS_PER_LONG - 1 - __builtin_clzl(word);
	}
	return size;
}

/* The bits of word number @i that lie in [from, end). */
static unsigned long word_mask(unsigned long i, unsigned long from,
			       unsigned long end)
{
	unsigned long first = i * BITS_PER_LONG;
	unsigned long mask = ~0UL;

	if (from > first)
		mask <<= from - first;
	if (end - first < (unsigned long)BITS_PER_LONG)
		mask &= ~(~0UL << (end - first));
	return mask;
}

void bitmap_set(unsigned long *map, unsigned int from, unsigned int count)
{
	unsigned long i, end = (unsigned long)from + count;

	for (i = from / BITS_PER_LONG; i * BITS_PER_LONG < end; i++)
		map[i] |= word_mask(i, from, end);
}

void bitmap_clear(unsigned long *map, unsigned int from, unsigned int count)
{
	unsigned long i, end = (unsigned long)from + count;

	for (i = from / BITS_PER_LONG; i * BITS_PER_LONG < end; i++)
		map[i] &= ~word_mask(i, from, end);
}

void sort(void *base, size_t count, size_t size,
	  int (*cmp)(const void *a, const void *b),
	  void (*swap)(void *a, void *b, int size))
{
	(void)swap;
	if (count > 1)
		qsort(base, count, size, cmp);
}

void *vhdx_alloc(size_t bytes)
{
	return calloc(1, bytes ? bytes : 1);
}

void vhdx_free(const void *p)
{
	free((void *)p);
}

/* ISA-L inverts neither the initial nor the final value, and counts in int. */
u32 vhdx_crc32c(u32 crc, const void *data, size_t bytes)
{
	unsigned char *p = (unsigned char *)data;

	while (bytes) {
		int chunk = min_t(size_t, bytes, 1 << 30);

		crc = ~crc32_iscsi(p, chunk, ~crc);
		p += chunk;
		bytes -= chunk;
	}
	return crc;
}

void vhdx_platform_seed(u64 seed)
{
	random_state = seed;
}

/* xorshift64*: for tests, where repeatable matters and secret does not. */
static u8 seeded_byte(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545F4914F6CDD1DULL) >> 56;
}

void vhdx_random_bytes(void *p, size_t bytes)
{
	u8 *out = p;

	while (random_state && bytes) {
		*out++ = seeded_byte();
		bytes--;
	}
	while (bytes) {
		ssize_t got = getrandom(out, bytes, 0);

		if (got < 0 && errno != EINTR)
			abort();
		if (got > 0) {
			out += got;
			bytes -= got;
		}
	}
}

bool vhdx_is_zero(const void *p, size_t bytes)
{
	return !bytes || !isal_zero_detect((void *)p, bytes);
}
