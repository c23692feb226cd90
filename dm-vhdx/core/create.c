// SPDX-License-Identifier: GPL-2.0-only
#include "create.h"

int vhdx_create(struct vhdx_container *container,
		const struct vhdx_create_options *options)
{
	if (options->format == VHDX_FORMAT_VHDX)
		return vhdx_create_vhdx(container, options);
	return vhdx_create_vhd(container, options);
}
