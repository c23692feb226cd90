// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: as vhdxsetup check goes about it, to the end whatever it finds.
 */
#include "door.h"
#include "judge.h"

const enum door_focus door_focus = DOOR_ANY;

/* What stops an open is among what a check finds. */
static void compare(struct picture *picture, const struct opened *check)
{
	struct opened first;

	judge_open(&first, &picture->host, picture, FOR_CHECK, false);
	judge_close(&first);
	if (host_has_failed(&picture->host))
		return;
	if (!first.err != !check->err)
		judge_die("check: %d going on, %d not", check->err, first.err);
	if (first.err && !check->found[first.report.worst])
		judge_die("going on, %s is not found any more",
			  vhdx_finding_name(first.report.worst));
}

void door(struct picture *picture)
{
	struct opened check;

	if (judge_open(&check, &picture->host, picture, FOR_CHECK, true)) {
		judge_view(&check, NULL);
		judge_space(&check);
	}
	judge_close(&check);
	compare(picture, &check);
	if (ram_changes(&picture->host.ram))
		judge_die("check wrote");
}
