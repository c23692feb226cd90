// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compaction: what to do next.
 *
 *   probe     every block that has space: one whose data is a hole of the host
 *             was trimmed, so it is released as ZERO (VHD: free). Entries
 *             without contents lose their anchors and offsets
 *   commit    the releases are durable, their space becomes free
 *   pack      the highest block moves into the lowest free place, and so on
 *             until there is no free place below it; a commit now and then, as
 *             only that frees what was moved away. Repeated while it helps,
 *             because live I/O allocates and releases meanwhile
 *   truncate  the free end of the file is cut off
 *
 * The BAT is in its final form then: every block that is left as low as it can
 * be, every entry without a block plain.
 *
 * Fixed images keep every block and their length: there is nothing to do but
 * what discards have done already.
 */
#include "compact.h"
#include "image-ops.h"

enum vhdx_compact_phase {
	VHDX_PHASE_PROBE,
	VHDX_PHASE_PACK_PLAN,
	VHDX_PHASE_PACK,
	VHDX_PHASE_TRUNCATE,
	VHDX_PHASE_DONE,
};

#define VHDX_COMPACT_MAX_PASSES 8
#define VHDX_COMPACT_COMMIT_BYTES (64ULL << 20)
#define VHDX_COMPACT_COMMIT_MOVES 64

/**
 * vhdx_compact_start() - plan a compaction
 * @compact: the plan; zeroed
 * @image: writable
 * @mode: VHDX_COMPACT_QUICK and VHDX_COMPACT_PRETRIMMED give back what was
 *	trimmed; asking the guest's file systems is the caller's part of quick
 * @no_move: do not move blocks
 *
 * Return: 0; -EOPNOTSUPP for the other modes and for a fixed VHD; -EROFS.
 */
int vhdx_compact_start(struct vhdx_compact *compact, struct vhdx_image *image,
		       enum vhdx_compact_mode mode, bool no_move)
{
	const struct vhdx_geometry *g = &image->geometry;

	if (mode != VHDX_COMPACT_QUICK && mode != VHDX_COMPACT_PRETRIMMED)
		return -EOPNOTSUPP;
	if (g->type == VHDX_TYPE_FIXED && g->format == VHDX_FORMAT_VHD)
		return -EOPNOTSUPP;
	if (!image->writable || image->failed)
		return -EROFS;
	memset(compact, 0, sizeof(*compact));
	compact->image = image;
	compact->no_move = no_move;
	compact->counts.length_before = vhdx_size(image->container);
	compact->counts.length_now = compact->counts.length_before;
	compact->phase = g->type == VHDX_TYPE_FIXED ? VHDX_PHASE_DONE :
						      VHDX_PHASE_PROBE;
	return 0;
}

/**
 * vhdx_compact_end() - free the plan
 * @compact: the plan
 *
 * Leaves the image as the last step left it; the caller commits.
 */
void vhdx_compact_end(struct vhdx_compact *compact)
{
	vhdx_free(compact->places);
	compact->places = NULL;
}

static int vhdx_step(struct vhdx_compact_step *step,
		     enum vhdx_compact_step_kind kind, u64 block)
{
	step->kind = kind;
	step->block = block;
	return 0;
}

static void vhdx_compact_percent(struct vhdx_compact *compact, u64 done,
				 u64 all, u32 from, u32 to)
{
	compact->counts.percent = from + (to - from) * (done >> 8) /
					 ((all >> 8) + 1);
}

static int vhdx_compact_next_probe(struct vhdx_compact *compact,
				   struct vhdx_compact_step *step)
{
	struct vhdx_image *image = compact->image;
	u64 blocks = image->geometry.blocks;

	while (compact->next < blocks) {
		u64 block = compact->next++;
		u64 offset, len;

		if (!(block & 0xffff))
			vhdx_relax();
		if (image->ops->needs_tidy &&
		    image->ops->needs_tidy(image, block))
			return vhdx_step(step, VHDX_STEP_TIDY, block);
		if (!vhdx_image_block_space(image, block, &offset, &len))
			continue;
		vhdx_compact_percent(compact, block, blocks, 0, 30);
		return vhdx_step(step, VHDX_STEP_PROBE, block);
	}
	compact->phase = compact->no_move ? VHDX_PHASE_TRUNCATE :
					    VHDX_PHASE_PACK_PLAN;
	return vhdx_step(step, VHDX_STEP_COMMIT, 0);
}

