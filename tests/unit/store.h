/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sparse memory with cheap copies: a tree of reference-counted 4 KiB pages.
 * What was never written costs nothing, a clone shares every page until one
 * side writes. The RAM container and the crash simulator keep images in it.
 */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include "platform.h"

#define STORE_PAGE 4096
#define STORE_LEAF_PAGES 512
#define STORE_LEAF ((u64)STORE_PAGE * STORE_LEAF_PAGES)

struct store_leaf;

/**
 * struct store - bytes from 0 to the end of the address space, zero at first
 * @leaf: one pointer for every 2 MiB, NULL for a hole
 * @leaves: how many pointers there are
 */
struct store {
	struct store_leaf **leaf;
	u64 leaves;
};

void store_init(struct store *store);
void store_clone(struct store *store, const struct store *from);
void store_destroy(struct store *store);

void store_read(const struct store *store, u64 offset, void *buf, size_t len);
void store_write(struct store *store, u64 offset, const void *buf, size_t len);
/* Make a range of @store equal to that of @from; whole pages are shared. */
void store_share(struct store *store, const struct store *from, u64 offset,
		 u64 len);
/* Whole pages become holes, the rest is zeroed. */
void store_punch(struct store *store, u64 offset, u64 len);
/* First offset of a page that is not a hole in [offset, end), or end. */
u64 store_next_data(const struct store *store, u64 offset, u64 end);
/* Of all bytes and holes; equal stores have equal hashes. */
u64 store_hash(const struct store *store);
/* Same bytes; holes count as zeros. */
bool store_equal(const struct store *a, const struct store *b, u64 len);
/* Digest of the page that holds the offset; remembered, so cheap the next time. */
u64 store_page_digest(const struct store *store, u64 offset);
/* The same of one page of bytes. */
u64 store_digest(const void *page);
/* A view of the page that holds the offset, NULL if it is a hole. */
const void *store_page(const struct store *store, u64 offset);
u64 store_allocated(const struct store *store);

#endif
