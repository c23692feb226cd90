// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup open: map an image, or refresh the partitions of a mapping. */
#include <sys/stat.h>

#include "lib/mapping.h"
#include "tool/vhdxsetup.h"

static int require_root(void)
{
	if (!geteuid())
		return VHDX_EXIT_OK;
	complain("mapping an image needs root; 'vhdxsetup read' and 'vhdxsetup map' do not");
	return VHDX_EXIT_PERMISSION;
}

static int open_image(const char *path, const char *name,
		      const struct vhdx_mapping_options *options)
{
	CLEANUP_IMAGE_FILE struct vhdx_image_file file =
		VHDX_IMAGE_FILE_CLOSED;
	struct vhdx_error error;
	int ret;

	if (vhdx_mapping_check_name(name, &error) ||
	    vhdx_mapping_check_file(path, options, &error) ||
	    vhdx_image_file_open_and_load(&file, path, !options->read_only,
					  &error))
		return fail(&error);
	ret = require_root();
	if (ret)
		return ret;
	if (vhdx_mapping_open(&file, name, options, &error))
		return fail(&error);
	return VHDX_EXIT_OK;
}

/* With two arguments the first must be the image that is mapped. */
static int check_image(const struct invocation *run,
		       const struct vhdx_mapping *mapping)
{
	struct stat given_image, mapped_image;

	if (run->arguments == 1)
		return VHDX_EXIT_OK;
	if (!stat(run->argument[0], &given_image) &&
	    !stat(mapping->image, &mapped_image) &&
	    given_image.st_dev == mapped_image.st_dev &&
	    given_image.st_ino == mapped_image.st_ino)
		return VHDX_EXIT_OK;
	complain("%s: is not the image of %s, which is %s", run->argument[0],
		 mapping->device.name, mapping->image);
	return VHDX_EXIT_WRONG_DEVICE;
}

static int refresh(const struct invocation *run)
{
	CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };
	struct vhdx_error error;
	int ret;

	if (given(run, OPTION_READONLY) || given(run, OPTION_NO_DISCARD) ||
	    given(run, OPTION_NO_PARTITIONS))
		return usage_error("--refresh goes with no other option");
	ret = require_root();
	if (ret)
		return ret;
	if (vhdx_mapping_find(run->argument[run->arguments - 1], &mapping,
			      &error))
		return fail(&error);
	ret = check_image(run, &mapping);
	if (ret)
		return ret;
	return vhdx_mapping_refresh(&mapping, &error) ? fail(&error) :
							VHDX_EXIT_OK;
}

int verb_open(const struct invocation *run)
{
	struct vhdx_mapping_options options = {
		.read_only = given(run, OPTION_READONLY),
		.no_discard = given(run, OPTION_NO_DISCARD),
		.no_partitions = given(run, OPTION_NO_PARTITIONS),
	};

	if (given(run, OPTION_REFRESH))
		return refresh(run);
	if (run->arguments != 2)
		return usage_error("usage: vhdxsetup open [OPTION]... IMAGE NAME");
	return open_image(run->argument[0], run->argument[1], &options);
}
