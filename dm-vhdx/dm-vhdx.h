/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own contracts: what target.c, bio.c, lock.c, commit.c,
 * backing.c, compactor.c and registry.c know of one another. The format is
 * the core's business (core/image.h).
 *
 * Threads and locks
 * -----------------
 *
 * submitter      map(): classifies, takes the block lock or queues for it, hands the bio
 *                to an io worker. Never waits, never allocates, never touches a file.
 * io workers     Data I/O, asynchronous direct I/O straight from the bio's pages. May
 *                block in the host file system. Never wait for the metadata worker: a
 *                bio that needs a change of metadata is queued there and the work ends;
 *                it is queued again when the change is made. (With all io workers
 *                waiting there would be none left for what the others wait for.)
 * metadata       One ordered work item at a time. All changes of the image happen here,
 * worker         and here flushes are answered. Never waits for a block lock, an io
 *                worker or the background worker.
 * background     One ordered work item at a time: hole punching, compaction. May wait for
 * worker         the metadata worker and for block locks.
 * completion     ki_complete of a data I/O, in any context, hard interrupts included.
 *                Ends the bio or queues its work again; takes spinlocks only.
 * ioctl          ctr, status, message, suspend, resume. Status and messages never block.
 *
 * Block lock     Logical, held from map() to the end of the bio, handed over in order of
 *                arrival, no thread ever sleeps for it but the background worker. Shared:
 *                reads and writes. Exclusive: discard, write-zeroes, release and move of
 *                the block. Blocks that fall into one bucket share a lock, so nobody may
 *                ever hold two.
 *                   Preparing a block for a write needs no exclusive lock: it only turns
 *                zeros into data that reads as zeros.
 * md_lock        Spinlock, interrupts off: the metadata worker's queues (but for starved,
 *                which is its own), the active flag, the copy of the usage counters that
 *                status reads.
 * bucket->lock   Spinlock, interrupts off: one bucket of the block lock.
 * compaction     Spinlock: state and counts of the compaction.
 * .lock
 * registry mutex The list of open images and who is active on which. Taken in ctr, dtr,
 *                preresume and postsuspend only; no I/O and no allocation with it held,
 *                because the image may lie on a device that is suspended.
 *
 * Order: block lock > freeze protection of the host > locks of the host's file
 * system; the spinlocks nest in nothing of ours and nothing nests in them.
 *
 * Lookups of the core (vhdx_image_map() and the plans) run in io workers without
 * a lock while the metadata worker changes other blocks; the block lock keeps
 * this one from being released or moved. They may also run without the block
 * lock where a stale answer does no harm: map() does that to pass over discards
 * of what reads as zeros already.
 *
 * dv->image is set and cleared in preresume and postsuspend, when no bio is in
 * flight; the metadata worker looks at dv->active first, which turns false
 * before the image goes away. Status and messages never look at the image.
 */
#ifndef DM_VHDX_H
#define DM_VHDX_H

#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "core/compact.h"
#include "core/image.h"

#ifndef CONFIG_64BIT
#error "lookups read 64 bit entries in one go"
#endif

#define DM_MSG_PREFIX "vhdx"

struct dm_vhdx;

/* ---- backing.c, registry.c -------------------------------------------- */

/**
 * struct dm_vhdx_backing - one open image file or block device
 * @container: the core's view of it
 * @list: registry
 * @md: the only device that may use it
 * @users: targets that refer to it (live table, inactive table)
 * @active: the target that has the image open
 * @file: the file; its OFD locks live as long as it does; NULL until it is open
 * @inode: identity of a regular file; on overlayfs that below
 * @rdev: identity of a block device, 0 for a regular file
 * @name: its path, escaped for a table line
 * @writable: opened for writing
 * @denies_write: nobody may open the file for writing meanwhile
 * @no_punch: the active table forbids to punch holes
 * @cannot_punch: the host has refused to
 * @direct_offset: alignment of offset and length of direct I/O, 0: no direct I/O
 * @direct_memory: alignment of memory for direct I/O
 * @keeps_pages: pages cached during a direct write stay after it
 * @honours_dsync: a write that asks for it is durable when it is answered
 * @punch_unit: the smallest hole that the host can make
 * @swapped: metadata do without the page cache, if that is possible
 * @bounce: pages for that
 * @bounce_lock: one uses them at a time
 * @wb_err: when the active table began, for errors of the host's writeback
 * @gfp_mask: the mapping's allocation mask before we restricted it
 * @has_geometry: @geometry is valid
 * @geometry: what the first validation found
 */
