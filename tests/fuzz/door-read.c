// SPDX-License-Identifier: GPL-2.0-only
/*
 * read: read everything, write and discard here and there, crash, reopen: it
 * is as it must be.
 */
#include "door.h"
#include "work.h"

const enum door_focus door_focus = DOOR_ANY;

void door(struct picture *picture)
{
	struct work work;

	if (!work_start(&work, picture, &picture->host))
		return;
	work_do(&work);
	work_stop(&work, picture->ops % 2);
}
