// SPDX-License-Identifier: GPL-2.0-only
/*
 * The background worker: punches what was released, and carries out
 * core/compact.c against live I/O, one step per work item, so that punching,
 * suspend and ordinary I/O come in between. Every change of the image is made
 * by the metadata worker on its behalf.
 */
#include <linux/slab.h>

#include "dm-vhdx.h"

#define DM_VHDX_COPY_BYTES SZ_1M
#define DM_VHDX_PUNCH_BATCHES 16

static const char * const dm_vhdx_compact_words[] = {
	"idle", "running", "done", "cancelled", "failed"
};

/* ---- punching ------------------------------------------------------------- */

/* In the metadata worker. */
static int dm_vhdx_punch_take(struct dm_vhdx *dv, void *arg)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	while (c->ranges < DM_VHDX_PUNCH_BATCH &&
	       vhdx_image_next_punch(dv->image, &c->range[c->ranges]))
		c->ranges++;
	return 0;
}

static int dm_vhdx_punch_return(struct dm_vhdx *dv, void *arg)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	while (c->ranges)
		vhdx_image_punched(dv->image, &c->range[--c->ranges]);
	dm_vhdx_requeue_starved(dv);
	return 0;
}

/* A hole that cannot be made costs space, nothing else. */
static void dm_vhdx_punch_range(struct dm_vhdx *dv, struct vhdx_range *range)
{
	int err = dm_vhdx_backing_punch(dv->backing, range->offset_bytes,
					range->len_bytes);

	if (!err) {
		dm_vhdx_count(dv, DM_VHDX_PUNCHES);
		dm_vhdx_add(dv, DM_VHDX_PUNCHED_BYTES, range->len_bytes);
	} else if (err != -EOPNOTSUPP) {
		DMWARN_LIMIT("%s: punching a hole failed (%d)",
			     dm_vhdx_name(dv), err);
	}
}

static bool dm_vhdx_compact_is_cancelled(struct dm_vhdx_compaction *c)
{
	bool cancel;

	spin_lock_irq(&c->lock);
	cancel = c->cancel;
	spin_unlock_irq(&c->lock);
	return cancel;
}

/*
 * What waits now, or a good part of it: a guest can release faster than a slow host
 * punches, and who suspends or cancels must not wait for that guest. The rest comes
 * behind what is queued by then; if the image is to be closed, dm_vhdx_finish() does
 * it.
 */
static int dm_vhdx_punch_pass(struct dm_vhdx *dv)
{
	struct dm_vhdx_compaction *c = &dv->compaction;
	unsigned int batch, i;
	int err;

	for (batch = 0; batch < DM_VHDX_PUNCH_BATCHES; batch++) {
		err = dm_vhdx_call(dv, dm_vhdx_punch_take, NULL);
		if (err || !c->ranges)
			return err;
		for (i = 0; i < c->ranges; i++)
			dm_vhdx_punch_range(dv, &c->range[i]);
		err = dm_vhdx_call(dv, dm_vhdx_punch_return, NULL);
		if (err)
			return err;
		if (dm_vhdx_compact_is_cancelled(c))
			break;
	}
	if (!READ_ONCE(dv->stopping))
		dm_vhdx_punch_start(dv);
	return 0;
}

static void dm_vhdx_punch_work(struct work_struct *work)
{
	struct dm_vhdx *dv = container_of(work, struct dm_vhdx,
					  compaction.punch_work);
	unsigned int scope = dm_vhdx_io_scope_enter();

	dm_vhdx_punch_pass(dv);
	dm_vhdx_io_scope_leave(scope);
}

/**
 * dm_vhdx_punch_start() - punch what waits, in the background
 * @dv: the target
 *
 * Any context.
 */
void dm_vhdx_punch_start(struct dm_vhdx *dv)
{
	queue_work(dv->bg_wq, &dv->compaction.punch_work);
}

/* ---- steps -------------------------------------------------------------------- */

struct dm_vhdx_block_wait {
	struct dm_vhdx_lock lock;
	struct completion granted;
};

static void dm_vhdx_block_granted(struct dm_vhdx_lock *lock)
{
	complete(&container_of(lock, struct dm_vhdx_block_wait, lock)->granted);
}

/* Sleeps until all I/O to the block has ended; new I/O waits. */
static void dm_vhdx_block_hold(struct dm_vhdx *dv,
			       struct dm_vhdx_block_wait *wait, u64 block)
{
	memset(wait, 0, sizeof(*wait));
	init_completion(&wait->granted);
	wait->lock.block = block;
	wait->lock.exclusive = true;
	wait->lock.granted = dm_vhdx_block_granted;
	if (!dm_vhdx_lock(dv, &wait->lock))
		wait_for_completion(&wait->granted);
}

static int dm_vhdx_compact_plan(struct dm_vhdx *dv, void *arg)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	if (c->mode == VHDX_COMPACT_RETRIM)
		return 0;
	return vhdx_compact_start(&c->plan, dv->image, c->mode, c->no_move);
}

static int dm_vhdx_compact_plan_end(struct dm_vhdx *dv, void *arg)
{
	vhdx_compact_end(&dv->compaction.plan);
	return 0;
}

