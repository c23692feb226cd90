// SPDX-License-Identifier: GPL-2.0-only
/*
 * The metadata worker: the only place where an image changes.
 *
 * Modes
 * -----
 *
 * rw    Everything works.
 * ro    A metadata write or a flush has failed. What is on disk is the state
 *       of the last commit plus an unknown part of what came after it, in the
 *       order that the log and the flushes enforce, so the image is sound; but
 *       nobody can say any more whether a flush would tell the truth: the host
 *       reports an error once and forgets it (R10). Reads go on, from the
 *       mapping in memory. Writes, discards and flushes fail, also those that
 *       were under way. A read-only mapping is in this mode from the start.
 * fail  Not even reads can be answered: the file is not what it was when it was
 *       opened, metadata that lookups need are gone. All I/O fails.
 *
 * The way is rw -> ro -> fail, never back: a table in ro or fail stays so over
 * suspend and resume. Loading a new table starts afresh, from what is on disk.
 * Each step raises a device-mapper event and is logged once.
 *
 * A data I/O that fails changes no mode: the bio reports it, as a disk would.
 * One with FUA does, since it may be the flush in it that has failed, and with
 * it what others wrote.
 * A full host (-ENOSPC while space for a block is prepared, or of the data I/O)
 * changes no mode either: the write fails with BLK_STS_NOSPC, an event is
 * raised, the image is as it was. What a commit writes has its space already
 * (core/txn.c).
 *
 * One pass of the worker
 * ----------------------
 *
 *	take all queues
 *	calls of the background worker
 *	changes that bios wait for; the bios go back to the io workers
 *	flushes wait, or a commit is due: commit if there are changes, else
 *		flush the file; answer the flushes
 *	copy the counters for status, start punching, arm the timer
 *
 * Flushes are taken before the commit they wait for, so all that was
 * acknowledged before them is in it (R9). One commit answers all of them.
 * Without flushes changes are committed after commit_ms milliseconds, so that
 * released space comes back.
 */
#include "dm-vhdx.h"

static const char * const dm_vhdx_mode_names[] = { "rw", "ro", "fail" };

/**
 * dm_vhdx_mode_name() - the mode as a word for status
 * @dv: the target
 */
const char *dm_vhdx_mode_name(const struct dm_vhdx *dv)
{
	return dm_vhdx_mode_names[READ_ONCE(dv->mode)];
}

/**
 * dm_vhdx_set_mode() - a step on the one-way street
 * @dv: the target
 * @mode: nothing happens unless it is worse than the present one
 * @why: for the log
 * @err: for the log
 *
 * Process context.
 */
void dm_vhdx_set_mode(struct dm_vhdx *dv, enum dm_vhdx_mode mode,
		      const char *why, int err)
{
	unsigned long flags;
	bool worse;

	spin_lock_irqsave(&dv->md_lock, flags);
	worse = mode > dv->mode;
	if (worse)
		WRITE_ONCE(dv->mode, mode);
	spin_unlock_irqrestore(&dv->md_lock, flags);
	if (!worse)
		return;
	DM_VHDX_ERR(dv, "%s (%d): mode is now %s", why, err,
		    dm_vhdx_mode_name(dv));
	dm_table_event(dv->ti->table);
}

/* ---- queues --------------------------------------------------------------- */

/* Add to a queue; false: nobody is going to look at it. */
static bool dm_vhdx_md_add(struct dm_vhdx *dv, struct list_head *entry,
			   struct list_head *queue)
{
	unsigned long flags;
	bool active;

	spin_lock_irqsave(&dv->md_lock, flags);
	active = dv->active;
	/* Under the lock: once the entry is done the target may go away. */
	if (active) {
		list_add_tail(entry, queue);
		queue_work(dv->md_wq, &dv->md_work);
	}
	spin_unlock_irqrestore(&dv->md_lock, flags);
	return active;
}

/**
 * dm_vhdx_queue_change() - have the image changed for a bio
 * @io: queued for an io worker again when that is done, with io->error set
 * @change: what is needed for the block io->lock.block
 *
 * Any context.
 */
void dm_vhdx_queue_change(struct dm_vhdx_io *io, enum dm_vhdx_change change)
{
	io->change = change;
	dm_vhdx_count(io->dv, DM_VHDX_CHANGES);
	if (!dm_vhdx_md_add(io->dv, &io->list, &io->dv->changes))
		dm_vhdx_io_end(io, -EIO);
}

/**
 * dm_vhdx_queue_flush() - make durable all that was acknowledged so far
 * @io: ended when that is done
 *
 * Any context.
 */
void dm_vhdx_queue_flush(struct dm_vhdx_io *io)
{
	if (!dm_vhdx_md_add(io->dv, &io->list, &io->dv->flushes))
		dm_vhdx_io_end(io, -EIO);
}

