// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a bio: map() takes or awaits the block lock, an io worker moves
 * the data, the metadata worker is asked where the image must change first.
 */
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/uio.h>

#include "compat.h"
#include "dm-vhdx.h"

/* Data I/Os in a row that may end without having moved a byte. */
#define DM_VHDX_ZERO_RESULTS 2

static u64 dm_vhdx_io_pos(const struct dm_vhdx_io *io)
{
	return (u64)io->left.bi_sector << SECTOR_SHIFT;
}

/* Nothing but these ever reaches dm: others would be taken for requeues. */
static blk_status_t dm_vhdx_status(const struct bio *bio, int err)
{
	switch (err) {
	case 0:
		return BLK_STS_OK;
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return BLK_STS_NOSPC;
	case -ENOMEM:
		return BLK_STS_RESOURCE;
	case -ETIMEDOUT:
		return BLK_STS_TIMEOUT;
	case -EOPNOTSUPP:
		if (bio_op(bio) == REQ_OP_DISCARD ||
		    bio_op(bio) == REQ_OP_WRITE_ZEROES)
			return BLK_STS_NOTSUPP;
		return BLK_STS_IOERR;
	default:
		return BLK_STS_IOERR;
	}
}

static void dm_vhdx_io_unlock(struct dm_vhdx_io *io)
{
	if (!io->locked)
		return;
	io->locked = false;
	dm_vhdx_unlock(io->dv, &io->lock);
}

/**
 * dm_vhdx_io_end() - the bio is done, or waits for its flush
 * @io: owned by the caller; gone on return
 * @err: 0 or -errno
 *
 * Any context. A write with FUA that is not durable yet goes to the metadata
 * worker first; its block is free again by then.
 */
void dm_vhdx_io_end(struct dm_vhdx_io *io, int err)
{
	struct bio *bio = io->bio;

	if (!err && op_is_write(bio_op(bio)) &&
	    READ_ONCE(io->dv->mode) != DM_VHDX_RW)
		err = -EROFS;
	if (dm_vhdx_is_full(err))
		dm_vhdx_report_full(io->dv);
	dm_vhdx_io_unlock(io);
	if (!err && (bio->bi_opf & REQ_FUA) && op_is_write(bio_op(bio)) &&
	    !io->synced) {
		dm_vhdx_queue_flush(io);
		return;
	}
	bio->bi_status = dm_vhdx_status(bio, err);
	bio_endio(bio);
}

/**
 * dm_vhdx_io_queue() - hand the bio to an io worker
 * @io: owned by the caller, by the worker on return
 *
 * Any context.
 */
void dm_vhdx_io_queue(struct dm_vhdx_io *io)
{
	queue_work(io->dv->io_wq, &io->work);
}

/* Exchange the shared lock for the exclusive one; then to an io worker. */
static void dm_vhdx_io_relock(struct dm_vhdx_io *io)
{
	dm_vhdx_io_unlock(io);
	io->lock.exclusive = true;
	if (!dm_vhdx_lock(io->dv, &io->lock))
		return;
	io->locked = true;
	dm_vhdx_io_queue(io);
}

/* ---- one data I/O ------------------------------------------------------------ */

/*
 * Direct and buffered I/O to one page at the same time could lose what one of
 * them writes. What does not fit direct I/O is therefore written with the
 * block held exclusively; buffered reads do no harm.
 */
static bool dm_vhdx_direct_fits(const struct dm_vhdx_io *io)
{
	const struct dm_vhdx_backing *backing = io->dv->backing;
	struct bvec_iter iter = io->left;
	struct bio_vec bvec;

	if (!io->dv->direct || io->buffered ||
	    !IS_ALIGNED(dm_vhdx_io_pos(io) | iter.bi_size,
			backing->direct_offset))
		return false;
	__bio_for_each_bvec(bvec, io->bio, iter, iter)
		if (!IS_ALIGNED(bvec.bv_offset | bvec.bv_len,
				backing->direct_memory))
			return false;
	return true;
}

/* Direct I/O does not work here after all. */
static void dm_vhdx_retry_buffered(struct dm_vhdx_io *io)
{
	DMWARN_LIMIT("%s: the host refuses direct I/O, using buffered I/O",
		     dm_vhdx_name(io->dv));
	io->buffered = true;
	dm_vhdx_io_queue(io);
}

