/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an image on a simulated disk shows, as digests of its pages and as what
 * the oracle recognises in its pieces. No byte is copied and none looked at
 * twice: most pages of a crash state are those of the state before it.
 */
#ifndef CRASH_CONTENT_H
#define CRASH_CONTENT_H

#include "workload.h"

/**
 * struct content - the part of a virtual disk that workloads use
 * @pages: how many pages of STORE_PAGE bytes
 * @digest: one of each page
 * @pieces: how many pieces
 * @seen: what was recognised in each of them
 */
struct content {
	u64 pages;
	u64 *digest;
	u64 pieces;
	struct oracle_seen *seen;
};

void content_init(struct content *content, const struct config *config);
void content_destroy(struct content *content);
/* Look at an open image through its map; 0 or -errno. */
int content_read(struct content *content, const struct config *config,
		 struct vhdx_image *image, const struct sim_disk *disk);
/* True if reading the image byte by byte gives the same. */
bool content_is_read(const struct content *content, const struct config *config,
		     struct vhdx_image *image);
/* A new oracle, by which just that is legal. */
void content_promise(const struct content *content, struct oracle *oracle);
bool content_equal(const struct content *a, const struct content *b);

#endif