struct dm_vhdx_backing {
	struct vhdx_container container;
	struct list_head list;
	struct mapped_device *md;
	unsigned int users;
	struct dm_vhdx *active;
	struct file *file;
	struct inode *inode;
	dev_t rdev;
	char *name;
	bool writable;
	bool denies_write;
	bool no_punch;
	bool cannot_punch;
	u32 direct_offset;
	u32 direct_memory;
	bool keeps_pages;
	bool honours_dsync;
	u32 punch_unit;
	bool swapped;
	struct page *bounce;
	struct mutex bounce_lock; /* @bounce */
	errseq_t wb_err;
	gfp_t gfp_mask;
	bool has_geometry;
	struct vhdx_geometry geometry;
};

int dm_vhdx_backing_init(struct dm_vhdx_backing *backing, struct file *file,
			 const char **error);
void dm_vhdx_backing_exit(struct dm_vhdx_backing *backing);
int dm_vhdx_backing_punch(struct dm_vhdx_backing *backing, u64 offset_bytes,
			  u64 len_bytes);
int dm_vhdx_backing_zero(struct dm_vhdx_backing *backing, u64 offset_bytes,
			 u64 len_bytes, bool keep_space);
int dm_vhdx_backing_lock(struct file *file, bool writable);
struct block_device *dm_vhdx_backing_bdev(struct dm_vhdx_backing *backing);
void dm_vhdx_backing_start(struct dm_vhdx_backing *backing, bool no_punch);
void dm_vhdx_backing_swapped(struct dm_vhdx_backing *backing);

struct dm_vhdx_backing *dm_vhdx_registry_get(struct mapped_device *md,
					     const char *image, bool writable,
					     const char **error);
void dm_vhdx_registry_put(struct dm_vhdx_backing *backing);
int dm_vhdx_registry_claim(struct dm_vhdx_backing *backing, struct dm_vhdx *dv);
void dm_vhdx_registry_release(struct dm_vhdx_backing *backing,
			      struct dm_vhdx *dv);

/* Scope of everything that may run for the sake of memory reclaim. */
unsigned int dm_vhdx_io_scope_enter(void);
void dm_vhdx_io_scope_leave(unsigned int flags);

/* ---- lock.c ------------------------------------------------------------ */

/**
 * struct dm_vhdx_lock - one holder of, or waiter for, a block
 * @list: waiters of the bucket
 * @block: which block
 * @exclusive: how
 * @granted: called when a lock that was not granted at once is; any context
 */
struct dm_vhdx_lock {
	struct list_head list;
	u64 block;
	bool exclusive;
	void (*granted)(struct dm_vhdx_lock *lock);
};

/* A share of the blocks; @lock protects the rest of it. */
struct dm_vhdx_bucket {
	spinlock_t lock;	/* bucket->lock of the essay */
	u32 shared;
	bool exclusive;
	struct list_head waiters;
};

int dm_vhdx_locks_init(struct dm_vhdx *dv);
void dm_vhdx_locks_exit(struct dm_vhdx *dv);
bool dm_vhdx_lock(struct dm_vhdx *dv, struct dm_vhdx_lock *lock);
void dm_vhdx_unlock(struct dm_vhdx *dv, struct dm_vhdx_lock *lock);

/* ---- commit.c ----------------------------------------------------------- */

/*
 * One way: rw -> ro -> fail; the essay is in commit.c.
 */
enum dm_vhdx_mode {
	DM_VHDX_RW,
	DM_VHDX_RO,
	DM_VHDX_FAIL,
};

/* What a bio asks of the metadata worker. */
enum dm_vhdx_change {
	DM_VHDX_CHANGE_BEGIN,		/* vhdx_image_begin_data_change() */
	DM_VHDX_CHANGE_LOAD,		/* vhdx_image_load() */
	DM_VHDX_CHANGE_PREPARE,		/* vhdx_image_prepare_write() */
	DM_VHDX_CHANGE_RELEASE,		/* vhdx_image_release() */
	DM_VHDX_CHANGE_FAIL,		/* vhdx_image_fail(), for io->error */
};

/**
 * struct dm_vhdx_call - a function to run in the metadata worker
 * @list: queue
 * @fn: returns 0 or -errno; the image is open for as long as it runs
 * @arg: its argument
 * @err: its result
 * @done: it has returned
 */
struct dm_vhdx_call {
	struct list_head list;
	int (*fn)(struct dm_vhdx *dv, void *arg);
	void *arg;
	int err;
	struct completion done;
};

struct dm_vhdx_io;

