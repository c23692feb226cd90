// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhd: taken for a VHD whatever it looks like; opened, checked, read, written.
 */
#include "door.h"
#include "work.h"

const enum door_focus door_focus = DOOR_VHD;

static void look(struct picture *picture, enum how how, bool keep_going)
{
	struct opened opened;

	if (judge_open(&opened, &picture->host, picture, how, keep_going)) {
		judge_view(&opened, NULL);
		judge_space(&opened);
	}
	judge_close(&opened);
}

void door(struct picture *picture)
{
	struct work work;

	if (picture->host.ram.size > PICTURE_MAX_VHD_BYTES)
		return;
	picture->flags &= ~PICTURE_AS_VHDX;
	picture->flags |= PICTURE_AS_VHD;
	look(picture, FOR_READING, false);
	look(picture, FOR_CHECK, true);
	if (ram_changes(&picture->host.ram))
		judge_die("written to, though only opened");
	if (!work_start(&work, picture, &picture->host))
		return;
	work_do(&work);
	work_stop(&work, true);
}
