// SPDX-License-Identifier: GPL-2.0-only
/*
 * The container over a regular file or a block device, and everything else
 * that is done to the image file but payload I/O (bio.c).
 *
 * Metadata goes through the page cache, payload past it where possible. They
 * never share a page: a VHDX places both on MiB boundaries, and a VHD whose
 * blocks are not aligned to a page (or a larger unit of the page cache) gets no
 * direct I/O (target.c).
 *
 * Once memory is swapped onto the device, pages for the page cache may be what
 * only our own writes could free. Over a block device metadata then takes the
 * way of the payload, by a few pages that are kept for it: synchronous direct I/O
 * there is a bio on the stack, and what a driver needs for that it has set aside.
 * Over a file the file system would still want memory.
 */
#include <linux/backing-dev.h>
#include <linux/blkdev.h>
#include <linux/cred.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/stat.h>
#include <linux/uio.h>

#include "compat.h"
#include "dm-vhdx.h"

#define DM_VHDX_SCOPE (PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE)

/**
 * dm_vhdx_io_scope_enter() - from here on allocate without I/O, and be
 *	throttled only by the disk under the image
 *
 * Return: for dm_vhdx_io_scope_leave().
 */
unsigned int dm_vhdx_io_scope_enter(void)
{
	unsigned int flags = current->flags;

	current->flags |= DM_VHDX_SCOPE;
	return flags;
}

/**
 * dm_vhdx_io_scope_leave() - end of the scope
 * @flags: what dm_vhdx_io_scope_enter() returned
 */
void dm_vhdx_io_scope_leave(unsigned int flags)
{
	current_restore_flags(flags, DM_VHDX_SCOPE);
}

static struct dm_vhdx_backing *to_backing(struct vhdx_container *c)
{
	return container_of(c, struct dm_vhdx_backing, container);
}

static u64 dm_vhdx_backing_size(struct vhdx_container *c)
{
	return i_size_read(to_backing(c)->file->f_mapping->host);
}

/* One call of the file system's own method; synchronous. */
static ssize_t dm_vhdx_file_rw(struct file *file, bool write, int flags,
			       u64 offset_bytes, struct iov_iter *iter)
{
	struct kiocb kiocb = {
		.ki_filp = file, .ki_pos = offset_bytes, .ki_flags = flags,
	};
	ssize_t ret;

	if (!write)
		return file->f_op->read_iter(&kiocb, iter);
	kiocb.ki_flags |= IOCB_WRITE;
	dm_vhdx_start_write(file);
	ret = file->f_op->write_iter(&kiocb, iter);
	dm_vhdx_end_write(file);
	return ret;
}

static ssize_t dm_vhdx_cached_rw(struct dm_vhdx_backing *backing, bool write,
				 u64 offset_bytes, void *buf, size_t len_bytes)
{
	struct kvec vec = { .iov_base = buf, .iov_len = len_bytes };
	struct iov_iter iter;

	iov_iter_kvec(&iter, write ? ITER_SOURCE : ITER_DEST, &vec, 1,
		      len_bytes);
	return dm_vhdx_file_rw(backing->file, write, 0, offset_bytes, &iter);
}

/* ---- metadata while memory is swapped onto the device -------------------- */

#define DM_VHDX_BOUNCE_ORDER 2
#define DM_VHDX_BOUNCE_BYTES (PAGE_SIZE << DM_VHDX_BOUNCE_ORDER)

static ssize_t dm_vhdx_bounce_rw(struct dm_vhdx_backing *backing, bool write,
				 u64 offset_bytes, void *buf, size_t len_bytes)
{
	size_t part = min_t(size_t, len_bytes, DM_VHDX_BOUNCE_BYTES);
	struct iov_iter iter;
	struct bio_vec bvec;
	ssize_t ret;

	bvec_set_page(&bvec, backing->bounce, part, 0);
	iov_iter_bvec(&iter, write ? ITER_SOURCE : ITER_DEST, &bvec, 1, part);
	mutex_lock(&backing->bounce_lock);
	if (write)
		memcpy(page_address(backing->bounce), buf, part);
	ret = dm_vhdx_file_rw(backing->file, write, IOCB_DIRECT, offset_bytes,
			      &iter);
	if (!write && ret > 0)
		memcpy(buf, page_address(backing->bounce), ret);
	mutex_unlock(&backing->bounce_lock);
	return ret;
}