/* How many bytes were moved, 0 to try again, or -errno. */
static long dm_vhdx_rw_progress(struct dm_vhdx_io *io)
{
	long ret = io->result;

	if (ret < 0)
		return ret;
	ret = min_t(long, ret, io->piece_bytes);
	ret = round_down(ret, SECTOR_SIZE);
	if (ret) {
		io->zero_results = 0;
		return ret;
	}
	if (++io->zero_results < DM_VHDX_ZERO_RESULTS)
		return 0;
	return io->result && op_is_write(bio_op(io->bio)) ? -ENOSPC : -EIO;
}

/* The data or the flush of a write with FUA: R10 unless the host is just full. */
static void dm_vhdx_rw_failed(struct dm_vhdx_io *io, int err)
{
	if (!io->synced || dm_vhdx_is_full(err)) {
		dm_vhdx_io_end(io, err);
		return;
	}
	io->error = err;
	dm_vhdx_queue_change(io, DM_VHDX_CHANGE_FAIL);
}

/* The I/O is over; go on with what is left. Any context. */
static void dm_vhdx_rw_finish(struct dm_vhdx_io *io)
{
	long ret;

	if (io->result == -EINVAL && (io->kiocb.ki_flags & IOCB_DIRECT)) {
		dm_vhdx_retry_buffered(io);
		return;
	}
	ret = dm_vhdx_rw_progress(io);
	if (ret < 0) {
		dm_vhdx_rw_failed(io, ret);
		return;
	}
	bio_advance_iter(io->bio, &io->left, ret);
	if (io->left.bi_size)
		dm_vhdx_io_queue(io);
	else
		dm_vhdx_io_end(io, 0);
}

/*
 * A page that somebody reads into the page cache during a direct write may hold
 * what was there before. File systems on iomap drop it when the write is over,
 * block devices and FUSE do not. Any context.
 */
static bool dm_vhdx_rw_is_stale(const struct dm_vhdx_io *io)
{
	return io->dv->backing->keeps_pages &&
	       (io->kiocb.ki_flags & IOCB_DIRECT) && io->result > 0 &&
	       filemap_range_has_page(io->kiocb.ki_filp->f_mapping,
				      io->offset_bytes,
				      io->offset_bytes + io->result - 1);
}

/* In an io worker. */
static void dm_vhdx_rw_refresh(struct dm_vhdx_io *io)
{
	u64 last = io->offset_bytes + io->result - 1;

	io->stale = false;
	if (invalidate_inode_pages2_range(io->kiocb.ki_filp->f_mapping,
					  io->offset_bytes >> PAGE_SHIFT,
					  last >> PAGE_SHIFT))
		io->result = -EIO;
	dm_vhdx_rw_finish(io);
}

/* Any context. */
static void dm_vhdx_rw_done(struct dm_vhdx_io *io)
{
	if (op_is_write(bio_op(io->bio))) {
		dm_vhdx_end_write(io->kiocb.ki_filp);
		io->stale = dm_vhdx_rw_is_stale(io);
	}
	if (io->stale)
		dm_vhdx_io_queue(io);
	else
		dm_vhdx_rw_finish(io);
}

static void dm_vhdx_rw_put(struct dm_vhdx_io *io)
{
	if (atomic_dec_and_test(&io->refs))
		dm_vhdx_rw_done(io);
}

static void dm_vhdx_rw_complete(struct kiocb *kiocb, long ret)
{
	struct dm_vhdx_io *io = container_of(kiocb, struct dm_vhdx_io, kiocb);

	io->result = ret;
	dm_vhdx_rw_put(io);
}

/* The first io->piece_bytes of what is left, as an iterator. */
static void dm_vhdx_rw_iter(struct dm_vhdx_io *io, bool write,
			    struct iov_iter *iter)
{
	struct bvec_iter piece = io->left;
	struct bio_vec bvec;
	unsigned int segments = 0;

