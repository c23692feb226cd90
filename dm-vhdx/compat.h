/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between the kernels we build for. No other file
 * names a kernel version.
 */
#ifndef DM_VHDX_COMPAT_H
#define DM_VHDX_COMPAT_H

#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <linux/filelock.h>
#endif

/* Is the device that this table is for writable? */
static inline bool dm_vhdx_table_writable(struct dm_target *ti)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return dm_table_get_mode(ti->table) & BLK_OPEN_WRITE;
#else
	return dm_table_get_mode(ti->table) & FMODE_WRITE;
#endif
}

/* Fill in a lock on one byte that belongs to the open file. */
static inline void dm_vhdx_lock_init(struct file_lock *lock, struct file *file,
				     unsigned char type, loff_t byte)
{
	locks_init_lock(lock);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	lock->c.flc_type = type;
	lock->c.flc_flags = FL_POSIX | FL_OFDLCK;
	lock->c.flc_owner = file;
	lock->c.flc_file = file;
	lock->c.flc_pid = current->tgid;
#else
	lock->fl_type = type;
	lock->fl_flags = FL_POSIX | FL_OFDLCK;
	lock->fl_owner = file;
	lock->fl_file = file;
	lock->fl_pid = current->tgid;
#endif
	lock->fl_start = byte;
	lock->fl_end = byte;
}

static inline bool dm_vhdx_lock_is_free(const struct file_lock *lock)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return lock->c.flc_type == F_UNLCK;
#else
	return lock->fl_type == F_UNLCK;
#endif
}

static inline void dm_vhdx_limits_discard(struct queue_limits *limits,
					  unsigned int max_sectors)
{
	limits->max_hw_discard_sectors = max_sectors;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	limits->max_discard_sectors = max_sectors;
#endif
}

/* What the queue inherits from the disk under the image. */
static inline void dm_vhdx_limits_inherit(struct queue_limits *limits,
					  struct file *file,
					  struct block_device *bdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	if (bdev && !bdev_nonrot(bdev))
		limits->features |= BLK_FEAT_ROTATIONAL;
	if (mapping_stable_writes(file->f_mapping))
		limits->features |= BLK_FEAT_STABLE_WRITES;
	limits->features &= ~BLK_FEAT_POLL;
#endif
}

/* What the page cache handles at once: on XFS with large blocks more than a page. */
static inline u32 dm_vhdx_cache_unit(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return mapping_min_folio_nrpages(file->f_mapping) << PAGE_SHIFT;
#else
	return PAGE_SIZE;
#endif
}

/*
 * Freeze protection for asynchronous writes: taken by the submitter, dropped
 * by the completion, in whatever context that is.
 */
static inline void dm_vhdx_start_write(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode))
		return;
	sb_start_write(inode->i_sb);
	__sb_writers_release(inode->i_sb, SB_FREEZE_WRITE);
}

static inline void dm_vhdx_end_write(struct file *file)
{
	struct inode *inode = file_inode(file);

	if (!S_ISREG(inode->i_mode))
		return;
	__sb_writers_acquired(inode->i_sb, SB_FREEZE_WRITE);
	sb_end_write(inode->i_sb);
}

#endif