/**
 * dm_vhdx_backing_swapped() - memory is swapped onto the device
 * @backing: of an active table whose payload takes direct I/O
 *
 * From now on metadata of a block device is neither read nor written through the
 * page cache, if the disk's sectors allow it. Any context.
 */
void dm_vhdx_backing_swapped(struct dm_vhdx_backing *backing)
{
	if (backing->bounce && !READ_ONCE(backing->swapped))
		WRITE_ONCE(backing->swapped, true);
}

static bool dm_vhdx_backing_bounces(const struct dm_vhdx_backing *backing,
				    u64 offset_bytes, size_t len_bytes)
{
	return READ_ONCE(backing->swapped) &&
	       IS_ALIGNED(offset_bytes | len_bytes, backing->direct_offset);
}

static int dm_vhdx_backing_rw(struct vhdx_container *c, bool write,
			      u64 offset_bytes, void *buf, size_t len_bytes)
{
	struct dm_vhdx_backing *backing = to_backing(c);
	u64 end_bytes;

	if (check_add_overflow(offset_bytes, (u64)len_bytes, &end_bytes) ||
	    end_bytes > dm_vhdx_backing_size(c))
		return -EUCLEAN;
	while (len_bytes) {
		size_t part = min_t(size_t, len_bytes, SZ_1M);
		ssize_t ret;

		if (dm_vhdx_backing_bounces(backing, offset_bytes, part))
			ret = dm_vhdx_bounce_rw(backing, write, offset_bytes,
						buf, part);
		else
			ret = dm_vhdx_cached_rw(backing, write, offset_bytes,
						buf, part);
		if (ret <= 0)
			return ret ? ret : -EIO;
		offset_bytes += ret;
		buf += ret;
		len_bytes -= ret;
		cond_resched();
	}
	return 0;
}

static int dm_vhdx_backing_read(struct vhdx_container *c, u64 offset_bytes,
				void *buf, size_t len_bytes)
{
	return dm_vhdx_backing_rw(c, false, offset_bytes, buf, len_bytes);
}

static int dm_vhdx_backing_write(struct vhdx_container *c, u64 offset_bytes,
				 const void *buf, size_t len_bytes)
{
	return dm_vhdx_backing_rw(c, true, offset_bytes, (void *)buf,
				  len_bytes);
}

/*
 * The file tells an error of its writeback once, and may have told it to a
 * write with IOCB_DSYNC. The second look finds it for as long as the table is
 * active.
 */
static int dm_vhdx_backing_flush(struct vhdx_container *c)
{
	struct dm_vhdx_backing *backing = to_backing(c);
	int err = vfs_fsync(backing->file, 1);

	if (err)
		return err;
	return filemap_check_wb_err(backing->file->f_mapping, backing->wb_err);
}

/* Both checks permissions of current, which is not whoever opened the file. */
static int dm_vhdx_fallocate(struct file *file, int mode, u64 offset_bytes,
			     u64 len_bytes)
{
	const struct cred *old = override_creds(file->f_cred);
	int err = vfs_fallocate(file, mode | FALLOC_FL_KEEP_SIZE, offset_bytes,
				len_bytes);

	revert_creds(old);
	return err;
}

static int dm_vhdx_backing_resize(struct vhdx_container *c, u64 size_bytes)
{
	struct file *file = to_backing(c)->file;
	const struct cred *old;
	int err;

	if (c->fixed_size)
		return size_bytes <= dm_vhdx_backing_size(c) ? 0 : -ENOSPC;
	old = override_creds(file->f_cred);
	err = vfs_truncate(&file->f_path, size_bytes);
	revert_creds(old);
	return err;
}

/* The host's unit for ranges of a block device; files take any range. */
static u32 dm_vhdx_backing_unit(struct dm_vhdx_backing *backing)
{
	if (!backing->rdev)
		return 1;
	return bdev_logical_block_size(I_BDEV(backing->file->f_mapping->host));
}

/* The part of a range that consists of whole units of the host; may be empty. */
static void dm_vhdx_backing_inner(struct dm_vhdx_backing *backing,
				  u64 offset_bytes, u64 len_bytes, u64 *from,
				  u64 *to)
{
	u64 unit = dm_vhdx_backing_unit(backing);

	*from = ALIGN(offset_bytes, unit);
	*to = max(*from, ALIGN_DOWN(offset_bytes + len_bytes, unit));
}

