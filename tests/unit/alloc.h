/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running out of memory on request: every vhdx_alloc() of a test program goes
 * through here (the linker's --wrap).
 */
#ifndef TESTS_ALLOC_H
#define TESTS_ALLOC_H

#include "platform.h"

/* The nth allocation from now (from 1) fails, once; 0: none. */
void alloc_fail(u64 nth);
/* Whether it has come to that; ends it too. */
bool alloc_has_failed(void);
/* How many bytes were asked for last. */
size_t alloc_last(void);
/* The most bytes that were asked for at once since this was asked last. */
size_t alloc_largest(void);

#endif
