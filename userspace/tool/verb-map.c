// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup map: where the disk lies in the image. */
#include "tool/vhdxsetup.h"

/**
 * struct extents - neighbours are joined before they are printed
 * @list: JSON, or NULL for text
 * @start_bytes: on the disk, of the extent in the making
 * @now: the extent in the making; no length: none yet
 */
struct extents {
	struct json_object *list;
	u64 start_bytes;
	struct vhdx_extent now;
};

static void print_extent(const struct extents *extents)
{
	const struct vhdx_extent *now = &extents->now;
	struct json_object *object;
	bool data = now->kind == VHDX_EXTENT_DATA;

	if (!now->len_bytes)
		return;
	if (!extents->list) {
		printf("%16llu %16llu  ",
		       (unsigned long long)extents->start_bytes,
		       (unsigned long long)now->len_bytes);
		if (data)
			printf("%16llu\n",
			       (unsigned long long)now->offset_bytes);
		else
			printf("%16s\n", "zero");
		return;
	}
	object = json_object_new_object();
	json_set_number(object, "start", extents->start_bytes);
	json_set_number(object, "length", now->len_bytes);
	json_set_flag(object, "data", data);
	if (data)
		json_set_number(object, "offset", now->offset_bytes);
	json_object_array_add(extents->list, object);
}

static void add_extent(struct extents *extents, u64 start_bytes,
		       const struct vhdx_extent *extent)
{
	struct vhdx_extent *now = &extents->now;

	if (now->len_bytes && now->kind == extent->kind &&
	    (now->kind == VHDX_EXTENT_ZERO ||
	     now->offset_bytes + now->len_bytes == extent->offset_bytes)) {
		now->len_bytes += extent->len_bytes;
		return;
	}
	print_extent(extents);
	extents->start_bytes = start_bytes;
	*now = *extent;
}

static int find_extent(struct vhdx_image *image, u64 virtual_bytes,
		       struct vhdx_extent *extent)
{
	const struct vhdx_geometry *geometry = vhdx_image_geometry(image);
	u64 len_bytes = geometry->virtual_bytes - virtual_bytes;
	int ret;

	vhdx_image_map(image, virtual_bytes, len_bytes, false, extent);
	if (extent->kind != VHDX_EXTENT_LOAD)
		return 0;
	ret = vhdx_image_load(image, virtual_bytes / geometry->block_bytes);
	if (ret)
		return ret;
	vhdx_image_map(image, virtual_bytes, len_bytes, false, extent);
	return extent->kind == VHDX_EXTENT_LOAD ? -EIO : 0;
}

static int walk(struct vhdx_image *image, struct extents *extents)
{
	u64 virtual_bytes = vhdx_image_geometry(image)->virtual_bytes;
	struct vhdx_extent extent;
	u64 at = 0;
	int ret;

	while (at < virtual_bytes) {
		ret = find_extent(image, at, &extent);
		if (ret)
			return ret;
		add_extent(extents, at, &extent);
		at += extent.len_bytes;
	}
	print_extent(extents);
	return 0;
}

int verb_map(const struct invocation *run)
{
	CLEANUP_IMAGE_FILE struct vhdx_image_file file =
		VHDX_IMAGE_FILE_CLOSED;
	struct json_object *document = NULL;
	struct extents extents = { 0 };
	struct vhdx_error error;
	int ret;

	if (vhdx_image_file_open_and_load(&file, run->argument[0], false,
					  &error))
		return fail(&error);
	if (given(run, OPTION_JSON)) {
		document = json_document();
		json_set_text(document, "image", run->argument[0]);
		extents.list = json_object_new_array();
		json_object_object_add(document, "extents", extents.list);
	} else {
		printf("%16s %16s  %16s\n", "start", "length", "in the file");
	}

	ret = walk(file.image, &extents);
	if (ret) {
		json_object_put(document);
		vhdx_error_set(&error, -ret, "%s: %s", run->argument[0],
			       strerror(-ret));
		return fail(&error);
	}
	if (document)
		json_finish(document);
	return VHDX_EXIT_OK;
}