/**
 * dm_vhdx_backing_punch() - make a hole of what the host can
 * @backing: the file
 * @offset_bytes: where
 * @len_bytes: how much; what is no whole unit of the host stays
 *
 * May sleep, for as long as direct I/O to the file is in flight. Not durable
 * on return. Return: 0, -EOPNOTSUPP (nothing changed) or another -errno.
 */
int dm_vhdx_backing_punch(struct dm_vhdx_backing *backing, u64 offset_bytes,
			  u64 len_bytes)
{
	u64 from, to;
	int err;

	if (backing->no_punch || backing->cannot_punch)
		return -EOPNOTSUPP;
	dm_vhdx_backing_inner(backing, offset_bytes, len_bytes, &from, &to);
	if (from == to)
		return 0;
	err = dm_vhdx_fallocate(backing->file, FALLOC_FL_PUNCH_HOLE, from,
				to - from);
	if (err == -EOPNOTSUPP)
		backing->cannot_punch = true;
	return err;
}

static int dm_vhdx_write_zeros(struct dm_vhdx_backing *backing,
			       u64 offset_bytes, u64 len_bytes)
{
	void *zeros = page_address(ZERO_PAGE(0));
	int err = 0;

	while (len_bytes && !err) {
		size_t part = min_t(u64, len_bytes, PAGE_SIZE);

		err = dm_vhdx_backing_write(&backing->container, offset_bytes,
					    zeros, part);
		offset_bytes += part;
		len_bytes -= part;
		cond_resched();
	}
	return err;
}

/* What dm_vhdx_backing_inner() leaves out of a range. */
static int dm_vhdx_zero_edges(struct dm_vhdx_backing *backing,
			      u64 offset_bytes, u64 len_bytes)
{
	u64 end = offset_bytes + len_bytes;
	u64 from, to;
	int err;

	dm_vhdx_backing_inner(backing, offset_bytes, len_bytes, &from, &to);
	if (from == to)
		return dm_vhdx_write_zeros(backing, offset_bytes, len_bytes);
	err = dm_vhdx_write_zeros(backing, offset_bytes, from - offset_bytes);
	if (!err)
		err = dm_vhdx_write_zeros(backing, to, end - to);
	return err;
}

/* A range that the host accepts as it is. */
static int dm_vhdx_zero_aligned(struct dm_vhdx_backing *backing,
				u64 offset_bytes, u64 len_bytes,
				bool keep_space)
{
	int err = -EOPNOTSUPP;

	if (!keep_space)
		err = dm_vhdx_backing_punch(backing, offset_bytes, len_bytes);
	if (err == -EOPNOTSUPP)
		err = dm_vhdx_fallocate(backing->file, FALLOC_FL_ZERO_RANGE,
					offset_bytes, len_bytes);
	if (err == -EOPNOTSUPP)
		err = dm_vhdx_write_zeros(backing, offset_bytes, len_bytes);
	return err;
}

/**
 * dm_vhdx_backing_zero() - make a range read as zeros, whatever it takes
 * @backing: the file
 * @offset_bytes: where
 * @len_bytes: how much
 * @keep_space: the range keeps its space on the host
 *
 * May sleep. Not durable on return. Return: 0 or -errno.
 */
int dm_vhdx_backing_zero(struct dm_vhdx_backing *backing, u64 offset_bytes,
			 u64 len_bytes, bool keep_space)
{
	u64 from, to;
	int err = 0;

	dm_vhdx_backing_inner(backing, offset_bytes, len_bytes, &from, &to);
	if (from < to)
		err = dm_vhdx_zero_aligned(backing, from, to - from,
					   keep_space);
	return err ? err : dm_vhdx_zero_edges(backing, offset_bytes, len_bytes);
}

/*
 * The core wants all of it to read as zeros. A disk that cannot have holes may
 * have a way of its own for that, and if it has not the block layer writes zeros
 * better than the core would.
 */
static int dm_vhdx_container_punch(struct vhdx_container *c, u64 offset_bytes,
				   u64 len_bytes)
{
	struct dm_vhdx_backing *backing = to_backing(c);
	int err;

	if (backing->rdev)
		return dm_vhdx_backing_zero(backing, offset_bytes, len_bytes,
					    false);
	err = dm_vhdx_backing_punch(backing, offset_bytes, len_bytes);
	if (err)
		return err;
	return dm_vhdx_zero_edges(backing, offset_bytes, len_bytes);
}