/**
 * dm_vhdx_report_full() - have it logged and an event raised
 * @dv: the target; a bio is in flight
 *
 * Any context.
 */
void dm_vhdx_report_full(struct dm_vhdx *dv)
{
	unsigned long flags;

	spin_lock_irqsave(&dv->md_lock, flags);
	dv->full = true;
	spin_unlock_irqrestore(&dv->md_lock, flags);
	queue_work(dv->md_wq, &dv->md_work);
}

/**
 * dm_vhdx_requeue_starved() - there is space again, or never will be
 * @dv: the target
 *
 * In the metadata worker.
 */
void dm_vhdx_requeue_starved(struct dm_vhdx *dv)
{
	if (list_empty(&dv->starved))
		return;
	spin_lock_irq(&dv->md_lock);
	list_splice_init(&dv->starved, &dv->changes);
	spin_unlock_irq(&dv->md_lock);
	queue_work(dv->md_wq, &dv->md_work);
}

/**
 * dm_vhdx_request_commit() - commit soon
 * @dv: the target
 *
 * Any context. Return: 0, -EAGAIN: the device is suspended, -EROFS: its mode.
 */
int dm_vhdx_request_commit(struct dm_vhdx *dv)
{
	unsigned long flags;
	bool active;

	if (READ_ONCE(dv->mode) != DM_VHDX_RW)
		return -EROFS;
	spin_lock_irqsave(&dv->md_lock, flags);
	active = dv->active;
	dv->commit_wanted = active;
	spin_unlock_irqrestore(&dv->md_lock, flags);
	if (!active)
		return -EAGAIN;
	queue_work(dv->md_wq, &dv->md_work);
	return 0;
}

/**
 * dm_vhdx_call() - run a function in the metadata worker and wait for it
 * @dv: the target
 * @fn: see struct dm_vhdx_call
 * @arg: its argument
 *
 * For the background worker and for suspend; never for an io worker.
 * Return: what @fn returned, or -ESHUTDOWN: the image is closed.
 */
int dm_vhdx_call(struct dm_vhdx *dv, int (*fn)(struct dm_vhdx *dv, void *arg),
		 void *arg)
{
	struct dm_vhdx_call call = { .fn = fn, .arg = arg };

	init_completion(&call.done);
	if (!dm_vhdx_md_add(dv, &call.list, &dv->calls))
		return -ESHUTDOWN;
	wait_for_completion(&call.done);
	return call.err;
}

/**
 * dm_vhdx_needs_commit() - may a change that a lookup has just seen be volatile?
 * @dv: the target
 *
 * Called after vhdx_image_map() said DATA. If the metadata worker had not yet
 * marked the image dirty for that change, it is still seen as changing.
 */
bool dm_vhdx_needs_commit(struct dm_vhdx *dv)
{
	smp_rmb(); /* pairs with dm_vhdx_changing_begin() */
	return smp_load_acquire(&dv->changing) ||
	       vhdx_image_is_dirty(dv->image);
}

static void dm_vhdx_changing_begin(struct dm_vhdx *dv)
{
	WRITE_ONCE(dv->changing, true);
	smp_wmb(); /* pairs with dm_vhdx_needs_commit(): before any change */
}

static void dm_vhdx_changing_end(struct dm_vhdx *dv)
{
	/* Pairs with dm_vhdx_needs_commit(): dirty is set by now. */
	smp_store_release(&dv->changing, false);
}

/* ---- changes --------------------------------------------------------------- */

/* Another bio may have had it done meanwhile. */
static int dm_vhdx_prepare(struct dm_vhdx_io *io)
{
	struct vhdx_image *image = io->dv->image;
	struct vhdx_extent extent;

	vhdx_image_map(image, (u64)io->left.bi_sector << SECTOR_SHIFT,
		       io->left.bi_size, true, &extent);
	if (extent.kind != VHDX_EXTENT_PREPARE)
		return 0;
	return vhdx_image_prepare_write(image, io->lock.block);
}

static int dm_vhdx_load(struct dm_vhdx_io *io)
{
	int err = vhdx_image_load(io->dv->image, io->lock.block);

	if (err == -EUCLEAN)
		dm_vhdx_set_mode(io->dv, DM_VHDX_FAIL,
				 "metadata of a block is gone", err);
	return err;
}

