/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must hold for the device under an image, in whatever state the power
 * left it.
 */
#ifndef TESTS_LOG_VERIFY_H
#define TESTS_LOG_VERIFY_H

#include "log-history.h"
#include "sim-disk.h"

/**
 * struct log_verify - the verdict on states, one after the other
 * @history: of the disk that the image is
 * @durable: so many entries of it were, for certain
 * @seen: hash of each page of the disk when it was last found to be legal
 * @known: @seen is valid
 * @pages: how many
 * @why: what was wrong
 */
struct log_verify {
	struct history history;
	u64 durable;
	u64 *seen;
	bool *known;
	u64 pages;
	char why[200];
};

/* Learns from the @image how large the disk is, and from @top what it did. */
void log_verify_init(struct log_verify *v, const struct sim_state *image,
		     const struct log_file *top);
void log_verify_destroy(struct log_verify *v);
/* These bytes may not hold any more what they have held. */
void log_verify_forget(struct log_verify *v, u64 offset, u64 len);
bool log_verify_state(struct log_verify *v, const struct sim_state *state);

#endif