/* The position belongs to whoever gave us the file as fd:N. */
static loff_t dm_vhdx_seek_data(struct file *file, u64 offset_bytes)
{
	loff_t pos, data;

	mutex_lock(&file->f_pos_lock);
	pos = file->f_pos;
	data = vfs_llseek(file, offset_bytes, SEEK_DATA);
	file->f_pos = pos;
	mutex_unlock(&file->f_pos_lock);
	return data;
}

/* The server of a FUSE file does not know what is only in our cache. */
static bool dm_vhdx_hides_data(struct file *file)
{
	return file_inode(file)->i_sb->s_magic == FUSE_SUPER_MAGIC;
}

static u64 dm_vhdx_backing_next_data(struct vhdx_container *c,
				     u64 offset_bytes, u64 end_bytes)
{
	struct file *file = to_backing(c)->file;
	loff_t data;

	if (dm_vhdx_hides_data(file) &&
	    filemap_write_and_wait_range(file->f_mapping, offset_bytes,
					 end_bytes - 1))
		return offset_bytes;
	data = dm_vhdx_seek_data(file, offset_bytes);
	/* Somebody has cut the file: reading will tell, a hole would be zeros. */
	if (data == -ENXIO && end_bytes > vhdx_size(c))
		return offset_bytes;
	if (data == -ENXIO)
		return end_bytes;
	if (data < 0 || (u64)data < offset_bytes)
		return offset_bytes;
	return min_t(u64, data, end_bytes);
}

static const struct vhdx_container_ops dm_vhdx_container_ops = {
	.read = dm_vhdx_backing_read,
	.write = dm_vhdx_backing_write,
	.flush = dm_vhdx_backing_flush,
	.punch = dm_vhdx_container_punch,
	.resize = dm_vhdx_backing_resize,
	.size = dm_vhdx_backing_size,
	.next_data = dm_vhdx_backing_next_data,
};

/* ---- who else uses the file -------------------------------------------- */

/* QEMU's byte ranges (block/file-posix.c): what is held, what is not shared. */
#define QEMU_HELD	100
#define QEMU_UNSHARED	200
#define QEMU_READ	BIT(0)
#define QEMU_WRITE	BIT(1)
#define QEMU_RESIZE	BIT(3)
#define QEMU_PERMISSIONS 4

static int dm_vhdx_lock_byte(struct file *file, loff_t byte)
{
	struct file_lock lock;
	int err;

	dm_vhdx_lock_init(&lock, file, F_RDLCK, byte);
	err = vfs_lock_file(file, F_SETLK, &lock, NULL);
	/* What the file system has hung on it, as NFS does. */
	locks_release_private(&lock);
	return err;
}

static int dm_vhdx_test_byte(struct file *file, loff_t byte)
{
	struct file_lock lock;
	int err;

	dm_vhdx_lock_init(&lock, file, F_WRLCK, byte);
	err = vfs_test_lock(file, &lock);
	if (!err && !dm_vhdx_lock_is_free(&lock))
		err = -EBUSY;
	locks_release_private(&lock);
	return err;
}

static int dm_vhdx_each_byte(struct file *file, unsigned long permissions,
			     loff_t base,
			     int (*fn)(struct file *file, loff_t byte))
{
	unsigned long p;
	int err;

	for_each_set_bit(p, &permissions, QEMU_PERMISSIONS) {
		err = fn(file, base + p);
		if (err)
			return err;
	}
	return 0;
}

/**
 * dm_vhdx_backing_lock() - announce our use of an image as QEMU does, and find
 *	out about that of others
 * @file: the locks belong to it and end with it
 * @writable: we write; other users are never accepted beside a writer
 *
 * Return: 0, -EBUSY: somebody else uses the image, or -errno.
 */
int dm_vhdx_backing_lock(struct file *file, bool writable)
{
	unsigned long unshared = QEMU_WRITE | QEMU_RESIZE;
	unsigned long held = QEMU_READ;
	int err;

	if (writable)
		held |= QEMU_WRITE | QEMU_RESIZE;
	err = dm_vhdx_each_byte(file, held, QEMU_HELD, dm_vhdx_lock_byte);
	if (!err)
		err = dm_vhdx_each_byte(file, unshared, QEMU_UNSHARED,
					dm_vhdx_lock_byte);
	if (!err)
		err = dm_vhdx_each_byte(file, held, QEMU_UNSHARED,
					dm_vhdx_test_byte);
	if (!err)
		err = dm_vhdx_each_byte(file, unshared, QEMU_HELD,
					dm_vhdx_test_byte);
	return err == -EAGAIN ? -EBUSY : err;
}

