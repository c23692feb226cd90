/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The oracle: what a disk may show after the power was cut.
 *
 * A piece is 512 bytes of the virtual disk. What a piece may show is its last
 * value that a completed flush covers, or any value that was issued later;
 * zeros if nothing was ever written. Nothing else: no older value, no other
 * piece's data, no garbage. Written apart from the core, and knows nothing of
 * image formats.
 */
#ifndef CRASH_ORACLE_H
#define CRASH_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_PIECE 512

/* A value is the number of the write that put it there; 0 means zeros. */
struct oracle_change {
	uint64_t first;
	uint64_t pieces;
	uint32_t value;
};

/**
 * struct oracle - history of a disk, as far as it still matters
 * @pieces: size of the disk
 * @flushed: per piece the last value that a completed flush covers
 * @change: changes issued since then, oldest first
 * @changes: how many
 * @room: allocated
 */
struct oracle {
	uint64_t pieces;
	uint32_t *flushed;
	struct oracle_change *change;
	size_t changes;
	size_t room;
};

void oracle_init(struct oracle *oracle, uint64_t pieces);
void oracle_destroy(struct oracle *oracle);
/* The same history, independent from now on. */
void oracle_copy(struct oracle *oracle, const struct oracle *from);

/* A write (or with @value 0 a discard or zeroing) was issued. */
void oracle_issue(struct oracle *oracle, uint64_t first, uint64_t pieces,
		  uint32_t value);
/* A flush returned success: all that was issued is a promise now. */
void oracle_flush(struct oracle *oracle);

bool oracle_legal(const struct oracle *oracle, uint64_t piece, uint32_t value);
/* What a reader sees while the power is on. */
uint32_t oracle_current(const struct oracle *oracle, uint64_t piece);
uint64_t oracle_hash(const struct oracle *oracle);

/* Stamps: the bytes that stand for (piece, value). */
void oracle_stamp(void *buf, uint64_t piece, uint32_t value);

enum oracle_verdict {
	ORACLE_LEGAL,
	ORACLE_STALE,		/* a value of this piece that is not legal */
	ORACLE_TELEPORTED,	/* the stamp of another piece */
	ORACLE_GARBAGE,		/* no stamp at all */
};

/**
 * struct oracle_seen - what was recognised in a piece
 * @from: the piece it was written to; ORACLE_ANYWHERE: zeros
 * @value: what was written, 0: zeros
 * @garbage: it is no stamp
 */
struct oracle_seen {
	uint64_t from;
	uint32_t value;
	bool garbage;
};

#define ORACLE_ANYWHERE UINT64_MAX

struct oracle_seen oracle_recognise(const void *bytes);
/* Judge one piece by what was recognised in it. */
enum oracle_verdict oracle_judge(const struct oracle *oracle, uint64_t piece,
				 const struct oracle_seen *seen);
const char *oracle_verdict_name(enum oracle_verdict verdict);

#endif
