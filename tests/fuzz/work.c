// SPDX-License-Identifier: GPL-2.0-only
/*
 * Use of an image that opens for writing.
 */
#include <stdio.h>

#include "work.h"

#define WRITE_BYTES (64 * 1024)
#define COMPACT_STEPS 100000

/* ---- what may be seen ------------------------------------------------------ */

static void touch(struct work *work, u64 at, u64 len)
{
	struct touched *t = &work->touched[work->nr_touched++];

	t->at = at;
	t->len = len;
}

/* Where the outcome is open, what there is counts from now on. */
static void adopt(struct work *work, const struct store *seen)
{
	u64 end, at, other;
	unsigned int i;
	u8 bytes[512];

	for (i = 0; i < work->nr_touched; i++) {
		const struct touched *t = &work->touched[i];

		end = t->at + t->len;
		for (at = t->at; at < end; at += sizeof(bytes)) {
			other = store_next_data(&work->view, at, end);
			at = min(store_next_data(seen, at, end), other);
			at = ALIGN_DOWN(at, sizeof(bytes));
			if (at >= end)
				break;
			store_read(seen, at, bytes, sizeof(bytes));
			store_write(&work->view, at, bytes, sizeof(bytes));
		}
	}
}

static void judge_work(struct work *work, const struct opened *opened,
		       const char *when)
{
	struct store seen;

	if (judge_view(opened, &seen)) {
		adopt(work, &seen);
		work->nr_touched = 0;
		judge_same_view(opened, &work->view, &seen, when);
	} else if (!host_has_failed(work->host)) {
		judge_die("%s: it cannot be read", when);
	}
	store_destroy(&seen);
	judge_space(opened);
}

/* ---- open, close ----------------------------------------------------------- */

static void forgive(struct host *host)
{
	ram_fail(&host->ram, 0, 0, false, 0);
	host->exhausted = false;
	host_refresh(host);
}

/* After a close of whatever kind, the image opens again. */
static void reopen(struct work *work, const char *when)
{
	judge_close(&work->opened);
	forgive(work->host);
	judge_reopen(&work->opened, work->host, work->picture, FOR_WRITING,
		     when);
	judge_work(work, &work->opened, when);
}

static void arm(struct work *work)
{
	const struct picture *picture = work->picture;

	if (!picture->fail)
		return;
	ram_fail(&work->host->ram, picture->fail, EIO,
		 picture->flags & PICTURE_FOR_EVER, RAM_CHANGES);
	work->host->ram.fail_short = picture->flags & PICTURE_SHORT;
}

bool work_start(struct work *work, const struct picture *picture,
		struct host *host)
{
	bool good;

	memset(work, 0, sizeof(*work));
	work->picture = picture;
	work->host = host;
	if (!judge_open(&work->opened, host, picture, FOR_WRITING, false))
		return false;
	good = judge_can_view(work->opened.image) &&
	       judge_view(&work->opened, &work->view);
	if (good) {
		judge_space(&work->opened);
		arm(work);
		return true;
	}
	store_destroy(&work->view);
	judge_close(&work->opened);
	return false;
}

/* ---- operations ------------------------------------------------------------ */

struct extent {
	u64 at;
	u64 len;
};

static void op_range(const struct work *work, const struct picture_op *op,
		     struct extent *range)
{
	const struct vhdx_geometry *g =
		vhdx_image_geometry(work->opened.image);
	u64 block = le16_to_cpu(op->block), end;

	block = block & 0x8000 ? g->blocks - 1 - (0xffff - block) % g->blocks :
				 block % g->blocks;
	end = (block + 1) * g->block_bytes;
	range->at = block * g->block_bytes +
		    (u64)le32_to_cpu(op->at) * g->sector_bytes % g->block_bytes;
	if (op->len >= 240)
		end = range->at + (op->len - 239) * (u64)g->block_bytes;
	else if (op->len)
		end = range->at + op->len * g->sector_bytes;
	if (range->at >= g->virtual_bytes)
		range->at = block * g->block_bytes;
	range->len = min(end, g->virtual_bytes) - range->at;
}

static void judge_result(const struct work *work, int err, const char *what)
{
	const struct vhdx_image *image = work->opened.image;

	if (!err || host_has_failed(work->host))
		return;
	if (err == -ENOSPC && (work->host->ram.container.fixed_size ||
			       image->geometry.format == VHDX_FORMAT_VHD))
		return;
	if (err == -EROFS && vhdx_image_failed(image))
		return;
	judge_die("%s failed with %d", what, err);
}

/* The first bytes of a range, through the image, are what they must be. */
static void judge_read(struct work *work, const struct extent *range)
{
	size_t len = min_t(u64, range->len, WRITE_BYTES);
	static u8 is[WRITE_BYTES], should[WRITE_BYTES];
	int err = vhdx_image_read(work->opened.image, range->at, is, len);

	judge_result(work, err, "read");
	store_read(&work->view, range->at, should, len);
	if (!err && memcmp(is, should, len))
		judge_die("at %llu other bytes than written",
			  (unsigned long long)range->at);
}