/* ---- what the host can do ------------------------------------------------ */

/**
 * dm_vhdx_backing_bdev() - the block device under the image
 * @backing: the file
 *
 * Return: NULL if there is none.
 */
struct block_device *dm_vhdx_backing_bdev(struct dm_vhdx_backing *backing)
{
	if (backing->rdev)
		return I_BDEV(backing->file->f_mapping->host);
	return file_inode(backing->file)->i_sb->s_bdev;
}

/*
 * btrfs on 6.1 takes its checksums from pages that a guest may change while they
 * are written, and then reads them with an error.
 */
static bool dm_vhdx_backing_needs_copies(struct dm_vhdx_backing *backing)
{
	return !backing->rdev &&
	       file_inode(backing->file)->i_sb->s_magic == BTRFS_SUPER_MAGIC;
}

/* Alignment of direct I/O: asked, or else guessed as the loop driver does. */
static void dm_vhdx_backing_learn_direct(struct dm_vhdx_backing *backing)
{
	struct block_device *bdev = dm_vhdx_backing_bdev(backing);
	struct kstat stat;

	if (!(backing->file->f_mode & FMODE_CAN_ODIRECT) ||
	    dm_vhdx_backing_needs_copies(backing))
		return;
	if (!backing->rdev &&
	    !vfs_getattr(&backing->file->f_path, &stat, STATX_DIOALIGN, 0) &&
	    (stat.result_mask & STATX_DIOALIGN)) {
		backing->direct_offset = stat.dio_offset_align;
		backing->direct_memory = stat.dio_mem_align;
		return;
	}
	backing->direct_offset = bdev ? bdev_logical_block_size(bdev) :
					PAGE_SIZE;
	backing->direct_memory = backing->direct_offset;
}

/* A guess that turns out wrong for each bio is worse than none. */
static bool dm_vhdx_backing_try_direct(struct dm_vhdx_backing *backing)
{
	struct file *file = backing->file;
	struct kiocb kiocb = { .ki_filp = file, .ki_flags = IOCB_DIRECT };
	struct page *page = alloc_page(GFP_KERNEL);
	struct bio_vec bvec;
	struct iov_iter iter;
	ssize_t ret;

	if (!page)
		return false;
	bvec_set_page(&bvec, page, PAGE_SIZE, 0);
	iov_iter_bvec(&iter, ITER_DEST, &bvec, 1, PAGE_SIZE);
	ret = file->f_op->read_iter(&kiocb, &iter);
	__free_page(page);
	return ret >= 0;
}

/*
 * Where direct I/O goes through the page cache, as on tmpfs and mostly on btrfs,
 * the pages are the data and must stay.
 */
static bool dm_vhdx_backing_keeps_pages(struct dm_vhdx_backing *backing)
{
	return backing->rdev ||
	       file_inode(backing->file)->i_sb->s_magic == FUSE_SUPER_MAGIC;
}

/*
 * FUSE and the file systems on netfs leave IOCB_DSYNC out where the write is
 * asynchronous, OCFS2 where it is not direct; of these it is known that they do not.
 */
