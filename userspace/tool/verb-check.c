// SPDX-License-Identifier: GPL-2.0-only
/* vhdxsetup check: everything that is wrong with an image, by name. */
#include "tool/vhdxsetup.h"

/* After so many, findings are only counted: an image may be full of them. */
#define PRINTED_FINDINGS 1000

/**
 * struct checker - collects findings
 * @list: JSON, or NULL for text
 * @found: how many
 * @corrupt: one says that the image is damaged
 * @err: errno of the first fatal one that is not damage
 */
struct checker {
	struct vhdx_report report;
	struct json_object *list;
	unsigned long found;
	bool corrupt;
	int err;
};

static const char *severity_name(enum vhdx_severity severity)
{
	switch (severity) {
	case VHDX_SEVERITY_FATAL:
		return "fatal";
	case VHDX_SEVERITY_WRITE:
		return "read-only";
	default:
		return "untidy";
	}
}

static void print_finding(const struct checker *checker,
			  enum vhdx_finding finding, u64 where, u64 value)
{
	const char *severity = severity_name(vhdx_finding_severity(finding));
	struct json_object *object;

	if (!checker->list) {
		printf("%s at byte %llu (value %llu), %s: %s\n",
		       vhdx_finding_name(finding), (unsigned long long)where,
		       (unsigned long long)value, severity,
		       vhdx_finding_sentence(finding));
		return;
	}
	object = json_object_new_object();
	json_set_text(object, "name", vhdx_finding_name(finding));
	json_set_text(object, "severity", severity);
	json_set_number(object, "offset", where);
	json_set_counter(object, "value", value);
	json_set_text(object, "sentence", vhdx_finding_sentence(finding));
	json_object_array_add(checker->list, object);
}

static void found(struct vhdx_report *report, enum vhdx_finding finding,
		  u64 where, u64 value)
{
	struct checker *checker = container_of(report, struct checker, report);
	int err = vhdx_finding_errno(finding);

	if (checker->found++ < PRINTED_FINDINGS)
		print_finding(checker, finding, where, value);
	if (vhdx_finding_severity(finding) != VHDX_SEVERITY_FATAL)
		return;
	if (err == EUCLEAN || err == EBADMSG)
		checker->corrupt = true;
	else if (!checker->err)
		checker->err = err;
}

/* The exit code, and the word for it. */
static int verdict(const struct checker *checker, int ret, const char **word)
{
	if (checker->corrupt) {
		*word = "corrupt";
		return VHDX_EXIT_CORRUPT;
	}
	if (checker->err || ret) {
		*word = "cannot be checked";
		return vhdx_errno_exit_code(checker->err ? checker->err : -ret);
	}
	*word = checker->found ? "sound but untidy" : "clean";
	return checker->found ? VHDX_EXIT_UNTIDY : VHDX_EXIT_OK;
}

/* @why: it cannot be checked, or NULL */
static void conclude(const struct checker *checker,
		     struct json_object *document, const char *path,
		     const char *word, const char *why)
{
	if (document) {
		json_set_text(document, "verdict", word);
		json_set_text(document, "error", why);
		json_set_number(document, "found", checker->found);
		json_finish(document);
		return;
	}
	if (checker->found > PRINTED_FINDINGS)
		printf("and %lu more findings\n",
		       checker->found - PRINTED_FINDINGS);
	printf("%s: %s\n", path, word);
}

/* VHD: whether the block bitmaps can be read shows only now. */
static int load_blocks(struct vhdx_image *image)
{
	const struct vhdx_geometry *geometry = vhdx_image_geometry(image);
	struct vhdx_extent extent;
	u64 block;
	int ret;

	for (block = 0; block < geometry->blocks; block++) {
		vhdx_image_map(image, block * geometry->block_bytes,
			       geometry->sector_bytes, false, &extent);
		if (extent.kind != VHDX_EXTENT_LOAD)
			continue;
		ret = vhdx_image_load(image, block);
		if (ret)
			return ret;
	}
	return 0;
}

int verb_check(const struct invocation *run)
{
	CLEANUP_IMAGE_FILE struct vhdx_image_file file =
		VHDX_IMAGE_FILE_CLOSED;
	struct vhdx_open_options options = {
		.name = run->argument[0],
		.any_format = true,
		.check = true,
	};
	struct checker checker = {
		.report = { .found = found, .keep_going = true },
	};
	struct json_object *document = NULL;
	const char *path = run->argument[0], *word;
	struct vhdx_error error;
	const char *why = NULL;
	int ret, code;

	if (given(run, OPTION_JSON)) {
		document = json_document();
		checker.list = json_object_new_array();
		json_set_text(document, "image", path);
		json_object_object_add(document, "findings", checker.list);
	}
	if (vhdx_image_file_open(&file, path, false, &error)) {
		if (document)
			conclude(&checker, document, path, "cannot be checked",
				 error.text);
		return fail(&error);
	}
	ret = vhdx_image_open(&file.file.container, &options, &checker.report,
			      &file.image);
	if (ret)
		file.image = NULL;
	else
		ret = load_blocks(file.image);

	code = verdict(&checker, ret, &word);
	if (ret && code != VHDX_EXIT_CORRUPT) {
		vhdx_image_file_refused(&file, &checker.report, -ret, &error);
		why = error.text;
	}
	conclude(&checker, document, path, word, why);
	if (why)
		complain("%s", why);
	return code;
}