static int dm_vhdx_change_one(struct dm_vhdx_io *io)
{
	struct dm_vhdx *dv = io->dv;

	if (io->change == DM_VHDX_CHANGE_LOAD)
		return dm_vhdx_load(io);
	if (READ_ONCE(dv->mode) != DM_VHDX_RW)
		return -EROFS;
	switch (io->change) {
	case DM_VHDX_CHANGE_FAIL:
		vhdx_image_fail(dv->image);
		return io->error;
	case DM_VHDX_CHANGE_BEGIN:
		return vhdx_image_begin_data_change(dv->image);
	case DM_VHDX_CHANGE_PREPARE:
		return dm_vhdx_prepare(io);
	case DM_VHDX_CHANGE_RELEASE:
		return vhdx_image_release(dv->image, io->lock.block, io->how);
	default:
		return -EINVAL;
	}
}

/* R10: the image has failed in a change, a commit or a write with FUA. */
static int dm_vhdx_check_image(struct dm_vhdx *dv, int err)
{
	if (vhdx_image_failed(dv->image))
		dm_vhdx_set_mode(dv, DM_VHDX_RO,
				 "a write or flush failed", err);
	if (!err && READ_ONCE(dv->mode) != DM_VHDX_RW)
		err = -EROFS;
	return err;
}

static void dm_vhdx_run_changes(struct dm_vhdx *dv, struct list_head *changes)
{
	struct dm_vhdx_io *io, *next;

	list_for_each_entry_safe(io, next, changes, list) {
		list_del_init(&io->list);
		io->error = dm_vhdx_change_one(io);
		if (dm_vhdx_is_full(io->error) && dv->compaction.ranges) {
			list_add_tail(&io->list, &dv->starved);
			continue;
		}
		if (io->error)
			dm_vhdx_check_image(dv, io->error);
		dm_vhdx_io_queue(io);
		cond_resched();
	}
}

static void dm_vhdx_run_calls(struct dm_vhdx *dv, struct list_head *calls)
{
	struct dm_vhdx_call *call, *next;

	list_for_each_entry_safe(call, next, calls, list) {
		list_del_init(&call->list);
		call->err = call->fn(dv, call->arg);
		dm_vhdx_check_image(dv, call->err);
		complete(&call->done);
	}
}

/* ---- commit ----------------------------------------------------------------- */

static int dm_vhdx_commit(struct dm_vhdx *dv)
{
	if (READ_ONCE(dv->mode) != DM_VHDX_RW)
		return -EROFS;
	return vhdx_image_commit(dv->image);
}

static void dm_vhdx_run_flushes(struct list_head *flushes, int err)
{
	struct dm_vhdx_io *io, *next;

	list_for_each_entry_safe(io, next, flushes, list) {
		list_del_init(&io->list);
		io->synced = true;
		dm_vhdx_io_end(io, err);
	}
}

static void dm_vhdx_copy_usage(struct dm_vhdx *dv)
{
	struct vhdx_usage usage;

	vhdx_image_usage(dv->image, &usage);
	spin_lock_irq(&dv->md_lock);
	dv->usage = usage;
	dv->dirty = vhdx_image_is_dirty(dv->image);
	spin_unlock_irq(&dv->md_lock);
}

struct dm_vhdx_pass {
	struct list_head changes;
	struct list_head flushes;
	struct list_head calls;
	bool commit;
	bool full;
};

static bool dm_vhdx_pass_begin(struct dm_vhdx *dv, struct dm_vhdx_pass *pass)
{
	bool active;

	INIT_LIST_HEAD(&pass->changes);
	INIT_LIST_HEAD(&pass->flushes);
	INIT_LIST_HEAD(&pass->calls);
	spin_lock_irq(&dv->md_lock);
	active = dv->active;
	list_splice_init(&dv->changes, &pass->changes);
	list_splice_init(&dv->flushes, &pass->flushes);
	list_splice_init(&dv->calls, &pass->calls);
	pass->commit = dv->commit_wanted;
	dv->commit_wanted = false;
	pass->full = dv->full;
	dv->full = false;
	spin_unlock_irq(&dv->md_lock);
	return active;
}

static void dm_vhdx_run_commit(struct dm_vhdx *dv, struct dm_vhdx_pass *pass)
{
	int err = 0;

	if (!list_empty(&pass->flushes) ||
	    (pass->commit && vhdx_image_is_dirty(dv->image)))
		err = dm_vhdx_commit(dv);
	err = dm_vhdx_check_image(dv, err);
	dm_vhdx_run_flushes(&pass->flushes, err);
}

/* Bios that tell it have ended, or are about to. */
static void dm_vhdx_host_is_full(struct dm_vhdx *dv)
{
	DMWARN_LIMIT("%s: no space on the host for the image",
		     dm_vhdx_name(dv));
	dm_table_event(dv->ti->table);
}

/* What is to be done by and by. */
static void dm_vhdx_pass_end(struct dm_vhdx *dv)
{
	u64 commits = dv->usage.commits;

	dm_vhdx_copy_usage(dv);
	if (dv->usage.commits != commits && dv->usage.pending_bytes)
		dm_vhdx_punch_start(dv);
	if (dv->dirty && !READ_ONCE(dv->stopping) &&
	    READ_ONCE(dv->mode) == DM_VHDX_RW)
		queue_delayed_work(dv->md_wq, &dv->commit_work,
				   msecs_to_jiffies(dv->args.commit_ms));
}