static bool dm_vhdx_backing_honours_dsync(struct dm_vhdx_backing *backing)
{
	if (backing->rdev)
		return true;
	switch (file_inode(backing->file)->i_sb->s_magic) {
	case EXT4_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static u32 dm_vhdx_backing_learn_punch(struct dm_vhdx_backing *backing)
{
	u32 unit = backing->rdev ? dm_vhdx_backing_unit(backing) :
				   file_inode(backing->file)->i_sb->s_blocksize;

	if (backing->rdev || !is_power_of_2(unit))
		unit = max_t(u32, unit, SZ_4K);
	return roundup_pow_of_two(unit);
}

static const char *dm_vhdx_backing_unfit(struct dm_vhdx_backing *backing)
{
	struct file *file = backing->file;

	if (!file->f_op->read_iter || !file->f_op->write_iter)
		return "The file system of the image lacks read_iter and write_iter";
	if (!(file->f_mode & FMODE_READ))
		return "The image file is not open for reading";
	if (backing->writable && !(file->f_mode & FMODE_WRITE))
		return "The image file is not open for writing";
	return NULL;
}

/**
 * dm_vhdx_backing_init() - take an open file over
 * @backing: a new entry of the registry
 * @file: belongs to @backing on success
 * @error: a sentence on failure
 *
 * May sleep. Writes nothing. Return: 0 or -errno.
 */
int dm_vhdx_backing_init(struct dm_vhdx_backing *backing, struct file *file,
			 const char **error)
{
	bool writable = backing->writable;
	int err;

	backing->file = file;
	backing->container.ops = &dm_vhdx_container_ops;
	*error = dm_vhdx_backing_unfit(backing);
	if (*error)
		return -EINVAL;
	backing->container.fixed_size = backing->rdev;
	if (dm_vhdx_backing_bdev(backing) &&
	    dm_vhdx_backing_bdev(backing)->bd_disk == dm_disk(backing->md)) {
		*error = "The image lies on the device itself";
		return -ELOOP;
	}
	err = dm_vhdx_backing_lock(file, writable);
	if (err) {
		*error = err == -EBUSY ?
			 "The image is in use by another program" :
			 "The image cannot be locked";
		return err;
	}
	if (!writable && !backing->rdev) {
		err = deny_write_access(file);
		if (err) {
			*error = "The image is open for writing elsewhere";
			return err;
		}
		backing->denies_write = true;
	}
	dm_vhdx_backing_learn_direct(backing);
	if (backing->direct_offset && !dm_vhdx_backing_try_direct(backing))
		backing->direct_offset = 0;
	backing->keeps_pages = dm_vhdx_backing_keeps_pages(backing);
	backing->honours_dsync = dm_vhdx_backing_honours_dsync(backing);
	backing->punch_unit = dm_vhdx_backing_learn_punch(backing);
	if (writable && backing->rdev && backing->direct_offset) {
		mutex_init(&backing->bounce_lock);
		backing->bounce = alloc_pages(GFP_KERNEL | __GFP_COMP,
					      DM_VHDX_BOUNCE_ORDER);
		if (!backing->bounce)
			DMWARN("%s: no memory to swap onto it with",
			       backing->name);
	}
	if (writable) {
		backing->gfp_mask = mapping_gfp_mask(file->f_mapping);
		mapping_set_gfp_mask(file->f_mapping, backing->gfp_mask &
				     ~(__GFP_IO | __GFP_FS));
	}
	return 0;
}

/*
 * What a failed write of an earlier session has left in the page cache counts
 * as clean, so no flush would ever write it again; the disk decides what the
 * image is. Errors found here are those of earlier users of the file.
 */
static void dm_vhdx_backing_drop_cache(struct dm_vhdx_backing *backing)
{
	struct address_space *mapping = backing->file->f_mapping;
	int err, told, busy;

	if (!mapping_can_writeback(mapping))
		return; /* tmpfs: the page cache is all there is */
	err = filemap_write_and_wait(mapping);
	/* One that nobody has been told of yet: or our first flush would be. */
	told = file_check_and_advance_wb_err(backing->file);
	busy = invalidate_inode_pages2(mapping);
	if (!err)
		err = told;
	if (err || busy)
		DMWARN("%s: the page cache of the image could not be %s (%d)",
		       backing->name, err ? "written" : "dropped",
		       err ? err : busy);
}

/**
 * dm_vhdx_backing_start() - a table is about to open the image
 * @backing: claimed for the table
 * @no_punch: the table forbids to punch holes
 *
 * May sleep.
 */
void dm_vhdx_backing_start(struct dm_vhdx_backing *backing, bool no_punch)
{
	backing->no_punch = no_punch;
	backing->cannot_punch = false;
	backing->container.cannot_punch = false;
	if (backing->writable)
		dm_vhdx_backing_drop_cache(backing);
	backing->wb_err = filemap_sample_wb_err(backing->file->f_mapping);
}

/**
 * dm_vhdx_backing_exit() - undo dm_vhdx_backing_init() and let go of the file
 * @backing: its init succeeded
 */
void dm_vhdx_backing_exit(struct dm_vhdx_backing *backing)
{
	if (backing->writable)
		mapping_set_gfp_mask(backing->file->f_mapping,
				     backing->gfp_mask);
	if (backing->denies_write)
		allow_write_access(backing->file);
	if (backing->bounce)
		__free_pages(backing->bounce, DM_VHDX_BOUNCE_ORDER);
	fput(backing->file);
}