static int op_write(struct work *work, struct extent *range)
{
	static u8 bytes[WRITE_BYTES];
	size_t i;
	int err;

	range->len = min_t(u64, range->len, WRITE_BYTES);
	work->salt++;
	for (i = 0; i < range->len; i++)
		bytes[i] = 0x80 | work->salt | i >> 9;
	err = vhdx_image_write(work->opened.image, range->at, bytes,
			       range->len);
	judge_result(work, err, "write");
	if (!err)
		store_write(&work->view, range->at, bytes, range->len);
	return err;
}

/* Without holes a discard may leave what was there. */
static void settle_discard(struct work *work, const struct extent *range)
{
	struct store old, seen;

	store_clone(&old, &work->view);
	store_punch(&work->view, range->at, range->len);
	if (work->host->ram.no_punch && judge_view(&work->opened, &seen)) {
		u64 end = range->at + range->len;
		u64 at = store_next_data(&seen, range->at, end);
		u8 a[512], b[512];

		for (; at < end; at = store_next_data(&seen, at, end)) {
			at = ALIGN_DOWN(at, sizeof(a));
			store_read(&seen, at, a, sizeof(a));
			store_read(&old, at, b, sizeof(b));
			if (!vhdx_is_zero(a, sizeof(a)) &&
			    memcmp(a, b, sizeof(a)))
				judge_die("a discard wrote");
			store_write(&work->view, at, a, sizeof(a));
			at += sizeof(a);
		}
		store_destroy(&seen);
	}
	store_destroy(&old);
}

static int op_discard(struct work *work, struct extent *range)
{
	int err = vhdx_image_discard(work->opened.image, range->at, range->len);

	judge_result(work, err, "discard");
	if (!err)
		settle_discard(work, range);
	return err;
}

static int op_zero(struct work *work, struct extent *range, bool keep)
{
	int err = vhdx_image_write_zeroes(work->opened.image, range->at,
					  range->len, keep);

	judge_result(work, err, "write zeroes");
	if (!err)
		store_punch(&work->view, range->at, range->len);
	return err;
}

static void op_commit(struct work *work)
{
	int err = vhdx_image_commit(work->opened.image);

	judge_result(work, err, "commit");
	if (err)
		return;
	work->nr_touched = 0;
	if (vhdx_image_punch_all(work->opened.image) &&
	    !host_has_failed(work->host))
		judge_die("punch failed");
}

int work_compact(struct work *work)
{
	static u8 buf[256 * 1024];
	struct vhdx_compact_step step = { 0 };
	struct vhdx_compact compact;
	unsigned int steps;
	int err;

	err = vhdx_compact_start(&compact, work->opened.image,
				 VHDX_COMPACT_PRETRIMMED, false);
	if (err)
		return err;
	for (steps = 0; !err && steps < COMPACT_STEPS; steps++) {
		err = vhdx_compact_next(&compact, &step);
		if (err || step.kind == VHDX_STEP_DONE)
			break;
		err = vhdx_compact_do(&compact, &step, buf, sizeof(buf));
		if (compact.counts.percent > 100)
			judge_die("%u percent", compact.counts.percent);
	}
	if (steps == COMPACT_STEPS)
		judge_die("compaction does not come to an end");
	work->counts = compact.counts;
	vhdx_compact_end(&compact);
	return err;
}

static void op_compact(struct work *work)
{
	int err = work_compact(work);

	if (err != -EOPNOTSUPP)
		judge_result(work, err, "compaction");
}

/* It has failed: any part of it may have happened. */
static void settle_failure(struct work *work)
{
	struct store seen;

	if (judge_view(&work->opened, &seen))
		adopt(work, &seen);
	store_destroy(&seen);
}

static void op_data(struct work *work, const struct picture_op *op, int kind)
{
	struct extent range;
	int err;

	op_range(work, op, &range);
	if (kind == OP_WRITE)
		err = op_write(work, &range);
	else if (kind == OP_DISCARD)
		err = op_discard(work, &range);
	else
		err = op_zero(work, &range, kind == OP_ZERO_KEEP);
	touch(work, range.at, range.len);
	if (err)
		settle_failure(work);
	else
		judge_read(work, &range);
}

static void op_do(struct work *work, const struct picture_op *op)
{
	int err;

	switch (op->kind % OP_KINDS) {
	case OP_COMMIT:
		op_commit(work);
		return;
	case OP_CRASH:
		reopen(work, "after a crash");
		return;
	case OP_FINISH:
		err = vhdx_image_finish(work->opened.image);
		judge_result(work, err, "finish");
		if (!err)
			work->nr_touched = 0;
		reopen(work, "after a session");
		return;
	case OP_COMPACT:
		op_compact(work);
		return;
	default:
		op_data(work, op, op->kind % OP_KINDS);
	}
}

void work_do(struct work *work)
{
	unsigned int i;

	for (i = 0; i < work->picture->ops; i++)
		op_do(work, &work->picture->op[i]);
}

bool work_stop(struct work *work, bool cleanly)
{
	struct opened again;
	int err = -EIO;

	if (cleanly) {
		err = vhdx_image_finish(work->opened.image);
		judge_result(work, err, "finish");
	}
	if (!err)
		work->nr_touched = 0;
	judge_close(&work->opened);
	forgive(work->host);
	judge_reopen(&again, work->host, work->picture, FOR_READING,
		     "at the end");
	judge_work(work, &again, "at the end");
	judge_close(&again);
	store_destroy(&work->view);
	return !err;
}