/* For retrim the guest has said all: what it discarded is made durable. */
static int dm_vhdx_retrim_next(struct vhdx_compact *plan,
			       struct vhdx_compact_step *step)
{
	step->kind = plan->phase ? VHDX_STEP_DONE : VHDX_STEP_COMMIT;
	plan->phase = 1;
	plan->counts.percent = step->kind == VHDX_STEP_DONE ? 100 : 0;
	return 0;
}

static int dm_vhdx_compact_next_step(struct dm_vhdx *dv, void *arg)
{
	struct dm_vhdx_compaction *c = &dv->compaction;
	int err;

	if (c->mode == VHDX_COMPACT_RETRIM)
		err = dm_vhdx_retrim_next(&c->plan, arg);
	else
		err = vhdx_compact_next(&c->plan, arg);
	spin_lock_irq(&c->lock);
	c->counts = c->plan.counts;
	spin_unlock_irq(&c->lock);
	return err;
}

static int dm_vhdx_compact_commit(struct dm_vhdx *dv, void *arg)
{
	return vhdx_image_is_dirty(dv->image) ? vhdx_image_commit(dv->image) :
						0;
}

static int dm_vhdx_compact_plain(struct dm_vhdx *dv, void *arg)
{
	return vhdx_compact_do(&dv->compaction.plan, arg, NULL, 0);
}

struct dm_vhdx_move {
	u64 block;
	struct vhdx_range from;
	struct vhdx_range to;
	int copied;
};

static int dm_vhdx_move_reserve(struct dm_vhdx *dv, void *arg)
{
	struct dm_vhdx_move *move = arg;

	return vhdx_compact_reserve(&dv->compaction.plan, move->block,
				    &move->from, &move->to);
}

static int dm_vhdx_move_switch(struct dm_vhdx *dv, void *arg)
{
	struct dm_vhdx_move *move = arg;

	return vhdx_compact_switch(&dv->compaction.plan, move->block, &move->to,
				   move->copied);
}

/* Block held. The commit that publishes the copy makes it durable first. */
static int dm_vhdx_compact_move(struct dm_vhdx *dv, u64 block)
{
	struct dm_vhdx_move move = { .block = block };
	int err;

	err = dm_vhdx_call(dv, dm_vhdx_move_reserve, &move);
	if (err)
		return err < 0 ? err : 0;
	move.copied = vhdx_container_copy(&dv->backing->container,
					  move.from.offset_bytes,
					  move.to.offset_bytes,
					  move.from.len_bytes,
					  dv->compaction.buf,
					  DM_VHDX_COPY_BYTES);
	return dm_vhdx_call(dv, dm_vhdx_move_switch, &move);
}

static int dm_vhdx_compact_held(struct dm_vhdx *dv,
				struct vhdx_compact_step *step)
{
	struct dm_vhdx_block_wait wait;
	int err;

	dm_vhdx_block_hold(dv, &wait, step->block);
	if (step->kind == VHDX_STEP_MOVE)
		err = dm_vhdx_compact_move(dv, step->block);
	else
		err = dm_vhdx_call(dv, dm_vhdx_compact_plain, step);
	dm_vhdx_unlock(dv, &wait.lock);
	return err;
}

static int dm_vhdx_compact_step(struct dm_vhdx *dv,
				struct vhdx_compact_step *step)
{
	int err;

	switch (step->kind) {
	case VHDX_STEP_PROBE:
	case VHDX_STEP_MOVE:
	case VHDX_STEP_TIDY:
		return dm_vhdx_compact_held(dv, step);
	case VHDX_STEP_COMMIT:
		err = dm_vhdx_call(dv, dm_vhdx_compact_commit, NULL);
		return err ? err : dm_vhdx_punch_pass(dv);
	case VHDX_STEP_TRUNCATE:
		return dm_vhdx_call(dv, dm_vhdx_compact_plain, step);
	case VHDX_STEP_DONE:
		return 0;
	}
	return -EINVAL;
}

/* ---- a compaction ---------------------------------------------------------------- */

static int dm_vhdx_compact_prepare(struct dm_vhdx *dv)
{
	struct dm_vhdx_compaction *c = &dv->compaction;
	int err;

	if (c->planned)
		return 0;
	c->buf = kvmalloc(DM_VHDX_COPY_BYTES, GFP_KERNEL);
	if (!c->buf)
		return -ENOMEM;
	err = dm_vhdx_call(dv, dm_vhdx_compact_plan, NULL);
	c->planned = !err;
	return err;
}

/* State and counts first, then whoever waits may look. */
static void dm_vhdx_compact_finish(struct dm_vhdx *dv, int err)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	if (c->planned) {
		dm_vhdx_call(dv, dm_vhdx_compact_plan_end, NULL);
		c->planned = false;
	}
	kvfree(c->buf);
	c->buf = NULL;
	if (err && err != -ECANCELED)
		DM_VHDX_ERR(dv, "compaction failed (%d)", err);
	spin_lock_irq(&c->lock);
	c->error = err;
	c->counts = c->plan.counts;
	if (err == -ECANCELED)
		c->state = DM_VHDX_COMPACT_CANCELLED;
	else
		c->state = err ? DM_VHDX_COMPACT_FAILED : DM_VHDX_COMPACT_DONE;
	spin_unlock_irq(&c->lock);
	wake_up_all(&c->ended);
	dm_table_event(dv->ti->table);
}

