// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold for a file after a power cut: it opens, shows legal contents
 * both read-only and after its replay, is sound, can be used, and all that
 * again if the power is cut during the replay.
 */
#include <inttypes.h>
#include <stdio.h>

#include "guids.h"
#include "image-ops.h"
#include "verify.h"

#define KIB 1024

static bool fail(struct verify *v, const struct sim_state *state,
		 const char *stage, const char *what)
{
	if (v->why[0])
		return false;
	snprintf(v->why, sizeof(v->why), "%s: %s", stage, what);
	sim_state_copy(&v->bad, state);
	return false;
}

static bool fail_finding(struct verify *v, const struct sim_state *state,
			 const char *stage, const struct vhdx_report *report,
			 int err)
{
	char what[200];

	snprintf(what, sizeof(what), "%s: %s at %#" PRIx64 " value %#" PRIx64,
		 strerror(-err), vhdx_finding_name(report->worst),
		 report->where, report->value);
	return fail(v, state, stage, what);
}

/* ---- contents ---------------------------------------------------------- */

static bool judge_all(struct verify *v, const struct sim_state *state,
		      const char *stage, const struct oracle *oracle,
		      const struct content *content)
{
	enum oracle_verdict verdict;
	char what[200];
	u64 piece;

	for (piece = 0; piece < oracle->pieces; piece++) {
		const struct oracle_seen *seen = &content->seen[piece];

		verdict = oracle_judge(oracle, piece, seen);
		if (verdict == ORACLE_LEGAL)
			continue;
		snprintf(what, sizeof(what), "virtual sector %" PRIu64
			 " holds %s (value %u of sector %" PRIu64
			 ", flushed was %u)", piece,
			 oracle_verdict_name(verdict), seen->value, seen->from,
			 oracle->flushed[piece]);
		return fail(v, state, stage, what);
	}
	return true;
}

/* The first time byte by byte, through the core's own data path, too. */
static bool read_all(struct verify *v, const struct config *config,
		     const struct sim_state *state, const char *stage,
		     struct vhdx_image *image, const struct sim_disk *disk,
		     struct content *content)
{
	char what[60];
	int err = content_read(content, config, image, disk);

	if (!err && v->bytewise && !content_is_read(content, config, image))
		return fail(v, state, stage, "reading is not what the map says");
	v->bytewise = false;
	if (!err)
		return true;
	snprintf(what, sizeof(what), "reading: %s", strerror(-err));
	return fail(v, state, stage, what);
}

/* ---- space ------------------------------------------------------------- */

/* The space of the n-th block that workloads use; false if it has none. */
static bool space_of(const struct config *config,
		     const struct vhdx_image *image, u64 n, u64 *offset,
		     u64 *len)
{
	return vhdx_image_block_space(image, n * config->stride, offset, len);
}

/* No block shares space with another or lies outside the file. */
static bool check_space(struct verify *v, const struct config *config,
			const struct sim_state *state, const char *stage,
			const struct vhdx_image *image, u64 size)
{
	u64 file_bytes = size + state->lost_bytes;
	u64 blocks = DIV_ROUND_UP_ULL(vhdx_image_geometry(image)->blocks,
				      config->stride);
	u64 a, b, offset, len, other, other_len;

	for (a = 0; a < blocks; a++) {
		if (!space_of(config, image, a, &offset, &len))
			continue;
		if (len > file_bytes || offset > file_bytes - len)
			return fail(v, state, stage, "a block past the end");
		for (b = 0; b < a; b++)
			if (space_of(config, image, b, &other, &other_len) &&
			    offset < other + other_len && other < offset + len)
				return fail(v, state, stage,
					    "two blocks share space");
	}
	return true;
}

/* ---- the ways to open it ------------------------------------------------ */

/* A read-only open shows legal contents and writes nothing. */
static bool open_read_only(struct verify *v, const struct config *config,
			   const struct sim_state *state, const char *stage,
			   struct content *content)
{
	struct vhdx_report report;
	struct vhdx_image *image;
	struct sim_disk disk;
	bool good;
	int err;

	sim_disk_init(&disk, state);
	err = open_image(config, &disk.container, false, false, &report,
			 &image);
	if (err) {
		sim_disk_destroy(&disk);
		return fail_finding(v, state, stage, &report, err);
	}
	good = read_all(v, config, state, stage, image, &disk, content) &&
	       check_space(v, config, state, stage, image,
			   disk.now.size);
	vhdx_image_close(image);
	if (good && (disk.operations || disk.misuse))
		good = fail(v, state, stage, "a read-only open wrote");
	sim_disk_destroy(&disk);
	return good;
}

static bool is_harmless(enum vhdx_finding finding, bool clean)
{
	switch (finding) {
	case VHDX_F_NONE:
	case VHDX_F_TAIL_UNUSED:
	case VHDX_F_BLOCK_ANCHOR:
	case VHDX_F_ENTRY_OFFSET_UNUSED:
		return true;
	default:
		return !clean && vhdx_finding_severity(finding) ==
				 VHDX_SEVERITY_UNTIDY;
	}
}

