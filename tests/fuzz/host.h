/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host of a hostile image: the RAM container, with an end to its patience.
 * An image may make us read or write much; it must not make one input take
 * long or need much memory, and beyond these bounds a host fails as hosts do.
 */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#include "ram.h"

#define HOST_READS (192ULL << 20)
#define HOST_WRITES (24ULL << 20)
#define HOST_REACH (1ULL << 42)

/**
 * struct host - a container
 * @ram: the bytes; hand @ram.container to the core
 * @may_read: reads are EIO when so many bytes have been read
 * @may_write: writes are ENOSPC when so many have been written
 * @exhausted: it has come to that
 */
struct host {
	struct ram ram;
	u64 may_read;
	u64 may_write;
	bool exhausted;
};

void host_init(struct host *host, u64 size, bool device);
/* The same bytes and properties, all patience. */
void host_clone(struct host *host, const struct host *from);
void host_destroy(struct host *host);
/* Patience again, for one more open. */
void host_refresh(struct host *host);
/* A failure that was the host's, not the image's. */
bool host_has_failed(const struct host *host);

#endif
