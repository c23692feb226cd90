// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup compact: give back what is not used. */
#include "lib/compaction.h"
#include "tool/vhdxsetup.h"

static int parse_wishes(const struct invocation *run,
			struct vhdx_compaction *compaction,
			struct vhdx_error *error)
{
	const char *mode = run->value[OPTION_MODE];
	u64 seconds = 0;

	compaction->mode = VHDX_COMPACT_QUICK;
	compaction->mode_used = VHDX_COMPACT_QUICK;
	if (mode && vhdx_compact_mode_parse(mode, &compaction->mode))
		return vhdx_error_set(error, EINVAL,
				      "%s: not a mode; there are quick, retrim and pretrimmed",
				      mode);
	if (option_number(run, OPTION_TIMEOUT, &seconds, error))
		return -EINVAL;
	if (given(run, OPTION_TIMEOUT) && (!seconds || seconds > U32_MAX))
		return vhdx_error_set(error, EINVAL,
				      "%s: not a time to wait, in seconds",
				      run->value[OPTION_TIMEOUT]);
	compaction->timeout_seconds = seconds;
	return 0;
}

/* ---- text ---------------------------------------------------------------- */

static void print_filesystem(const struct vhdx_filesystem *fs)
{
	char size[SIZE_TEXT_BYTES], name[32] = "whole disk";

	if (fs->number)
		snprintf(name, sizeof(name), "partition %d", fs->number);
	printf("  %s", name);
	if (fs->type[0])
		printf(" (%s)", fs->type);
	if (fs->mount_point)
		printf(" on %s", fs->mount_point);
	if (fs->trimmed)
		printf(": trimmed %s\n", size_text(fs->trimmed_bytes, size));
	else
		printf(": not asked: %s\n", fs->why_not);
}

static void print_usage(const char *what, u64 before, u64 after)
{
	char a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];

	printf("  %-11s%s -> %s\n", what, size_text(before, a),
	       size_text(after, b));
}

static void print_result(const struct vhdx_compaction *compaction,
			 const char *target, enum vhdx_return value)
{
	size_t i;

	printf("%s: %s", target, vhdx_compact_mode_name(compaction->mode_used));
	if (compaction->mode_used != compaction->mode)
		printf(" (instead of %s: no mounted file system to ask)",
		       vhdx_compact_mode_name(compaction->mode));
	printf(" %s (%d)\n", vhdx_return_name(value), value);
	for (i = 0; i < compaction->filesystems.count; i++)
		print_filesystem(&compaction->filesystems.list[i]);
	if (!compaction->before.length_bytes)
		return;
	print_usage("length:", compaction->before.length_bytes,
		    compaction->after.length_bytes);
	print_usage("allocated:", compaction->before.allocated_bytes,
		    compaction->after.allocated_bytes);
	printf("  blocks:    %llu released, %llu moved, %llu entries tidied\n",
	       (unsigned long long)compaction->counts.blocks_released,
	       (unsigned long long)compaction->counts.blocks_moved,
	       (unsigned long long)compaction->counts.entries_tidied);
}

/* ---- JSON ---------------------------------------------------------------- */

static struct json_object *usage_object(const struct vhdx_file_usage *usage)
{
	struct json_object *object = json_object_new_object();

	json_set_number(object, "length", usage->length_bytes);
	json_set_number(object, "allocated", usage->allocated_bytes);
	return object;
}

static struct json_object *filesystem_object(const struct vhdx_filesystem *fs)
{
	struct json_object *object = json_object_new_object();

	json_set_number(object, "partition", fs->number);
	json_set_text(object, "device", fs->device[0] ? fs->device : NULL);
	json_set_text(object, "type", fs->type[0] ? fs->type : NULL);
	json_set_text(object, "mount_point", fs->mount_point);
	json_set_flag(object, "trimmed", fs->trimmed);
	json_set_number(object, "trimmed_bytes", fs->trimmed_bytes);
	if (!fs->trimmed)
		json_set_text(object, "why_not", fs->why_not);
	return object;
}

static void json_result(const struct vhdx_compaction *compaction,
			const char *target, enum vhdx_return value,
			const struct vhdx_error *error)
{
	const struct vhdx_compact_counts *counts = &compaction->counts;
	struct json_object *document = json_document();
	struct json_object *list = json_object_new_array();
	size_t i;

	json_set_text(document, "target", target);
	json_set_text(document, "mapping",
		      compaction->mapping[0] ? compaction->mapping : NULL);
	json_set_text(document, "mode",
		      vhdx_compact_mode_name(compaction->mode));
	json_set_text(document, "mode_used",
		      vhdx_compact_mode_name(compaction->mode_used));
	json_set_number(document, "return_value", value);
	json_set_text(document, "return_name", vhdx_return_name(value));
	json_set_text(document, "error", error->err ? error->text : NULL);
	for (i = 0; i < compaction->filesystems.count; i++)
		json_object_array_add(list,
				      filesystem_object(&compaction->filesystems.list[i]));
	json_object_object_add(document, "filesystems", list);
	json_object_object_add(document, "before",
			       usage_object(&compaction->before));
	json_object_object_add(document, "after",
			       usage_object(&compaction->after));
	json_set_number(document, "blocks_released", counts->blocks_released);
	json_set_number(document, "blocks_moved", counts->blocks_moved);
	json_set_number(document, "bytes_moved", counts->bytes_moved);
	json_set_number(document, "entries_tidied", counts->entries_tidied);
	json_finish(document);
}

int verb_compact(const struct invocation *run)
{
	struct vhdx_compaction compaction = { 0 };
	const char *target = run->argument[0];
	struct vhdx_error error = { 0 };
	struct progress progress = { 0 };
	enum vhdx_return value;

	if (!parse_wishes(run, &compaction, &error) &&
	    !progress_start(&progress, run, target, &error)) {
		compaction.stop = stop_wanted;
		compaction.progress = progress_show;
		compaction.data = &progress;
		stop_on_signals();
		vhdx_compaction_run(&compaction, target, &error);
		progress_end(&progress);
	}
	value = vhdx_return_of_errno(error.err);
	if (error.err)
		complain("%s (%d, %s)", error.text, value,
			 vhdx_return_name(value));
	if (given(run, OPTION_JSON))
		json_result(&compaction, target, value, &error);
	else if (!error.err || compaction.before.length_bytes)
		print_result(&compaction, target, value);
	vhdx_filesystems_free(&compaction.filesystems);
	return vhdx_return_exit_code(value);
}