/* check finds nothing but untidiness; @clean: nor what a crash leaves. */
static bool open_checking(struct verify *v, const struct config *config,
			  const struct sim_state *state, const char *stage,
			  bool clean)
{
	struct vhdx_report report;
	struct vhdx_image *image;
	struct sim_disk disk;
	bool good = true;
	int err;

	sim_disk_init(&disk, state);
	err = open_image(config, &disk.container, false, true, &report,
			 &image);
	if (!err)
		vhdx_image_close(image);
	if (err || !is_harmless(report.worst, clean))
		good = fail_finding(v, state, stage, &report, err);
	if (good && (disk.operations || disk.misuse))
		good = fail(v, state, stage, "check wrote");
	sim_disk_destroy(&disk);
	return good;
}

void content_of(const struct config *config, const struct sim_state *state,
		struct content *content)
{
	struct verify v = { .bytewise = true };

	content_init(content, config);
	if (!open_read_only(&v, config, state, "prelude", content)) {
		fprintf(stderr, "%s: %s\n", config->name, v.why);
		exit(1);
	}
}

/* ---- GUIDs --------------------------------------------------------------- */

/*
 * Nothing has changed under the old FileWriteGuid (R1a), and nothing that a
 * guest can see under the old DataWriteGuid (R1d).
 */
static bool check_guids(struct verify *v, const struct config *config,
			const struct sim_state *state,
			const struct content *content)
{
	struct guids before, after;

	if (!v->origin || config->options.format != VHDX_FORMAT_VHDX)
		return true;
	if (!guids_read(v->origin, &before) || !guids_read(state, &after))
		return fail(v, state, "GUIDs", "no valid header");
	if (!memcmp(before.file_write, after.file_write, 16) &&
	    !same_but_headers(v->origin, state))
		return fail(v, state, "R1a",
			    "changed under the old FileWriteGuid");
	if (!memcmp(before.data_write, after.data_write, 16) &&
	    !content_equal(v->origin_content, content))
		return fail(v, state, "R1d",
			    "changed under the old DataWriteGuid");
	return true;
}

/* A replay changes nothing that a guest can see. */
static bool check_replay_guids(struct verify *v, const struct config *config,
			       const struct sim_state *state,
			       const struct sim_state *replayed)
{
	struct guids before, after;

	if (config->options.format != VHDX_FORMAT_VHDX)
		return true;
	if (!guids_read(state, &before) || !guids_read(replayed, &after))
		return fail(v, state, "GUIDs", "no valid header");
	if (memcmp(before.data_write, after.data_write, 16))
		return fail(v, state, "R1d",
			    "a replay has changed DataWriteGuid");
	return true;
}

/* ---- replay ------------------------------------------------------------- */

struct inner {
	struct verify *v;
	const struct config *config;
	const struct oracle *oracle;
	const struct sim_state *replayed;
	struct content content;
};

/*
 * What two replays that end cleanly must leave alike: all but the headers and
 * the log, which hold GUIDs of their own.
 */
static bool same_outside_log(const struct config *config,
			     const struct sim_state *a,
			     const struct sim_state *b)
{
	struct store x, y;
	bool same;

	if (config->options.format != VHDX_FORMAT_VHDX)
		return a->size == b->size &&
		       store_equal(&a->store, &b->store, a->size);
	store_clone(&x, &a->store);
	store_clone(&y, &b->store);
	/* vhdx_create() puts the log at 1 MiB. */
	store_punch(&x, 64 * KIB, 128 * KIB);
	store_punch(&y, 64 * KIB, 128 * KIB);
	store_punch(&x, 1024 * KIB, config->options.log_bytes);
	store_punch(&y, 1024 * KIB, config->options.log_bytes);
	same = a->size == b->size && store_equal(&x, &y, a->size);
	store_destroy(&x);
	store_destroy(&y);
	return same;
}

/* Open for writing, let it replay, end the session cleanly. */
static bool replay(struct verify *v, const struct config *config,
		   const struct sim_state *state, const char *stage,
		   struct sim_disk *disk, const struct content *expected)
{
	struct vhdx_report report;
	struct vhdx_image *image;
	struct content shown;
	bool good;
	int err;

	err = open_image(config, &disk->container, true, false, &report,
			 &image);
	if (err)
		return fail_finding(v, state, stage, &report, err);
	if (disk->operations) {
		vhdx_image_close(image);
		return fail(v, state, stage, "opening wrote");
	}
	content_init(&shown, config);
	err = vhdx_image_begin(image);
	if (err)
		good = fail(v, state, stage, strerror(-err));
	else
		good = read_all(v, config, state, stage, image, disk, &shown);
	if (good && !content_equal(&shown, expected))
		good = fail(v, state, stage,
			    "the replay does not show what was shown read-only");
	err = good ? vhdx_image_finish(image) : 0;
	if (err)
		good = fail(v, state, stage, strerror(-err));
	vhdx_image_close(image);
	content_destroy(&shown);
	if (good && (disk->changes || disk->misuse))
		good = fail(v, state, stage, "the clean end is not durable");
	return good;
}

