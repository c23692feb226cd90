/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one gate between the core and whatever it is compiled into.
 *
 * In the module this is the kernel's own headers; elsewhere it is a small shim
 * over libc with the same names, so that core files contain no #ifdef.
 */
#ifndef VHDX_PLATFORM_H
#define VHDX_PLATFORM_H

#ifdef __KERNEL__

#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/blk_types.h>
#include <linux/build_bug.h>
#include <linux/byteorder/generic.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/types.h>

/* Zeroed memory, may sleep; the caller's scope decides about I/O. */
static inline void *vhdx_alloc(size_t bytes)
{
	return kvzalloc(bytes, GFP_KERNEL);
}

/*
 * The same for the little that a change of the image needs. Where allocations must
 * not do I/O, the change is for the sake of somebody's, and that may be what frees
 * memory: the reserves may be used then.
 */
static inline void *vhdx_alloc_for_change(size_t bytes)
{
	const gfp_t once = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	void *p = NULL;

	if ((current->flags & PF_MEMALLOC_NOIO) && bytes <= PAGE_SIZE) {
		p = kzalloc(bytes, once);
		if (!p)
			p = kzalloc(bytes, once | __GFP_MEMALLOC);
	}
	return p ? p : vhdx_alloc(bytes);
}

static inline void vhdx_free(const void *p)
{
	kvfree(p);
}

/* Standard CRC-32C (Castagnoli) of a buffer, continued from @crc (0 to start). */
static inline u32 vhdx_crc32c(u32 crc, const void *data, size_t bytes)
{
	return ~crc32c(~crc, data, bytes);
}

static inline void vhdx_random_bytes(void *p, size_t bytes)
{
	get_random_bytes(p, bytes);
}

static inline bool vhdx_is_zero(const void *p, size_t bytes)
{
	return !memchr_inv(p, 0, bytes);
}

/* In a long loop: let others run. */
static inline void vhdx_relax(void)
{
	cond_resched();
}

#else /* !__KERNEL__ */

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define U8_MAX UINT8_MAX
#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#define U64_MAX UINT64_MAX
#define SECTOR_SHIFT 9
#define SECTOR_SIZE 512

#define cpu_to_le16(x) htole16(x)
#define cpu_to_le32(x) htole32(x)
#define cpu_to_le64(x) htole64(x)
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)
#define cpu_to_be16(x) htobe16(x)
#define cpu_to_be32(x) htobe32(x)
#define cpu_to_be64(x) htobe64(x)
#define be16_to_cpu(x) be16toh(x)
#define be32_to_cpu(x) be32toh(x)
#define be64_to_cpu(x) be64toh(x)

#define __packed __attribute__((packed))
#define __must_check __attribute__((warn_unused_result))
#define fallthrough __attribute__((fallthrough))
#ifndef static_assert
#define static_assert _Static_assert
#endif
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BITS_PER_LONG ((int)(8 * sizeof(long)))
#define BITS_TO_LONGS(n) (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define min(a, b) ({ __typeof__(a) min_a = (a); __typeof__(b) min_b = (b); \
		     min_a < min_b ? min_a : min_b; })
#define max(a, b) ({ __typeof__(a) max_a = (a); __typeof__(b) max_b = (b); \
		     max_a > max_b ? max_a : max_b; })
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP_ULL(n, d) (((u64)(n) + (d) - 1) / (d))
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define check_mul_overflow(a, b, d) __builtin_mul_overflow(a, b, d)
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)

#ifndef EUCLEAN
#define EUCLEAN 117
#endif

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned int ilog2(u64 n)
{
	return 63 - __builtin_clzll(n);
}

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1UL << (n % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~(1UL << (n % BITS_PER_LONG));
}

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> (n % BITS_PER_LONG) & 1;
}

unsigned long find_next_bit(const unsigned long *map, unsigned long size,
			    unsigned long from);
unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size,
				 unsigned long from);
unsigned long find_last_bit(const unsigned long *map, unsigned long size);
void bitmap_set(unsigned long *map, unsigned int from, unsigned int count);
void bitmap_clear(unsigned long *map, unsigned int from, unsigned int count);
void sort(void *base, size_t count, size_t size,
	  int (*cmp)(const void *a, const void *b),
	  void (*swap)(void *a, void *b, int size));

/* Zeroed memory or NULL. */
void *vhdx_alloc(size_t bytes);

static inline void *vhdx_alloc_for_change(size_t bytes)
{
	return vhdx_alloc(bytes);
}

void vhdx_free(const void *p);
/* Standard CRC-32C (Castagnoli) of a buffer, continued from @crc (0 to start). */
u32 vhdx_crc32c(u32 crc, const void *data, size_t bytes);
void vhdx_random_bytes(void *p, size_t bytes);
bool vhdx_is_zero(const void *p, size_t bytes);

static inline void vhdx_relax(void)
{
}

#endif /* __KERNEL__ */

#endif