	piece.bi_size = io->piece_bytes;
	__bio_for_each_bvec(bvec, io->bio, piece, piece)
		segments++;
	iov_iter_bvec(iter, write ? ITER_SOURCE : ITER_DEST,
		      __bvec_iter_bvec(io->bio->bi_io_vec, io->left), segments,
		      io->piece_bytes);
	iter->iov_offset = io->left.bi_bvec_done;
}

/* A write with FUA over what is mapped for good needs no metadata commit. */
static void dm_vhdx_rw_flags(struct dm_vhdx_io *io, bool write, bool direct)
{
	if (write)
		io->kiocb.ki_flags |= IOCB_WRITE;
	if (direct)
		io->kiocb.ki_flags |= IOCB_DIRECT;
	io->synced = write && (io->bio->bi_opf & REQ_FUA) &&
		     io->dv->backing->honours_dsync &&
		     io->piece_bytes == io->bio->bi_iter.bi_size &&
		     !dm_vhdx_needs_commit(io->dv);
	if (io->synced)
		io->kiocb.ki_flags |= IOCB_DSYNC;
}

/* In an io worker: start I/O on what is left; the io is gone on return. */
static void dm_vhdx_rw_start(struct dm_vhdx_io *io, u64 offset_bytes,
			     u32 len_bytes)
{
	struct file *file = io->dv->backing->file;
	bool write = op_is_write(bio_op(io->bio));
	struct iov_iter iter;
	bool direct;
	ssize_t ret;

	io->offset_bytes = offset_bytes;
	io->piece_bytes = len_bytes;
	dm_vhdx_rw_iter(io, write, &iter);
	direct = dm_vhdx_direct_fits(io) &&
		 IS_ALIGNED(offset_bytes | len_bytes,
			    io->dv->backing->direct_offset);
	if (write && !direct && io->dv->direct && !io->lock.exclusive) {
		dm_vhdx_io_relock(io);
		return;
	}
	memset(&io->kiocb, 0, sizeof(io->kiocb));
	io->kiocb.ki_filp = file;
	io->kiocb.ki_pos = offset_bytes;
	io->kiocb.ki_complete = dm_vhdx_rw_complete;
	io->kiocb.ki_ioprio = bio_prio(io->bio);
	dm_vhdx_rw_flags(io, write, direct);
	if (direct)
		dm_vhdx_count(io->dv, DM_VHDX_DIRECT);
	else
		dm_vhdx_count(io->dv, DM_VHDX_BUFFERED);

	atomic_set(&io->refs, 2);
	if (write) {
		dm_vhdx_start_write(file);
		ret = file->f_op->write_iter(&io->kiocb, &iter);
	} else {
		ret = file->f_op->read_iter(&io->kiocb, &iter);
	}
	if (ret != -EIOCBQUEUED)
		dm_vhdx_rw_complete(&io->kiocb, ret);
	dm_vhdx_rw_put(io);
}

/* ---- reads and writes ----------------------------------------------------------- */

static void dm_vhdx_zero_fill(struct dm_vhdx_io *io, u32 len_bytes)
{
	struct bvec_iter piece = io->left;
	struct bio_vec bvec;

	piece.bi_size = len_bytes;
	__bio_for_each_segment(bvec, io->bio, piece, piece)
		memzero_bvec(&bvec);
	bio_advance_iter(io->bio, &io->left, len_bytes);
	dm_vhdx_count(io->dv, DM_VHDX_ZERO_FILLS);
}

static bool dm_vhdx_io_is_zero(struct dm_vhdx_io *io)
{
	struct bvec_iter iter = io->left;
	struct bio_vec bvec;
	bool zero = true;

	__bio_for_each_segment(bvec, io->bio, iter, iter) {
		void *data = bvec_kmap_local(&bvec);

		zero = vhdx_is_zero(data, bvec.bv_len);
		kunmap_local(data);
		if (!zero)
			break;
	}
	return zero;
}

/* A write of zeros over what reads as zeros, with every reader, changes nothing. */
static bool dm_vhdx_write_is_idle(struct dm_vhdx_io *io)
{
	struct vhdx_plan plan;

	if (!io->dv->args.detect_zeroes)
		return false;
	vhdx_image_plan_zero(io->dv->image, dm_vhdx_io_pos(io),
			     io->left.bi_size, false, &plan);
	if (plan.kind != VHDX_PLAN_NOTHING || !dm_vhdx_io_is_zero(io))
		return false;
	dm_vhdx_count(io->dv, DM_VHDX_ZEROES_DETECTED);
	return true;
}