static int vhdx_place_cmp(const void *a, const void *b)
{
	const struct vhdx_compact_place *x = a, *y = b;

	/* Highest first. */
	return x->offset_bytes > y->offset_bytes ? -1 :
	       x->offset_bytes < y->offset_bytes;
}

/* Where every block is now. */
static int vhdx_compact_survey(struct vhdx_compact *compact)
{
	struct vhdx_image *image = compact->image;
	u64 block, offset, len, room = image->blocks_present;

	vhdx_free(compact->places);
	compact->nr_places = 0;
	compact->places = vhdx_alloc(max_t(u64, room, 1) *
				     sizeof(*compact->places));
	if (!compact->places)
		return -ENOMEM;
	for (block = 0; block < image->geometry.blocks; block++) {
		if (!(block & 0xffff))
			vhdx_relax();
		if (!vhdx_image_block_space(image, block, &offset, &len))
			continue;
		if (compact->nr_places == room)
			break;
		compact->places[compact->nr_places].offset_bytes = offset;
		compact->places[compact->nr_places++].block = block;
	}
	sort(compact->places, compact->nr_places, sizeof(*compact->places),
	     vhdx_place_cmp, NULL);
	return 0;
}

static int vhdx_compact_plan_pass(struct vhdx_compact *compact)
{
	int err;

	if (compact->passes++ == VHDX_COMPACT_MAX_PASSES) {
		compact->phase = VHDX_PHASE_TRUNCATE;
		return 0;
	}
	err = vhdx_compact_survey(compact);
	if (err)
		return err;
	compact->next = 0;
	compact->moved_this_pass = 0;
	compact->phase = VHDX_PHASE_PACK;
	return 0;
}

static bool vhdx_compact_commit_is_due(const struct vhdx_compact *compact)
{
	return compact->since_commit >= VHDX_COMPACT_COMMIT_MOVES ||
	       compact->since_commit *
	       (u64)compact->image->geometry.block_bytes >=
	       VHDX_COMPACT_COMMIT_BYTES;
}

static int vhdx_compact_next_move(struct vhdx_compact *compact,
				  struct vhdx_compact_step *step)
{
	if (compact->next < compact->nr_places &&
	    !vhdx_compact_commit_is_due(compact)) {
		vhdx_compact_percent(compact, compact->next,
				     compact->nr_places, 30, 95);
		return vhdx_step(step, VHDX_STEP_MOVE,
				 compact->places[compact->next++].block);
	}
	if (compact->next >= compact->nr_places)
		compact->phase = compact->moved_this_pass ?
				 VHDX_PHASE_PACK_PLAN : VHDX_PHASE_TRUNCATE;
	compact->since_commit = 0;
	return vhdx_step(step, VHDX_STEP_COMMIT, 0);
}

/**
 * vhdx_compact_next() - decide the next step
 * @compact: the plan
 * @step: result; VHDX_STEP_DONE at the end, and then for ever
 *
 * A lookup and a change in one: belongs to the thread that makes changes.
 *
 * Return: 0 or -ENOMEM.
 */
int vhdx_compact_next(struct vhdx_compact *compact,
		      struct vhdx_compact_step *step)
{
	int err;

	switch (compact->phase) {
	case VHDX_PHASE_PROBE:
		return vhdx_compact_next_probe(compact, step);
	case VHDX_PHASE_PACK_PLAN:
		err = vhdx_compact_plan_pass(compact);
		if (err)
			return err;
		if (compact->phase != VHDX_PHASE_PACK)
			return vhdx_step(step, VHDX_STEP_COMMIT, 0);
		return vhdx_compact_next_move(compact, step);
	case VHDX_PHASE_PACK:
		return vhdx_compact_next_move(compact, step);
	case VHDX_PHASE_TRUNCATE:
		compact->counts.percent = 95;
		compact->phase = VHDX_PHASE_DONE;
		return vhdx_step(step, VHDX_STEP_TRUNCATE, 0);
	default:
		compact->counts.percent = 100;
		compact->counts.length_now =
			vhdx_size(compact->image->container);
		return vhdx_step(step, VHDX_STEP_DONE, 0);
	}
}

/**
 * vhdx_compact_probe() - carry out VHDX_STEP_PROBE
 * @compact: the plan
 * @block: held exclusively
 *
 * Return: 0 or -errno.
 */