static void dm_vhdx_compact_work(struct work_struct *work)
{
	struct dm_vhdx *dv = container_of(work, struct dm_vhdx,
					  compaction.work);
	struct dm_vhdx_compaction *c = &dv->compaction;
	unsigned int scope = dm_vhdx_io_scope_enter();
	struct vhdx_compact_step step = {};
	int err = 0;

	if (dm_vhdx_compact_is_cancelled(c))
		err = -ECANCELED;
	if (!err)
		err = dm_vhdx_compact_prepare(dv);
	if (!err)
		err = dm_vhdx_call(dv, dm_vhdx_compact_next_step, &step);
	if (!err)
		err = dm_vhdx_compact_step(dv, &step);
	if (err || step.kind == VHDX_STEP_DONE)
		dm_vhdx_compact_finish(dv, err);
	else
		queue_work(dv->bg_wq, &c->work);
	dm_vhdx_io_scope_leave(scope);
}

/**
 * dm_vhdx_compaction_init() - nothing runs
 * @dv: the target
 */
void dm_vhdx_compaction_init(struct dm_vhdx *dv)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	spin_lock_init(&c->lock);
	init_waitqueue_head(&c->ended);
	INIT_WORK(&c->work, dm_vhdx_compact_work);
	INIT_WORK(&c->punch_work, dm_vhdx_punch_work);
	c->held = true;
}

/**
 * dm_vhdx_compaction_start() - compact in the background
 * @dv: the target
 * @mode: full and prezeroed are not supported
 * @no_move: release and tidy only
 *
 * Does not block. A device-mapper event tells the end.
 *
 * Return: 0, -EOPNOTSUPP: the mode, or a fixed VHD; -EROFS: not in mode rw; -EBUSY: one runs
 * already; -EAGAIN: the device is suspended.
 */
int dm_vhdx_compaction_start(struct dm_vhdx *dv, enum vhdx_compact_mode mode,
			     bool no_move)
{
	struct dm_vhdx_compaction *c = &dv->compaction;
	int err = 0;

	if (mode == VHDX_COMPACT_FULL || mode == VHDX_COMPACT_PREZEROED ||
	    (dv->geometry.format == VHDX_FORMAT_VHD &&
	     dv->geometry.type == VHDX_TYPE_FIXED))
		return -EOPNOTSUPP;
	if (READ_ONCE(dv->mode) != DM_VHDX_RW)
		return -EROFS;
	spin_lock_irq(&c->lock);
	if (c->state == DM_VHDX_COMPACT_RUNNING) {
		err = -EBUSY;
	} else if (c->held) {
		err = -EAGAIN;
	} else {
		c->state = DM_VHDX_COMPACT_RUNNING;
		c->cancel = false;
		c->mode = mode;
		c->no_move = no_move;
		c->error = 0;
		memset(&c->plan, 0, sizeof(c->plan));
		memset(&c->counts, 0, sizeof(c->counts));
	}
	spin_unlock_irq(&c->lock);
	if (!err)
		queue_work(dv->bg_wq, &c->work);
	return err;
}

/**
 * dm_vhdx_compaction_cancel() - stop at the next safe step
 * @dv: the target
 *
 * Does not block.
 */
void dm_vhdx_compaction_cancel(struct dm_vhdx *dv)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	spin_lock_irq(&c->lock);
	c->cancel = true;
	spin_unlock_irq(&c->lock);
}

static bool dm_vhdx_compaction_ended(struct dm_vhdx_compaction *c)
{
	bool ended;

	spin_lock_irq(&c->lock);
	ended = c->state != DM_VHDX_COMPACT_RUNNING;
	spin_unlock_irq(&c->lock);
	return ended;
}

/**
 * dm_vhdx_compaction_hold() - cancel, wait for the end, let none start
 * @dv: the target
 *
 * Sleeps for a step at most.
 */
void dm_vhdx_compaction_hold(struct dm_vhdx *dv)
{
	struct dm_vhdx_compaction *c = &dv->compaction;

	spin_lock_irq(&c->lock);
	c->held = true;
	c->cancel = true;
	spin_unlock_irq(&c->lock);
	wait_event(c->ended, dm_vhdx_compaction_ended(c));
}

/**
 * dm_vhdx_compaction_unhold() - compactions may start again
 * @dv: the target
 */
void dm_vhdx_compaction_unhold(struct dm_vhdx *dv)
{
	spin_lock_irq(&dv->compaction.lock);
	dv->compaction.held = false;
	spin_unlock_irq(&dv->compaction.lock);
}

/**
 * dm_vhdx_compaction_word() - a state as a word for status
 * @state: the state
 */
const char *dm_vhdx_compaction_word(enum dm_vhdx_compact_state state)
{
	return dm_vhdx_compact_words[state];
}
