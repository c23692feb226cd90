// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup list: all mappings. */
#include "lib/mapping.h"
#include "tool/vhdxsetup.h"

static void print_mapping(struct json_object *list,
			  const struct vhdx_mapping *mapping)
{
	u64 size_bytes = mapping->sectors << SECTOR_SHIFT;
	struct vhdx_error ignored;
	struct json_object *object;
	bool in_use;
	char size[SIZE_TEXT_BYTES];

	if (!list) {
		printf("%-20s %-2s %-34s %s\n", mapping->device.name,
		       mapping->device.read_only ? "ro" : "rw",
		       size_text(size_bytes, size), mapping->image);
		return;
	}
	object = json_object_new_object();
	json_set_text(object, "name", mapping->device.name);
	json_set_text(object, "image", mapping->image);
	json_set_text(object, "uuid", mapping->device.uuid);
	json_set_flag(object, "read_only", mapping->device.read_only);
	if (!vhdx_mapping_in_use(mapping, &in_use, &ignored))
		json_set_flag(object, "in_use", in_use);
	json_set_number(object, "size_bytes", size_bytes);
	json_object_array_add(list, object);
}

int verb_list(const struct invocation *run)
{
	CLEANUP_FREE struct vhdx_dm_device *devices = NULL;
	struct json_object *document = NULL, *list = NULL;
	struct vhdx_error error;
	size_t i, count;

	if (vhdx_mapping_list(&devices, &count, &error))
		return fail(&error);
	if (given(run, OPTION_JSON)) {
		document = json_document();
		list = json_object_new_array();
		json_object_object_add(document, "mappings", list);
	}
	for (i = 0; i < count; i++) {
		CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };

		/* It may have gone since. */
		if (!vhdx_mapping_find(devices[i].name, &mapping, &error))
			print_mapping(list, &mapping);
	}
	if (document)
		json_finish(document);
	return VHDX_EXIT_OK;
}
