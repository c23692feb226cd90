// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens, read-only without writing a byte; shows legal contents; has nothing
 * that check would call broken; replays; and after that shows legal contents
 * and has nothing that check would mention at all.
 */
#include <stdio.h>

#include "image-ops.h"
#include "log-verify.h"

static bool fail(struct log_verify *v, const char *stage, const char *what)
{
	snprintf(v->why, sizeof(v->why), "%s: %s", stage, what);
	return false;
}

static bool fail_finding(struct log_verify *v, const char *stage,
			 const struct vhdx_report *report, int err)
{
	char what[160];

	snprintf(what, sizeof(what), "%s: %s at %#llx value %#llx",
		 strerror(-err), vhdx_finding_name(report->worst),
		 (unsigned long long)report->where,
		 (unsigned long long)report->value);
	return fail(v, stage, what);
}

static int open_image(struct sim_disk *disk, bool writable, bool check,
		      struct vhdx_report *report, struct vhdx_image **image)
{
	const struct vhdx_open_options options = {
		.any_format = true,
		.writable = writable,
		.check = check,
	};

	memset(report, 0, sizeof(*report));
	report->keep_going = check;
	*image = NULL;
	return vhdx_image_open(&disk->container, &options, report, image);
}

/* ---- contents ------------------------------------------------------------ */

static bool judge_page(struct log_verify *v, const char *stage, u64 page,
		       const u8 *bytes)
{
	static const u8 zeros[STORE_PAGE];
	char what[60];
	u64 i, sector = page * (STORE_PAGE / HISTORY_SECTOR);

	if (!bytes)
		bytes = zeros;
	for (i = 0; i < STORE_PAGE / HISTORY_SECTOR; i++) {
		if (history_allows(&v->history, v->durable, sector + i,
				   bytes + i * HISTORY_SECTOR))
			continue;
		history_explain(&v->history, v->durable, sector + i,
				bytes + i * HISTORY_SECTOR);
		snprintf(what, sizeof(what), "sector %llu is illegal",
			 (unsigned long long)(sector + i));
		return fail(v, stage, what);
	}
	return true;
}

/* @offset: in the container; -1: reads as zeros */
static bool judge_extent(struct log_verify *v, const char *stage,
			 const struct store *store, u64 at, u64 len, u64 offset)
{
	bool data = offset != (u64)-1;
	u64 page, hash, done;

	for (done = 0; done < len; done += STORE_PAGE) {
		page = (at + done) / STORE_PAGE;
		hash = data ? store_page_digest(store, offset + done) : 0;
		if (v->known[page] && v->seen[page] == hash)
			continue;
		if (!judge_page(v, stage, page, !data ? NULL :
				store_page(store, offset + done)))
			return false;
		v->known[page] = true;
		v->seen[page] = hash;
	}
	return true;
}

static bool judge(struct log_verify *v, const char *stage,
		  struct vhdx_image *image, const struct store *store)
{
	u64 bytes = v->pages * STORE_PAGE, at;
	struct vhdx_extent extent;

	for (at = 0; at < bytes; at += extent.len_bytes) {
		vhdx_image_map(image, at, bytes - at, false, &extent);
		switch (extent.kind) {
		case VHDX_EXTENT_ZERO:
			extent.offset_bytes = -1;
			break;
		case VHDX_EXTENT_DATA:
			if ((extent.offset_bytes | extent.len_bytes) %
			    STORE_PAGE)
				return fail(v, stage, "not aligned");
			break;
		default:
			return fail(v, stage, "cannot be looked up");
		}
		if (!judge_extent(v, stage, store, at, extent.len_bytes,
				  extent.offset_bytes))
			return false;
	}
	return true;
}

/* ---- the ways to open it --------------------------------------------------- */

