/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A door is a way in for a hostile image; every fuzz target is one.
 */
#ifndef FUZZ_DOOR_H
#define FUZZ_DOOR_H

#include "picture.h"

/* Try it. May change the picture's host. */
void door(struct picture *picture);

/* What the mutator had best change, for a door that is only about that. */
enum door_focus {
	DOOR_ANY,
	DOOR_LOG,
	DOOR_VHD,
};

extern const enum door_focus door_focus;

#endif
