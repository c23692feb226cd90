/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changes that know where things are: a field of a structure gets another
 * value, and the checksums are repaired afterwards.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "picture.h"

/**
 * struct mutator - a mutation under way
 * @picture: what is changed
 * @ram: its bytes
 * @random: state of the generator
 */
struct mutator {
	struct picture *picture;
	struct ram *ram;
	u64 random;
};

/**
 * struct field - a number in a structure
 */
struct field {
	u16 offset;
	u8 bytes;
};

u64 mutate_random(struct mutator *m, u64 below);
bool mutate_chance(struct mutator *m, unsigned int one_in);

u64 mutate_get(const struct ram *ram, u64 at, unsigned int bytes, bool big);
void mutate_put(struct ram *ram, u64 at, u64 value, unsigned int bytes,
		bool big);
/* Another number; longer fields get other bytes. */
void mutate_field(struct mutator *m, u64 at, unsigned int bytes, bool big);
void mutate_one_of(struct mutator *m, u64 at, const struct field *fields,
		   size_t count, bool big);
/* Bytes of one place also at another, or both exchanged. */
void mutate_copy(struct mutator *m, u64 from, u64 to, size_t len);
void mutate_swap(struct mutator *m, u64 a, u64 b, size_t len);

/* Formats: change something, in the log only; repair all checksums. */
void mutate_vhdx(struct mutator *m);
void mutate_vhdx_log(struct mutator *m);
void mutate_vhdx_seal(struct ram *ram);
void mutate_vhd(struct mutator *m);
void mutate_vhd_seal(struct ram *ram);

#endif
