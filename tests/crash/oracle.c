// SPDX-License-Identifier: GPL-2.0-only
/*
 * The oracle: what a disk may show after the power was cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#define WORDS (ORACLE_PIECE / sizeof(uint64_t))
#define MAGIC 0x70ace57a3b1e55edULL

static void *checked(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void oracle_init(struct oracle *oracle, uint64_t pieces)
{
	memset(oracle, 0, sizeof(*oracle));
	oracle->pieces = pieces;
	oracle->flushed = checked(calloc(pieces + 1, sizeof(uint32_t)));
}

void oracle_destroy(struct oracle *oracle)
{
	free(oracle->flushed);
	free(oracle->change);
	memset(oracle, 0, sizeof(*oracle));
}

void oracle_copy(struct oracle *oracle, const struct oracle *from)
{
	size_t i;

	oracle_init(oracle, from->pieces);
	memcpy(oracle->flushed, from->flushed,
	       from->pieces * sizeof(uint32_t));
	for (i = 0; i < from->changes; i++)
		oracle_issue(oracle, from->change[i].first,
			     from->change[i].pieces, from->change[i].value);
}

void oracle_issue(struct oracle *oracle, uint64_t first, uint64_t pieces,
		  uint32_t value)
{
	struct oracle_change *change;

	if (first > oracle->pieces || pieces > oracle->pieces - first) {
		fputs("oracle: change past the end of the disk\n", stderr);
		abort();
	}
	if (oracle->changes == oracle->room) {
		oracle->room = oracle->room ? 2 * oracle->room : 8;
		oracle->change = checked(realloc(oracle->change, oracle->room *
						 sizeof(*oracle->change)));
	}
	change = &oracle->change[oracle->changes++];
	change->first = first;
	change->pieces = pieces;
	change->value = value;
}

void oracle_flush(struct oracle *oracle)
{
	const struct oracle_change *change;
	uint64_t piece;
	size_t i;

	for (i = 0; i < oracle->changes; i++) {
		change = &oracle->change[i];
		for (piece = 0; piece < change->pieces; piece++)
			oracle->flushed[change->first + piece] = change->value;
	}
	oracle->changes = 0;
}

static bool covers(const struct oracle_change *change, uint64_t piece)
{
	return piece >= change->first && piece - change->first < change->pieces;
}

bool oracle_legal(const struct oracle *oracle, uint64_t piece, uint32_t value)
{
	size_t i;

	if (piece >= oracle->pieces)
		return false;
	if (oracle->flushed[piece] == value)
		return true;
	for (i = 0; i < oracle->changes; i++)
		if (oracle->change[i].value == value &&
		    covers(&oracle->change[i], piece))
			return true;
	return false;
}

uint32_t oracle_current(const struct oracle *oracle, uint64_t piece)
{
	size_t i;

	for (i = oracle->changes; i > 0; i--)
		if (covers(&oracle->change[i - 1], piece))
			return oracle->change[i - 1].value;
	return oracle->flushed[piece];
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 31;
}

uint64_t oracle_hash(const struct oracle *oracle)
{
	uint64_t hash = MAGIC, i;

	for (i = 0; i < oracle->pieces; i++)
		hash = mix(hash, oracle->flushed[i]);
	for (i = 0; i < oracle->changes; i++) {
		hash = mix(hash, oracle->change[i].first);
		hash = mix(hash, oracle->change[i].pieces);
		hash = mix(hash, oracle->change[i].value);
	}
	return hash;
}

void oracle_stamp(void *buf, uint64_t piece, uint32_t value)
{
	uint64_t key = mix(mix(MAGIC, piece), value);
	uint64_t words[WORDS] = { 0 };
	size_t i;

	if (value) {
		words[0] = MAGIC;
		words[1] = piece;
		words[2] = value;
		for (i = 3; i < WORDS; i++)
			words[i] = key + i;
	}
	memcpy(buf, words, sizeof(words));
}

static bool is_stamp(const void *bytes, uint64_t piece, uint32_t value)
{
	static const uint8_t zeros[ORACLE_PIECE];
	uint8_t stamp[ORACLE_PIECE];

	if (!value)
		return !memcmp(bytes, zeros, ORACLE_PIECE);
	oracle_stamp(stamp, piece, value);
	return !memcmp(bytes, stamp, ORACLE_PIECE);
}

struct oracle_seen oracle_recognise(const void *bytes)
{
	struct oracle_seen seen = { .from = ORACLE_ANYWHERE };
	uint64_t words[3];

	memcpy(words, bytes, sizeof(words));
	if (words[0] == MAGIC) {
		seen.from = words[1];
		seen.value = (uint32_t)words[2];
	}
	seen.garbage = !is_stamp(bytes, seen.from, seen.value);
	return seen;
}

enum oracle_verdict oracle_judge(const struct oracle *oracle, uint64_t piece,
				 const struct oracle_seen *seen)
{
	if (seen->garbage)
		return ORACLE_GARBAGE;
	if (seen->from != piece && seen->from != ORACLE_ANYWHERE)
		return ORACLE_TELEPORTED;
	return oracle_legal(oracle, piece, seen->value) ? ORACLE_LEGAL :
							  ORACLE_STALE;
}

const char *oracle_verdict_name(enum oracle_verdict verdict)
{
	static const char *const names[] = {
		[ORACLE_LEGAL] = "legal",
		[ORACLE_STALE] = "a value that is not legal any more or yet",
		[ORACLE_TELEPORTED] = "the data of another sector",
		[ORACLE_GARBAGE] = "garbage",
	};

	return names[verdict];
}