static void dm_vhdx_read_work(struct dm_vhdx_io *io)
{
	struct vhdx_extent extent;
	u32 len_bytes;

	while (io->left.bi_size) {
		vhdx_image_map(io->dv->image, dm_vhdx_io_pos(io),
			       io->left.bi_size, false, &extent);
		len_bytes = min_t(u64, extent.len_bytes, io->left.bi_size);
		switch (extent.kind) {
		case VHDX_EXTENT_ZERO:
			dm_vhdx_zero_fill(io, len_bytes);
			break;
		case VHDX_EXTENT_DATA:
			dm_vhdx_rw_start(io, extent.offset_bytes, len_bytes);
			return;
		default:
			dm_vhdx_queue_change(io, DM_VHDX_CHANGE_LOAD);
			return;
		}
	}
	dm_vhdx_io_end(io, 0);
}

static void dm_vhdx_write_work(struct dm_vhdx_io *io)
{
	struct vhdx_image *image = io->dv->image;
	struct vhdx_extent extent;

	if (dm_vhdx_write_is_idle(io)) {
		dm_vhdx_io_end(io, 0);
		return;
	}
	if (!vhdx_image_data_change_begun(image)) {
		dm_vhdx_queue_change(io, DM_VHDX_CHANGE_BEGIN);
		return;
	}
	vhdx_image_map(image, dm_vhdx_io_pos(io), io->left.bi_size, true,
		       &extent);
	if (extent.kind == VHDX_EXTENT_DATA)
		dm_vhdx_rw_start(io, extent.offset_bytes,
				 min_t(u64, extent.len_bytes,
				       io->left.bi_size));
	else
		dm_vhdx_queue_change(io, DM_VHDX_CHANGE_PREPARE);
}

/* ---- discards and write-zeroes ----------------------------------------------------- */

static bool dm_vhdx_is_discard(const struct dm_vhdx_io *io)
{
	return bio_op(io->bio) == REQ_OP_DISCARD;
}

static void dm_vhdx_plan(struct dm_vhdx *dv, struct bio *bio, u64 pos_bytes,
			 u64 len_bytes, struct vhdx_plan *plan)
{
	if (bio_op(bio) == REQ_OP_DISCARD)
		vhdx_image_plan_discard(dv->image, pos_bytes, len_bytes, plan);
	else
		vhdx_image_plan_zero(dv->image, pos_bytes, len_bytes,
				     bio->bi_opf & REQ_NOUNMAP, plan);
}

/* Inside a block that keeps its space. */
static int dm_vhdx_punch_inside(struct dm_vhdx_io *io,
				const struct vhdx_plan *plan)
{
	struct dm_vhdx *dv = io->dv;
	int err;

	if (dm_vhdx_is_discard(io))
		err = dm_vhdx_backing_punch(dv->backing, plan->offset_bytes,
					    plan->len_bytes);
	else
		err = dm_vhdx_backing_zero(dv->backing, plan->offset_bytes,
					   plan->len_bytes,
					   io->bio->bi_opf & REQ_NOUNMAP);
	if (!err)
		dm_vhdx_count(dv, DM_VHDX_PUNCHES);
	else if (err == -EOPNOTSUPP && dm_vhdx_is_discard(io))
		err = 0;
	return err;
}

static void dm_vhdx_release_work(struct dm_vhdx_io *io)
{
	struct vhdx_image *image = io->dv->image;
	struct vhdx_plan plan;

	dm_vhdx_plan(io->dv, io->bio, dm_vhdx_io_pos(io), io->left.bi_size,
		     &plan);
	if (plan.kind == VHDX_PLAN_NOTHING) {
		dm_vhdx_io_end(io, 0);
	} else if (plan.kind == VHDX_PLAN_LOAD) {
		dm_vhdx_queue_change(io, DM_VHDX_CHANGE_LOAD);
	} else if (!vhdx_image_data_change_begun(image)) {
		dm_vhdx_queue_change(io, DM_VHDX_CHANGE_BEGIN);
	} else if (plan.kind == VHDX_PLAN_RELEASE) {
		io->how = plan.how;
		dm_vhdx_queue_change(io, DM_VHDX_CHANGE_RELEASE);
	} else {
		dm_vhdx_io_end(io, dm_vhdx_punch_inside(io, &plan));
	}
}