static bool open_read_only(struct log_verify *v, const char *stage,
			   const struct sim_state *state)
{
	struct vhdx_report report;
	struct vhdx_image *image;
	struct sim_disk disk;
	bool good;
	int err;

	sim_disk_init(&disk, state);
	err = open_image(&disk, false, false, &report, &image);
	if (err)
		good = fail_finding(v, stage, &report, err);
	else
		good = judge(v, stage, image, &disk.now.store);
	if (!err)
		vhdx_image_close(image);
	if (good && (disk.operations || disk.misuse))
		good = fail(v, stage, "a read-only open wrote");
	sim_disk_destroy(&disk);
	return good;
}

/* @clean: nothing at all, else nothing worse than what a crash leaves. */
static bool open_checking(struct log_verify *v, const char *stage,
			  const struct sim_state *state, bool clean)
{
	struct vhdx_report report;
	struct vhdx_image *image;
	struct sim_disk disk;
	bool good = true;
	int err;

	sim_disk_init(&disk, state);
	err = open_image(&disk, false, true, &report, &image);
	if (!err)
		vhdx_image_close(image);
	if (err || (report.worst != VHDX_F_NONE &&
		    (clean || vhdx_finding_severity(report.worst) !=
			      VHDX_SEVERITY_UNTIDY)))
		good = fail_finding(v, stage, &report, err);
	sim_disk_destroy(&disk);
	return good;
}

static bool replay(struct log_verify *v, struct sim_disk *disk)
{
	struct vhdx_report report;
	struct vhdx_image *image;
	bool good = true;
	int err;

	err = open_image(disk, true, false, &report, &image);
	if (err)
		return fail_finding(v, "replay", &report, err);
	err = vhdx_image_begin(image);
	if (!err)
		good = judge(v, "replayed", image, &disk->now.store);
	if (!err && good)
		err = vhdx_image_finish(image);
	vhdx_image_close(image);
	if (err)
		return fail(v, "replay", strerror(-err));
	if (good && (disk->changes || disk->misuse))
		good = fail(v, "replay", "the clean end is not durable");
	return good;
}

bool log_verify_state(struct log_verify *v, const struct sim_state *state)
{
	struct sim_disk disk;
	bool good;

	v->why[0] = 0;
	sim_disk_init(&disk, state);
	good = open_read_only(v, "read-only", state) &&
	       open_checking(v, "check", state, false) &&
	       replay(v, &disk) &&
	       open_checking(v, "check after replay", &disk.durable, true) &&
	       open_read_only(v, "read-only after replay", &disk.durable);
	sim_disk_destroy(&disk);
	return good;
}

/* ---- begin and end ----------------------------------------------------------- */

void log_verify_init(struct log_verify *v, const struct sim_state *image,
		     const struct log_file *top)
{
	struct vhdx_report report;
	struct vhdx_image *open;
	struct sim_disk disk;
	u64 bytes, block_bytes;

	memset(v, 0, sizeof(*v));
	sim_disk_init(&disk, image);
	if (open_image(&disk, false, false, &report, &open)) {
		fprintf(stderr, "log-writes: no image to begin with: %s\n",
			vhdx_finding_name(report.worst));
		exit(2);
	}
	bytes = vhdx_image_geometry(open)->virtual_bytes;
	block_bytes = vhdx_image_geometry(open)->block_bytes;
	vhdx_image_close(open);
	sim_disk_destroy(&disk);
	v->pages = bytes / STORE_PAGE;
	v->seen = calloc(v->pages, sizeof(*v->seen));
	v->known = calloc(v->pages, sizeof(*v->known));
	if (!v->seen || !v->known)
		abort();
	history_read(&v->history, top, bytes, block_bytes);
}

void log_verify_destroy(struct log_verify *v)
{
	history_destroy(&v->history);
	free(v->seen);
	free(v->known);
}

void log_verify_forget(struct log_verify *v, u64 offset, u64 len)
{
	u64 page, end = DIV_ROUND_UP_ULL(offset + len, STORE_PAGE);

	for (page = offset / STORE_PAGE; page < end; page++)
		v->known[page] = false;
}