void dm_vhdx_commit_init(struct dm_vhdx *dv);
void dm_vhdx_commit_start(struct dm_vhdx *dv, struct vhdx_image *image);
void dm_vhdx_commit_stop(struct dm_vhdx *dv);
void dm_vhdx_queue_change(struct dm_vhdx_io *io, enum dm_vhdx_change change);
void dm_vhdx_queue_flush(struct dm_vhdx_io *io);
void dm_vhdx_report_full(struct dm_vhdx *dv);
void dm_vhdx_requeue_starved(struct dm_vhdx *dv);
int dm_vhdx_request_commit(struct dm_vhdx *dv);
int dm_vhdx_call(struct dm_vhdx *dv, int (*fn)(struct dm_vhdx *dv, void *arg),
		 void *arg);
bool dm_vhdx_needs_commit(struct dm_vhdx *dv);
void dm_vhdx_set_mode(struct dm_vhdx *dv, enum dm_vhdx_mode mode,
		      const char *why, int err);
const char *dm_vhdx_mode_name(const struct dm_vhdx *dv);

/* ---- bio.c --------------------------------------------------------------- */

/**
 * struct dm_vhdx_io - one bio on its way; lives in dm's per-bio data
 * @dv: the target
 * @bio: dm's clone
 * @lock: the block it is about
 * @locked: @lock is held
 * @work: runs in an io worker; the io is owned by exactly one of: this work, a queue of the
 *	metadata worker, a waiters list, the kiocb
 * @list: a queue of the metadata worker
 * @left: what is still to be read or written
 * @change: for the metadata worker
 * @how: for DM_VHDX_CHANGE_RELEASE
 * @error: result of the metadata worker or of a data I/O
 * @synced: what was written is durable, FUA needs nothing more
 * @buffered: do not try direct I/O again
 * @stale: pages of what was written may have been cached before it was
 * @zero_results: successive data I/Os that made no progress
 * @refs: two while a data I/O is under way: the submitter's and the completion's
 * @result: of the data I/O
 * @offset_bytes: where it starts in the file
 * @piece_bytes: its length
 * @kiocb: its control block
 */
struct dm_vhdx_io {
	struct dm_vhdx *dv;
	struct bio *bio;
	struct dm_vhdx_lock lock;
	struct work_struct work;
	struct list_head list;
	struct bvec_iter left;
	enum dm_vhdx_change change;
	enum vhdx_release how;
	int error;
	bool locked;
	bool synced;
	bool buffered;
	bool stale;
	u8 zero_results;
	atomic_t refs;
	u64 offset_bytes;
	u32 piece_bytes;
	long result;
	struct kiocb kiocb;
};

int dm_vhdx_map(struct dm_target *ti, struct bio *bio);
void dm_vhdx_io_queue(struct dm_vhdx_io *io);
void dm_vhdx_io_end(struct dm_vhdx_io *io, int err);

/* ---- compactor.c ---------------------------------------------------------- */

enum dm_vhdx_compact_state {
	DM_VHDX_COMPACT_IDLE,
	DM_VHDX_COMPACT_RUNNING,
	DM_VHDX_COMPACT_DONE,
	DM_VHDX_COMPACT_CANCELLED,
	DM_VHDX_COMPACT_FAILED,
};

#define DM_VHDX_PUNCH_BATCH 32

/**
 * struct dm_vhdx_compaction - background work
 * @lock: protects @state, @cancel, @held, @counts and @error
 * @state: of the last compaction
 * @cancel: stop at the next safe step
 * @held: suspended, nothing may start
 * @mode: what was asked for
 * @no_move: what was asked for
 * @error: why it failed
 * @counts: copy for status
 * @plan: the core's
 * @planned: @plan is under way
 * @buf: for copying
 * @work: one step
 * @ended: waits for @state to leave RUNNING
 * @punch_work: punches what was released
 * @range: ranges handed out for punching
 * @ranges: how many
 */
struct dm_vhdx_compaction {
	spinlock_t lock;	/* compaction.lock of the essay */
	enum dm_vhdx_compact_state state;
	bool cancel;
	bool held;
	enum vhdx_compact_mode mode;
	bool no_move;
	int error;
	struct vhdx_compact_counts counts;
	struct vhdx_compact plan;
	bool planned;
	void *buf;
	struct work_struct work;
	wait_queue_head_t ended;
	struct work_struct punch_work;
	struct vhdx_range range[DM_VHDX_PUNCH_BATCH];
	unsigned int ranges;
};

void dm_vhdx_compaction_init(struct dm_vhdx *dv);
int dm_vhdx_compaction_start(struct dm_vhdx *dv, enum vhdx_compact_mode mode,
			     bool no_move);