/* ---- the io worker ------------------------------------------------------------------- */

static int dm_vhdx_io_check(struct dm_vhdx_io *io)
{
	enum dm_vhdx_mode mode = READ_ONCE(io->dv->mode);

	if (io->error)
		return io->error;
	if (mode == DM_VHDX_FAIL)
		return -EIO;
	if (mode == DM_VHDX_RO && op_is_write(bio_op(io->bio)))
		return -EROFS;
	return 0;
}

static void dm_vhdx_io_work(struct work_struct *work)
{
	struct dm_vhdx_io *io = container_of(work, struct dm_vhdx_io, work);
	unsigned int scope = dm_vhdx_io_scope_enter();
	int err = dm_vhdx_io_check(io);

	if (io->stale)
		dm_vhdx_rw_refresh(io);
	else if (err)
		dm_vhdx_io_end(io, err);
	else if (bio_op(io->bio) == REQ_OP_READ)
		dm_vhdx_read_work(io);
	else if (bio_op(io->bio) == REQ_OP_WRITE)
		dm_vhdx_write_work(io);
	else
		dm_vhdx_release_work(io);
	dm_vhdx_io_scope_leave(scope);
}

/* ---- map() ------------------------------------------------------------------------------ */

static void dm_vhdx_io_granted(struct dm_vhdx_lock *lock)
{
	struct dm_vhdx_io *io = container_of(lock, struct dm_vhdx_io, lock);

	io->locked = true;
	dm_vhdx_io_queue(io);
}

static struct dm_vhdx_io *dm_vhdx_io_init(struct dm_vhdx *dv, struct bio *bio)
{
	struct dm_vhdx_io *io = dm_per_bio_data(bio, sizeof(*io));

	memset(io, 0, sizeof(*io));
	io->dv = dv;
	io->bio = bio;
	io->left = bio->bi_iter;
	io->left.bi_sector = dm_target_offset(dv->ti, bio->bi_iter.bi_sector);
	INIT_LIST_HEAD(&io->list);
	INIT_LIST_HEAD(&io->lock.list);
	INIT_WORK(&io->work, dm_vhdx_io_work);
	io->lock.block = dm_vhdx_io_pos(io) >> dv->block_shift;
	io->lock.granted = dm_vhdx_io_granted;
	return io;
}

/* Lock held, in map(): what needs no worker. */
static bool dm_vhdx_read_at_once(struct dm_vhdx_io *io)
{
	struct vhdx_extent extent;

	vhdx_image_map(io->dv->image, dm_vhdx_io_pos(io), io->left.bi_size,
		       false, &extent);
	if (extent.kind != VHDX_EXTENT_ZERO ||
	    extent.len_bytes < io->left.bi_size)
		return false;
	dm_vhdx_zero_fill(io, io->left.bi_size);
	dm_vhdx_io_end(io, 0);
	return true;
}

static int dm_vhdx_io_start(struct dm_vhdx_io *io, bool exclusive)
{
	io->lock.exclusive = exclusive;
	if (!dm_vhdx_lock(io->dv, &io->lock))
		return DM_MAPIO_SUBMITTED;
	io->locked = true;
	if (bio_op(io->bio) != REQ_OP_READ || !dm_vhdx_read_at_once(io))
		dm_vhdx_io_queue(io);
	return DM_MAPIO_SUBMITTED;
}

/* Bytes from @pos_bytes to the end of its block, at most @len_bytes. */
static u64 dm_vhdx_in_block(const struct dm_vhdx *dv, u64 pos_bytes,
			    u64 len_bytes)
{
	u64 rest = dv->geometry.block_bytes -
		   (pos_bytes & (dv->geometry.block_bytes - 1));

	return min(rest, len_bytes);
}

