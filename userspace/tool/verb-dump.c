// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup dump: what is written in an image. */
#include "core/vhd.h"
#include "core/vhdx.h"
#include "tool/vhdxsetup.h"

static struct json_object *add_object(struct json_object *parent,
				      const char *key)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(parent, key, object);
	return object;
}

/* At most @bytes of ASCII, as far as it is printable. */
static void set_ascii(struct json_object *object, const char *key,
		      const u8 *bytes, size_t count)
{
	char text[16];
	size_t i;

	for (i = 0; i < count && i + 1 < sizeof(text); i++)
		text[i] = bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : ' ';
	while (i && text[i - 1] == ' ')
		i--;
	text[i] = '\0';
	json_set_text(object, key, text);
}

static void dump_geometry(struct json_object *document,
			  const struct vhdx_image_file *file)
{
	const struct vhdx_geometry *geometry = vhdx_image_geometry(file->image);
	char id[VHDX_GUID_TEXT_BYTES];
	struct vhdx_usage usage;

	vhdx_id_format(geometry, id);
	vhdx_image_usage(file->image, &usage);
	json_set_text(document, "image", file->path);
	json_set_text(document, "format", format_name(geometry->format));
	json_set_text(document, "type", type_name(geometry->type));
	json_set_text(document, "id", id);
	json_set_number(document, "virtual_bytes", geometry->virtual_bytes);
	json_set_number(document, "block_bytes", geometry->block_bytes);
	json_set_number(document, "sector_bytes", geometry->sector_bytes);
	json_set_number(document, "physical_bytes", geometry->physical_bytes);
	json_set_number(document, "file_bytes",
			vhdx_size((struct vhdx_container *)
				  &file->file.container));
	json_set_number(document, "blocks", geometry->blocks);
	json_set_number(document, "blocks_present", usage.blocks_present);
	json_set_number(document, "free_bytes", usage.free_bytes);
	json_set_flag(document, "needs_replay",
		      vhdx_image_needs_replay(file->image));
}

/* ---- VHDX ------------------------------------------------------------------ */

static void set_guid(struct json_object *object, const char *key,
		     const vhdx_guid *guid)
{
	char text[VHDX_GUID_TEXT_BYTES];

	vhdx_guid_format(guid->b, text);
	json_set_text(object, key, text);
}

static int dump_creator(struct json_object *document,
			struct vhdx_container *container)
{
	struct vhdx_file_id_disk id;
	char text[ARRAY_SIZE(id.creator) + 1];
	size_t i;
	int ret;

	ret = vhdx_read(container, VHDX_FILE_ID_OFFSET, &id, sizeof(id));
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(id.creator) && id.creator[i]; i++) {
		u16 c = le16_to_cpu(id.creator[i]);

		text[i] = c >= ' ' && c < 127 ? c : '?';
	}
	text[i] = '\0';
	json_set_text(document, "creator", text);
	return 0;
}

static void dump_header(struct json_object *document, const struct vhdx *vhdx)
{
	const struct vhdx_header_disk *header = vhdx->headers.page;
	struct json_object *object = add_object(document, "header");

	json_set_number(object, "slot", vhdx->headers.slot + 1);
	json_set_flag(object, "other_invalid", vhdx->headers.other_invalid);
	json_set_counter(object, "sequence_number",
			 le64_to_cpu(header->sequence_number));
	set_guid(object, "file_write_guid", &header->file_write_guid);
	set_guid(object, "data_write_guid", &header->data_write_guid);
	set_guid(object, "log_guid", &header->log_guid);

	object = add_object(document, "log");
	json_set_number(object, "offset", le64_to_cpu(header->log_offset));
	json_set_number(object, "length_bytes",
			le32_to_cpu(header->log_length));
	json_set_flag(object, "empty", vhdx_guid_is_zero(&header->log_guid));
	json_set_number(object, "patches", vhdx->overlay.count);
}

static void dump_region(struct json_object *parent, const char *key,
			const struct vhdx_region *region)
{
	struct json_object *object = add_object(parent, key);

	json_set_number(object, "offset", region->offset_bytes);
	json_set_number(object, "length_bytes", region->len_bytes);
}