void dm_vhdx_compaction_cancel(struct dm_vhdx *dv);
void dm_vhdx_compaction_hold(struct dm_vhdx *dv);
void dm_vhdx_compaction_unhold(struct dm_vhdx *dv);
const char *dm_vhdx_compaction_word(enum dm_vhdx_compact_state state);
void dm_vhdx_punch_start(struct dm_vhdx *dv);

/* ---- target.c -------------------------------------------------------------- */

/**
 * struct dm_vhdx_args - the optional words of the table line
 */
struct dm_vhdx_args {
	bool read_only;
	bool no_discard;
	bool no_punch;
	bool detect_zeroes;
	bool buffered;
	bool no_inline;
	unsigned int commit_ms;
};

/* Counters for the message "stats", in its order; names in target.c. */
enum dm_vhdx_counter {
	DM_VHDX_READS,
	DM_VHDX_WRITES,
	DM_VHDX_DISCARDS,
	DM_VHDX_WRITE_ZEROES,
	DM_VHDX_FLUSHES,
	DM_VHDX_DIRECT,
	DM_VHDX_BUFFERED,
	DM_VHDX_ZERO_FILLS,
	DM_VHDX_ZEROES_DETECTED,
	DM_VHDX_CHANGES,
	DM_VHDX_LOCK_WAITS,
	DM_VHDX_PUNCHES,
	DM_VHDX_PUNCHED_BYTES,
	DM_VHDX_COUNTERS
};

/* One CPU's counters. */
struct dm_vhdx_stats {
	u64 count[DM_VHDX_COUNTERS];
};

/**
 * struct dm_vhdx - one target instance
 * @ti: dm's
 * @backing: the image file
 * @image: open between preresume and postsuspend
 * @geometry: of the image
 * @block_shift: log2 of the block size in bytes
 * @args: of the table line
 * @writable: table, arguments and file allow writing
 * @mode: see commit.c
 * @direct: data I/O tries direct I/O first
 * @io_wq: @md_wq: @bg_wq: see the essay above
 * @buckets: @bucket_mask: the block lock
 * @md_lock: see the essay above
 * @active: the metadata worker may touch the image
 * @changing: the metadata worker is changing the image
 * @commit_wanted: commit in the next pass
 * @full: a bio found no space on the host
 * @stopping: no commit by and by any more
 * @changes: @flushes: @calls: queues of the metadata worker
 * @starved: changes that found no space while some was being punched
 * @md_work: @commit_work: one pass, now or by and by
 * @usage: copy of the image's counters
 * @dirty: copy of the image's flag
 * @stats: counters
 * @compaction: background work
 */
struct dm_vhdx {
	struct dm_target *ti;
	struct dm_vhdx_backing *backing;
	struct vhdx_image *image;
	struct vhdx_geometry geometry;
	unsigned int block_shift;
	struct dm_vhdx_args args;
	bool writable;
	enum dm_vhdx_mode mode;
	bool direct;
	struct workqueue_struct *io_wq;
	struct workqueue_struct *md_wq;
	struct workqueue_struct *bg_wq;
	struct dm_vhdx_bucket *buckets;
	u64 bucket_mask;
	spinlock_t md_lock;	/* see the essay */
	bool active;
	bool changing;
	bool commit_wanted;
	bool full;
	bool stopping;
	struct list_head changes;
	struct list_head flushes;
	struct list_head calls;
	struct list_head starved;
	struct work_struct md_work;
	struct delayed_work commit_work;
	struct vhdx_usage usage;
	bool dirty;
	struct dm_vhdx_stats __percpu *stats;
	struct dm_vhdx_compaction compaction;
};

/* The host has no space, which is not an error of the image. */
static inline bool dm_vhdx_is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

static inline void dm_vhdx_add(struct dm_vhdx *dv, enum dm_vhdx_counter counter,
			       u64 n)
{
	this_cpu_add(dv->stats->count[counter], n);
}

static inline void dm_vhdx_count(struct dm_vhdx *dv,
				 enum dm_vhdx_counter counter)
{
	dm_vhdx_add(dv, counter, 1);
}

static inline const char *dm_vhdx_name(const struct dm_vhdx *dv)
{
	return dm_device_name(dm_table_get_md(dv->ti->table));
}

#define DM_VHDX_ERR(dv, fmt, ...) \
	DMERR("%s: " fmt, dm_vhdx_name(dv), ##__VA_ARGS__)
#define DM_VHDX_WARN(dv, fmt, ...) \
	DMWARN("%s: " fmt, dm_vhdx_name(dv), ##__VA_ARGS__)

#endif