static void dm_vhdx_pass_run(struct dm_vhdx *dv, struct dm_vhdx_pass *pass)
{
	if (pass->full)
		dm_vhdx_host_is_full(dv);
	dm_vhdx_changing_begin(dv);
	dm_vhdx_run_calls(dv, &pass->calls);
	dm_vhdx_run_changes(dv, &pass->changes);
	dm_vhdx_changing_end(dv);
	dm_vhdx_run_commit(dv, pass);
	dm_vhdx_pass_end(dv);
}

/* The image is closed. No bio is in flight, but the background may wait. */
static void dm_vhdx_pass_refuse(struct dm_vhdx_pass *pass)
{
	struct dm_vhdx_call *call, *next;

	list_for_each_entry_safe(call, next, &pass->calls, list) {
		list_del_init(&call->list);
		call->err = -ESHUTDOWN;
		complete(&call->done);
	}
}

static void dm_vhdx_md_work(struct work_struct *work)
{
	struct dm_vhdx *dv = container_of(work, struct dm_vhdx, md_work);
	unsigned int scope = dm_vhdx_io_scope_enter();
	struct dm_vhdx_pass pass;

	if (dm_vhdx_pass_begin(dv, &pass))
		dm_vhdx_pass_run(dv, &pass);
	else
		dm_vhdx_pass_refuse(&pass);
	dm_vhdx_io_scope_leave(scope);
}

static void dm_vhdx_commit_work(struct work_struct *work)
{
	struct dm_vhdx *dv = container_of(to_delayed_work(work),
					  struct dm_vhdx, commit_work);

	dm_vhdx_request_commit(dv);
}

/* ---- start and stop --------------------------------------------------------- */

/**
 * dm_vhdx_commit_init() - prepare the worker; it is not active yet
 * @dv: the target
 */
void dm_vhdx_commit_init(struct dm_vhdx *dv)
{
	spin_lock_init(&dv->md_lock);
	INIT_LIST_HEAD(&dv->changes);
	INIT_LIST_HEAD(&dv->flushes);
	INIT_LIST_HEAD(&dv->calls);
	INIT_LIST_HEAD(&dv->starved);
	INIT_WORK(&dv->md_work, dm_vhdx_md_work);
	INIT_DELAYED_WORK(&dv->commit_work, dm_vhdx_commit_work);
}

/**
 * dm_vhdx_commit_start() - from now on the image may change
 * @dv: the target; no bio is in flight
 * @image: just opened
 */
void dm_vhdx_commit_start(struct dm_vhdx *dv, struct vhdx_image *image)
{
	dv->image = image;
	dv->compaction.ranges = 0;
	dv->stopping = false;
	dm_vhdx_copy_usage(dv);
	spin_lock_irq(&dv->md_lock);
	dv->active = true;
	dv->commit_wanted = false;
	spin_unlock_irq(&dv->md_lock);
}

/* All is durable, the log empty, the tail cut off. */
static int dm_vhdx_finish(struct dm_vhdx *dv, void *arg)
{
	int err;

	if (READ_ONCE(dv->mode) != DM_VHDX_RW)
		return 0;
	err = vhdx_image_finish(dv->image);
	if (err)
		dm_vhdx_set_mode(dv, DM_VHDX_RO,
				 "the image could not be finished", err);
	return err;
}

/**
 * dm_vhdx_commit_stop() - finish the image and close it
 * @dv: the target; no bio is in flight, compaction is held
 *
 * May sleep long. Everything is durable on return, unless the mode says
 * otherwise.
 */
void dm_vhdx_commit_stop(struct dm_vhdx *dv)
{
	/* Or what a commit gives to be punched now would be out at the end. */
	WRITE_ONCE(dv->stopping, true);
	flush_workqueue(dv->md_wq);
	cancel_delayed_work_sync(&dv->commit_work);
	flush_workqueue(dv->md_wq);
	/* Twice: what runs may just have queued itself once more. */
	flush_workqueue(dv->bg_wq);
	flush_workqueue(dv->bg_wq);
	dm_vhdx_call(dv, dm_vhdx_finish, NULL);

	spin_lock_irq(&dv->md_lock);
	dv->active = false;
	spin_unlock_irq(&dv->md_lock);
	/* The last pass may have armed the background. */
	flush_workqueue(dv->md_wq);
	flush_workqueue(dv->bg_wq);
	flush_workqueue(dv->md_wq);
	vhdx_image_close(dv->image);
	dv->image = NULL;
}
