// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup status: the state of a mapping. */
#include "lib/mapping.h"
#include "tool/vhdxsetup.h"

static void add_status(struct json_object *document,
		       const struct vhdx_mapping_status *status)
{
	json_set_text(document, "format", status->format);
	json_set_text(document, "type", status->type);
	json_set_text(document, "mode", status->mode);
	json_set_text(document, "io", status->io);
	json_set_number(document, "virtual_bytes", status->virtual_bytes);
	json_set_number(document, "block_bytes", status->block_bytes);
	json_set_number(document, "file_bytes", status->file_bytes);
	json_set_number(document, "blocks", status->blocks);
	json_set_number(document, "blocks_present", status->blocks_present);
	json_set_number(document, "free_bytes", status->free_bytes);
	json_set_number(document, "pending_bytes", status->pending_bytes);
	json_set_counter(document, "commits", status->commits);
	json_set_flag(document, "dirty", status->dirty);
	json_set_text(document, "compaction", status->compaction);
	json_set_number(document, "compaction_percent", status->percent);
}

/* Numbers of the partitions that are mapped. */
static void add_partitions(struct json_object *document,
			   const struct vhdx_mapping *mapping)
{
	CLEANUP_FREE struct vhdx_dm_device *maps = NULL;
	struct json_object *list, *object;
	struct vhdx_error ignored;
	size_t i, count;
	int number;

	list = json_object_new_array();
	json_object_object_add(document, "partitions", list);
	if (vhdx_dm_list("part", &maps, &count, &ignored))
		return;
	for (i = 0; i < count; i++) {
		number = vhdx_partition_number(&maps[i], mapping->device.uuid);
		if (!number)
			continue;
		object = json_object_new_object();
		json_set_text(object, "name", maps[i].name);
		json_set_flag(object, "in_use", maps[i].open_count);
		json_object_array_add(list, object);
	}
}

int verb_status(const struct invocation *run)
{
	CLEANUP_MAPPING struct vhdx_mapping mapping = { 0 };
	struct vhdx_mapping_status status = { 0 };
	struct json_object *document;
	struct vhdx_error error;
	bool in_use;

	if (vhdx_mapping_find(run->argument[0], &mapping, &error) ||
	    vhdx_mapping_in_use(&mapping, &in_use, &error) ||
	    vhdx_mapping_read_status(run->argument[0], &status, &error))
		return fail(&error);

	if (!given(run, OPTION_JSON))
		printf("/dev/mapper/%s is active%s.\n", mapping.device.name,
		       in_use ? " and is in use" : "");
	document = json_document();
	json_set_text(document, "name", mapping.device.name);
	json_set_text(document, "image", mapping.image);
	json_set_text(document, "arguments", mapping.arguments);
	json_set_text(document, "uuid", mapping.device.uuid);
	json_set_flag(document, "in_use", in_use);
	json_set_flag(document, "read_only", mapping.device.read_only);
	json_set_flag(document, "suspended", mapping.device.suspended);
	add_status(document, &status);
	add_partitions(document, &mapping);
	print_document(run, document);
	return VHDX_EXIT_OK;
}
