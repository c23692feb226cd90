// SPDX-License-Identifier: GPL-2.0-only
/*
 * open: for reading, for writing and for a check, which agree with each other.
 */
#include "door.h"
#include "judge.h"

const enum door_focus door_focus = DOOR_ANY;

/* A format: what the plain opens and the check say about each other. */
static void compare(const struct opened *reading, const struct opened *writing,
		    const struct opened *check)
{
	const char *name = vhdx_finding_name(writing->report.worst);

	if (!reading->err != !check->err)
		judge_die("check: %d, open: %d", check->err, reading->err);
	if (reading->err && !writing->err)
		judge_die("opens for writing but not for reading");
	if (reading->err && writing->report.worst != reading->report.worst &&
	    vhdx_finding_severity(writing->report.worst) !=
	    VHDX_SEVERITY_WRITE)
		judge_die("%s when opened for writing, else %s", name,
			  vhdx_finding_name(reading->report.worst));
	if (!reading->err && writing->err &&
	    !check->found[writing->report.worst])
		judge_die("%s refuses writing, and check does not say so",
			  name);
}

static void try_one(struct opened *opened, struct picture *picture,
		    enum how how)
{
	struct host *host = &picture->host;

	if (!judge_open(opened, host, picture, how, false))
		return;
	judge_view(opened, NULL);
	judge_space(opened);
	judge_close(opened);
}

void door(struct picture *picture)
{
	struct opened reading, writing, check;

	try_one(&reading, picture, FOR_READING);
	try_one(&writing, picture, FOR_WRITING);
	try_one(&check, picture, FOR_CHECK);
	if (!host_has_failed(&picture->host))
		compare(&reading, &writing, &check);
	if (ram_changes(&picture->host.ram))
		judge_die("written to, though only opened");
}