static void dump_bat(struct json_object *document, const struct vhdx_bat *bat)
{
	static const char *const names[8] = {
		[VHDX_BLOCK_NOT_PRESENT] = "not_present",
		[VHDX_BLOCK_UNDEFINED] = "undefined",
		[VHDX_BLOCK_ZERO] = "zero",
		[VHDX_BLOCK_UNMAPPED] = "unmapped",
		[VHDX_BLOCK_FULLY_PRESENT] = "fully_present",
		[VHDX_BLOCK_PARTIALLY_PRESENT] = "partially_present",
	};
	struct json_object *object = add_object(document, "bat");
	u64 block, count[8] = { 0 }, anchored = 0;
	size_t state;

	for (block = 0; block < bat->blocks; block++) {
		u64 entry = vhdx_bat_get(bat, block);

		count[vhdx_entry_state(entry)]++;
		anchored += vhdx_entry_is_anchored(entry);
	}
	json_set_number(object, "entries", bat->entries);
	json_set_number(object, "chunk_ratio", 1ULL << bat->ratio_shift);
	for (state = 0; state < ARRAY_SIZE(names); state++)
		if (names[state])
			json_set_number(object, names[state], count[state]);
	json_set_number(object, "anchored", anchored);
}

static int dump_vhdx(struct json_object *document,
		     const struct vhdx_image_file *file)
{
	const struct vhdx *vhdx = to_const_vhdx(file->image);
	struct json_object *object;
	int ret;

	ret = dump_creator(document, file->image->container);
	dump_header(document, vhdx);
	object = add_object(document, "regions");
	dump_region(object, "bat", &vhdx->regions.bat);
	dump_region(object, "metadata", &vhdx->regions.metadata);
	object = add_object(document, "metadata");
	set_guid(object, "virtual_disk_id", &vhdx->metadata.disk_id);
	json_set_flag(object, "leave_blocks_allocated",
		      vhdx->metadata.leave_blocks_allocated);
	dump_bat(document, &vhdx->bat);
	return ret;
}

/* ---- VHD -------------------------------------------------------------------- */

static void dump_footer(struct json_object *document,
			const struct vhd_image *vhd)
{
	const struct vhd_footer_disk *footer = &vhd->footer;
	struct json_object *object = add_object(document, "footer");

	json_set_number(object, "offset", vhd->footer_bytes);
	json_set_flag(object, "at_end", vhd->footer_at_end);
	json_set_number(object, "timestamp", be32_to_cpu(footer->timestamp));
	set_ascii(object, "creator", footer->creator_application,
		  sizeof(footer->creator_application));
	json_set_number(object, "creator_version",
			be32_to_cpu(footer->creator_version));
	set_ascii(object, "creator_host", footer->creator_host_os,
		  sizeof(footer->creator_host_os));
	json_set_number(object, "original_bytes",
			be64_to_cpu(footer->original_size));
	json_set_number(object, "current_bytes",
			be64_to_cpu(footer->current_size));
	json_set_number(object, "cylinders", be16_to_cpu(footer->cylinders));
	json_set_number(object, "heads", footer->heads);
	json_set_number(object, "sectors_per_track",
			footer->sectors_per_track);
	json_set_flag(object, "saved_state", footer->saved_state);
}

static void dump_vhd(struct json_object *document,
		     const struct vhdx_image_file *file)
{
	const struct vhd_image *vhd = vhd_image_const(file->image);
	struct json_object *object;

	dump_footer(document, vhd);
	if (file->image->geometry.type == VHDX_TYPE_FIXED)
		return;
	json_set_flag(document, "footer_copy_good", vhd->copy_good);
	object = add_object(document, "header");
	json_set_number(object, "offset", vhd->header_bytes);
	object = add_object(document, "bat");
	json_set_number(object, "offset", vhd->bat_bytes);
	json_set_number(object, "length_bytes", vhd->bat_len_bytes);
	json_set_number(object, "bitmap_bytes", vhd->bitmap_bytes);
}

int verb_dump(const struct invocation *run)
{
	CLEANUP_IMAGE_FILE struct vhdx_image_file file =
		VHDX_IMAGE_FILE_CLOSED;
	struct json_object *document;
	struct vhdx_error error;
	int ret = 0;

	if (vhdx_image_file_open_and_load(&file, run->argument[0], false,
					  &error))
		return fail(&error);
	document = json_document();
	dump_geometry(document, &file);
	if (file.image->geometry.format == VHDX_FORMAT_VHDX)
		ret = dump_vhdx(document, &file);
	else
		dump_vhd(document, &file);
	if (ret) {
		json_object_put(document);
		vhdx_error_set(&error, -ret, "%s: %s", file.path,
			       strerror(-ret));
		return fail(&error);
	}
	print_document(run, document);
	return VHDX_EXIT_OK;
}