int vhdx_compact_probe(struct vhdx_compact *compact, u64 block)
{
	struct vhdx_image *image = compact->image;
	u64 offset, len;
	int err;

	compact->counts.blocks_probed++;
	if (!vhdx_image_block_space(image, block, &offset, &len))
		return 0;
	/* A VHD's bitmap stands in front of the data and is never a hole. */
	if (!vhdx_container_is_hole(image->container,
				    offset + image->data_lead_bytes,
				    len - image->data_lead_bytes))
		return 0;
	err = vhdx_image_release(image, block, VHDX_RELEASE_ZERO);
	if (!err)
		compact->counts.blocks_released++;
	return err;
}

/*
 * No place below: true for every block that is lower still. One that was written
 * anew since the survey may lie below others that are to come.
 */
static void vhdx_compact_no_place_below(struct vhdx_compact *compact,
					u64 offset_bytes)
{
	if (!compact->next ||
	    offset_bytes >= compact->places[compact->next - 1].offset_bytes)
		compact->next = compact->nr_places;
}

/**
 * vhdx_compact_reserve() - first part of VHDX_STEP_MOVE
 * @compact: the plan
 * @block: held exclusively until the move is over
 * @from: result: copy from here
 * @to: result: to there
 *
 * Return: 0: copy, then vhdx_compact_switch(); 1: nothing to move; or -errno.
 */
int vhdx_compact_reserve(struct vhdx_compact *compact, u64 block,
			 struct vhdx_range *from, struct vhdx_range *to)
{
	int err = vhdx_image_reserve_below(compact->image, block, from, to);

	if (err == -ERANGE)
		vhdx_compact_no_place_below(compact, from->offset_bytes);
	return err == -ERANGE || err == -ENODATA ? 1 : err;
}

/**
 * vhdx_compact_switch() - last part of VHDX_STEP_MOVE
 * @compact: the plan
 * @block: the block
 * @to: its copy, not necessarily durable: the commit that publishes it begins
 *	with a flush
 * @copied: how the copy went
 *
 * Return: 0 or -errno; the block is where it was then.
 */
int vhdx_compact_switch(struct vhdx_compact *compact, u64 block,
			const struct vhdx_range *to, int copied)
{
	int err = copied;

	if (!err)
		err = vhdx_image_move(compact->image, block, to);
	if (err) {
		vhdx_image_unreserve(compact->image, to);
		return err;
	}
	compact->since_commit++;
	compact->moved_this_pass++;
	compact->counts.blocks_moved++;
	compact->counts.bytes_moved += to->len_bytes;
	return 0;
}

static int vhdx_compact_move(struct vhdx_compact *compact, u64 block,
			     void *buf, size_t buf_bytes)
{
	struct vhdx_range from, to;
	int err = vhdx_compact_reserve(compact, block, &from, &to);

	if (err)
		return err < 0 ? err : 0;
	err = vhdx_container_copy(compact->image->container, from.offset_bytes,
				  to.offset_bytes, from.len_bytes, buf,
				  buf_bytes);
	return vhdx_compact_switch(compact, block, &to, err);
}

/**
 * vhdx_compact_tidy() - carry out VHDX_STEP_TIDY
 * @compact: the plan
 * @block: the block
 *
 * Return: 0 or -errno.
 */
int vhdx_compact_tidy(struct vhdx_compact *compact, u64 block)
{
	compact->counts.entries_tidied++;
	return vhdx_image_tidy_entry(compact->image, block);
}

/**
 * vhdx_compact_do() - carry out any step
 * @compact: the plan
 * @step: from vhdx_compact_next()
 * @buf: for copying
 * @buf_bytes: its size
 *
 * For those who have the image to themselves.
 *
 * Return: 0 or -errno.
 */
int vhdx_compact_do(struct vhdx_compact *compact,
		    const struct vhdx_compact_step *step, void *buf,
		    size_t buf_bytes)
{
	struct vhdx_image *image = compact->image;
	int err;

	switch (step->kind) {
	case VHDX_STEP_PROBE:
		return vhdx_compact_probe(compact, step->block);
	case VHDX_STEP_TIDY:
		return vhdx_compact_tidy(compact, step->block);
	case VHDX_STEP_MOVE:
		return vhdx_compact_move(compact, step->block, buf, buf_bytes);
	case VHDX_STEP_COMMIT:
		err = vhdx_image_commit(image);
		return err ? err : vhdx_image_punch_all(image);
	case VHDX_STEP_TRUNCATE:
		return vhdx_image_truncate(image);
	default:
		return 0;
	}
}