/* One power cut inside a replay. */
static bool inner_cut(const struct sim_disk *disk, const struct sim_cut *cut,
		      void *arg)
{
	struct inner *inner = arg;
	struct sim_state state;
	struct sim_disk again;
	bool good;

	inner->v->inner++;
	sim_disk_cut(disk, cut, &state);
	good = open_read_only(inner->v, inner->config, &state,
			      "cut in the replay, read-only", &inner->content) &&
	       judge_all(inner->v, &state, "cut in the replay", inner->oracle,
			 &inner->content) &&
	       open_checking(inner->v, inner->config, &state,
			     "cut in the replay, check", false);
	if (good) {
		sim_disk_init(&again, &state);
		good = replay(inner->v, inner->config, &state,
			      "cut in the replay, second replay", &again,
			      &inner->content);
		if (good && !same_outside_log(inner->config, &again.durable,
					      inner->replayed))
			good = fail(inner->v, &state, "second replay",
				    "leaves other bytes than the first");
		sim_disk_destroy(&again);
	}
	sim_state_destroy(&state);
	return good;
}

static void cut_replay(struct sim_disk *disk, void *arg)
{
	struct inner *inner = arg;

	if (!inner->v->why[0])
		cuts_for_each(disk, &inner->v->cuts, inner_cut, inner);
}

/* Cut the power at each flush of the replay and of the clean end. */
static bool cut_inside(struct verify *v, const struct config *config,
		       const struct sim_state *state,
		       const struct oracle *oracle,
		       const struct sim_state *replayed,
		       const struct content *expected)
{
	struct inner inner = {
		.v = v,
		.config = config,
		.oracle = oracle,
		.replayed = replayed,
	};
	struct sim_disk disk;
	bool good;

	content_init(&inner.content, config);
	sim_disk_init(&disk, state);
	disk.before_flush = cut_replay;
	disk.arg = &inner;
	good = replay(v, config, state, "replay", &disk, expected);
	sim_disk_destroy(&disk);
	content_destroy(&inner.content);
	return good && !v->why[0];
}

/* ---- life after the crash ------------------------------------------------ */

static bool use_again(struct verify *v, const struct config *config,
		      const struct sim_state *state,
		      const struct content *content)
{
	static const char *const names[] = {
		"write-part-2", "write-full-0", "discard-full-1", "punch",
		"write-across-1-2", "compact", "flush",
	};
	struct oracle known;
	struct run run;
	bool good = true;
	u64 i;
	int err;

	/* What is seen now is what must stay. */
	content_promise(content, &known);
	err = run_start(&run, config, state, &known, 1U << 30);
	for (i = 0; i < ARRAY_SIZE(names) && !err && good; i++) {
		err = run_step(&run, find_step(names[i]));
		if (err)
			good = fail(v, state, names[i], strerror(-err));
		good = good && verify_live(v, &run, true);
	}
	if (err && good)
		good = fail(v, state, "use again", strerror(-err));
	run_stop(&run);
	oracle_destroy(&known);
	return good;
}

bool verify_live(struct verify *v, struct run *run, bool exact)
{
	const struct sim_state *now = &run->disk.now;
	struct content shown;
	bool good;
	u64 piece;

	content_init(&shown, run->config);
	good = read_all(v, run->config, now, "live", run->image, &run->disk,
			&shown) &&
	       judge_all(v, now, "live", &run->oracle, &shown) &&
	       check_space(v, run->config, now, "live", run->image, now->size);
	for (piece = 0; good && exact && piece < shown.pieces; piece++)
		if (shown.seen[piece].value !=
		    oracle_current(&run->oracle, piece))
			good = fail(v, now, "live",
				    "a reader does not see the last write");
	content_destroy(&shown);
	return good;
}

bool verify_state(struct verify *v, const struct config *config,
		  const struct sim_state *state, const struct oracle *oracle)
{
	struct content shown, again;
	struct sim_disk disk;
	bool good;

	content_init(&shown, config);
	content_init(&again, config);
	v->why[0] = 0;
	sim_disk_init(&disk, state);
	good = open_read_only(v, config, state, "read-only", &shown) &&
	       judge_all(v, state, "contents", oracle, &shown) &&
	       check_guids(v, config, state, &shown) &&
	       open_checking(v, config, state, "check", false) &&
	       replay(v, config, state, "replay", &disk, &shown) &&
	       check_replay_guids(v, config, state, &disk.durable) &&
	       open_checking(v, config, &disk.durable, "check after replay",
			     true) &&
	       open_read_only(v, config, &disk.durable,
			      "read-only after replay", &again);
	if (good && !content_equal(&shown, &again))
		good = fail(v, state, "after replay", "other contents");
	if (good && v->depth)
		good = cut_inside(v, config, state, oracle, &disk.durable,
				  &shown);
	if (good && v->go_on)
		good = use_again(v, config, state, &shown);
	sim_disk_destroy(&disk);
	content_destroy(&shown);
	content_destroy(&again);
	return good;
}
