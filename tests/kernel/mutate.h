/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutated images: small sound ones of every kind, some with a dirty log, in
 * which a few numbers are changed and the checksums mostly made right again.
 */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H

#include "ram.h"

/* splitmix64: each number of a seed has a sequence of its own. */
struct chance {
	u64 state;
};

void chance_init(struct chance *chance, u64 seed, u64 number);
u64 chance_next(struct chance *chance);
/* 0 to @below - 1 */
u64 chance_below(struct chance *chance, u64 below);
/* True once in @in times. */
bool chance_one(struct chance *chance, u64 in);

/**
 * mutate() - make an image
 * @ram: filled in; destroy it afterwards
 * @chance: where all decisions come from
 * @sound: leave it as it is
 *
 * Return: "vhdx" or "vhd", what the image was before.
 */
const char *mutate(struct ram *ram, struct chance *chance, bool sound);

#endif