/*
 * Blocks at the front that need nothing: they read as zeros now, that will do.
 * Only those without space: what is known of them cannot go away meanwhile.
 */
static u64 dm_vhdx_idle_bytes(struct dm_vhdx *dv, struct bio *bio,
			      u64 pos_bytes, u64 len_bytes)
{
	struct vhdx_plan plan;
	u64 idle = 0, offset, len;

	while (idle < len_bytes) {
		u64 part = dm_vhdx_in_block(dv, pos_bytes + idle,
					    len_bytes - idle);

		if (vhdx_image_block_space(dv->image, (pos_bytes + idle) >>
					   dv->block_shift, &offset, &len))
			break;
		dm_vhdx_plan(dv, bio, pos_bytes + idle, part, &plan);
		if (plan.kind != VHDX_PLAN_NOTHING)
			break;
		idle += part;
		cond_resched();
	}
	return idle;
}

static int dm_vhdx_map_release(struct dm_vhdx *dv, struct bio *bio)
{
	u64 pos = (u64)dm_target_offset(dv->ti, bio->bi_iter.bi_sector) <<
		  SECTOR_SHIFT;
	u64 len = bio->bi_iter.bi_size;
	u64 idle = dm_vhdx_idle_bytes(dv, bio, pos, len);
	u64 part = idle ? idle : dm_vhdx_in_block(dv, pos, len);
	struct dm_vhdx_io *io;

	if (part < len)
		dm_accept_partial_bio(bio, part >> SECTOR_SHIFT);
	io = dm_vhdx_io_init(dv, bio);
	if (!idle)
		return dm_vhdx_io_start(io, true);
	dm_vhdx_io_end(io, 0);
	return DM_MAPIO_SUBMITTED;
}

static int dm_vhdx_map_write(struct dm_vhdx *dv, struct bio *bio)
{
	struct dm_vhdx_io *io = dm_vhdx_io_init(dv, bio);

	io->buffered = !dm_vhdx_direct_fits(io);
	return dm_vhdx_io_start(io, dv->direct && io->buffered);
}

static int dm_vhdx_map_flush(struct dm_vhdx *dv, struct bio *bio)
{
	dm_vhdx_count(dv, DM_VHDX_FLUSHES);
	if (!dv->writable) {
		bio_endio(bio);
		return DM_MAPIO_SUBMITTED;
	}
	if (READ_ONCE(dv->mode) != DM_VHDX_RW)
		return DM_MAPIO_KILL;
	dm_vhdx_queue_flush(dm_vhdx_io_init(dv, bio));
	return DM_MAPIO_SUBMITTED;
}

/**
 * dm_vhdx_map() - target_type.map
 * @ti: the target
 * @bio: dm's clone; reads and writes stay within a block
 *
 * Waits for nothing. Return: DM_MAPIO_SUBMITTED or DM_MAPIO_KILL.
 */
int dm_vhdx_map(struct dm_target *ti, struct bio *bio)
{
	struct dm_vhdx *dv = ti->private;
	enum dm_vhdx_mode mode = READ_ONCE(dv->mode);

	if (bio->bi_opf & REQ_PREFLUSH)
		return dm_vhdx_map_flush(dv, bio);
	if (mode == DM_VHDX_FAIL ||
	    (mode == DM_VHDX_RO && op_is_write(bio_op(bio))))
		return DM_MAPIO_KILL;
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		dm_vhdx_count(dv, DM_VHDX_READS);
		return dm_vhdx_io_start(dm_vhdx_io_init(dv, bio), false);
	case REQ_OP_WRITE:
		dm_vhdx_count(dv, DM_VHDX_WRITES);
		if ((bio->bi_opf & REQ_SWAP) && dv->direct)
			dm_vhdx_backing_swapped(dv->backing);
		return dm_vhdx_map_write(dv, bio);
	case REQ_OP_DISCARD:
		dm_vhdx_count(dv, DM_VHDX_DISCARDS);
		return dm_vhdx_map_release(dv, bio);
	case REQ_OP_WRITE_ZEROES:
		dm_vhdx_count(dv, DM_VHDX_WRITE_ZEROES);
		return dm_vhdx_map_release(dv, bio);
	default:
		return DM_MAPIO_KILL;
	}
}
