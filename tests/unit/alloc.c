// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running out of memory on request.
 */
#include "alloc.h"

static u64 countdown;
static bool failed;
static size_t last;
static size_t largest;

void *__real_vhdx_alloc(size_t bytes);
void *__wrap_vhdx_alloc(size_t bytes);

void *__wrap_vhdx_alloc(size_t bytes)
{
	last = bytes;
	largest = max(largest, bytes);
	if (countdown && !--countdown) {
		failed = true;
		return NULL;
	}
	return __real_vhdx_alloc(bytes);
}

void alloc_fail(u64 nth)
{
	countdown = nth;
	failed = false;
}

bool alloc_has_failed(void)
{
	bool now = failed;

	alloc_fail(0);
	return now;
}

size_t alloc_last(void)
{
	return last;
}

size_t alloc_largest(void)
{
	size_t was = largest;

	largest = 0;
	return was;
}
