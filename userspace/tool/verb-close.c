// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup close: remove a mapping and its partitions. */
#include "lib/mapping.h"
#include "tool/vhdxsetup.h"

int verb_close(const struct invocation *run)
{
	struct vhdx_error error;

	if (geteuid()) {
		complain("removing a mapping needs root");
		return VHDX_EXIT_PERMISSION;
	}
	if (vhdx_mapping_close(run->argument[0], given(run, OPTION_DEFERRED),
			       &error))
		return fail(&error);
	return VHDX_EXIT_OK;
}
