// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which images are open, for which device, and which table works on them.
 *
 * An image that is open for writing belongs to one mapped device; all tables
 * of that device (the live one and the one that is loaded next) share the open
 * file, because locks on it belong to the open file. Of these tables one at a
 * time is active: has read the metadata and may change them.
 *
 * Suspend and resume of every device need the mutex, and another image may lie on
 * one that is suspended. So nothing is done with it held that does I/O or waits
 * for memory: an image has its entry before its file is opened. (No other table of
 * the device can meet it without a file: dm loads one at a time.)
 */
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/mutex.h>
#include <linux/namei.h>
#include <linux/slab.h>

#include "compat.h"
#include "dm-vhdx.h"

static DEFINE_MUTEX(registry_mutex);
static LIST_HEAD(registry);

/* ---- entries ------------------------------------------------------------- */

/* On overlayfs the file below counts: it is the same one by each of its names. */
static bool dm_vhdx_is_image(const struct dm_vhdx_backing *backing,
			     struct dentry *dentry)
{
	struct inode *inode = d_real_inode(dentry);

	if (S_ISBLK(inode->i_mode))
		return backing->rdev == inode->i_rdev;
	return backing->inode == inode;
}

static struct dm_vhdx_backing *dm_vhdx_entry_alloc(struct mapped_device *md,
						   struct dentry *dentry,
						   bool writable)
{
	struct dm_vhdx_backing *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct inode *inode = d_real_inode(dentry);

	if (!b)
		return NULL;
	if (S_ISBLK(inode->i_mode))
		b->rdev = inode->i_rdev;
	else
		b->inode = inode;
	b->md = md;
	b->writable = writable;
	b->users = 1;
	return b;
}

static void dm_vhdx_entry_free(struct dm_vhdx_backing *b)
{
	kfree(b->name);
	kfree(b);
}

/*
 * Mutex held: the entry that the device of @mine may share, NULL if it needs its
 * own, or an error: the image is taken.
 */
static struct dm_vhdx_backing *
__registry_find(const struct dm_vhdx_backing *mine, const char **error)
{
	struct dm_vhdx_backing *b, *shared = NULL;

	lockdep_assert_held(&registry_mutex);
	list_for_each_entry(b, &registry, list) {
		if (b->inode != mine->inode || b->rdev != mine->rdev)
			continue;
		if (b->md != mine->md) {
			if (!b->writable && !mine->writable)
				continue;
			*error = "The image is mapped by another device";
			return ERR_PTR(-EBUSY);
		}
		if (b->writable != mine->writable) {
			*error = "A reload cannot make the image read-only or writable";
			return ERR_PTR(-EBUSY);
		}
		shared = b;
	}
	return shared;
}

/*
 * The entry of an image: a new one, which has no file yet, or the one that the
 * device has already. Whoever calls holds on to the dentry.
 */
static struct dm_vhdx_backing *dm_vhdx_registry_enter(struct mapped_device *md,
						      struct dentry *dentry,
						      bool writable,
						      const char **error)
{
	struct dm_vhdx_backing *mine, *b;

	mine = dm_vhdx_entry_alloc(md, dentry, writable);
	if (!mine) {
		*error = "Not enough memory";
		return ERR_PTR(-ENOMEM);
	}
	mutex_lock(&registry_mutex);
	b = __registry_find(mine, error);
	if (!b) {
		list_add(&mine->list, &registry);
		b = mine;
	} else if (!IS_ERR(b)) {
		b->users++;
	}
	mutex_unlock(&registry_mutex);
	if (b != mine)
		dm_vhdx_entry_free(mine);
	return b;
}

static void dm_vhdx_registry_leave(struct dm_vhdx_backing *b)
{
	mutex_lock(&registry_mutex);
	list_del(&b->list);
	mutex_unlock(&registry_mutex);
	dm_vhdx_entry_free(b);
}

/* ---- opening --------------------------------------------------------------- */

/* Path as a word of a table line: dm_split_args() takes the backslashes out. */
static char *dm_vhdx_escape(const char *path)
{
	char *word = kmalloc(2 * strlen(path) + 1, GFP_KERNEL);
	char *out = word;

	if (!word)
		return NULL;
	for (; *path; path++) {
		if (*path == '\\' || isspace(*path))
			*out++ = '\\';
		*out++ = *path;
	}
	*out = '\0';
	return word;
}

static char *dm_vhdx_path_of(struct file *file)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	char *path, *word;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	path = file_path(file, buf, PATH_MAX);
	if (IS_ERR(path)) {
		kfree(buf);
		return path;
	}
	word = dm_vhdx_escape(path);
	kfree(buf);
	return word ? word : ERR_PTR(-ENOMEM);
}

static int dm_vhdx_entry_take_file(struct dm_vhdx_backing *b, struct file *file,
				   const char **error)
{
	char *name;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!dm_vhdx_is_image(b, file->f_path.dentry)) {
		*error = "The image was replaced while it was opened";
		err = -ESTALE;
		goto out_with_file;
	}
	name = dm_vhdx_path_of(file);
	if (IS_ERR(name)) {
		*error = "The path of the image is too long";
		err = PTR_ERR(name);
		goto out_with_file;
	}
	b->name = name;
	err = dm_vhdx_backing_init(b, file, error);
	if (err)
		goto out_with_file;
	return 0;

out_with_file:
	fput(file);
	return err;
}

/* A new entry gets its file, if there is one, or goes; on failure both do. */
static struct dm_vhdx_backing *dm_vhdx_registry_fill(struct dm_vhdx_backing *b,
						     struct file *file,
						     const char **error)
{
	int err = dm_vhdx_entry_take_file(b, file, error);

	if (!err)
		return b;
	dm_vhdx_registry_leave(b);
	return ERR_PTR(err);
}

/*
 * Before it is opened: opening a FIFO waits, opening a device may do anything,
 * and a file of an overlay may be copied. The mapping of such a file does not
 * have its pages nor its errors of writeback, so nothing could be promised to
 * who writes.
 */
static int dm_vhdx_check_dentry(struct dentry *dentry, bool writable,
				const char **error)
{
	struct inode *inode = d_backing_inode(dentry);

	if (S_ISDIR(inode->i_mode)) {
		*error = "The image is a directory";
		return -EISDIR;
	}
	if (!S_ISREG(inode->i_mode) && !S_ISBLK(inode->i_mode)) {
		*error = "The image is neither a regular file nor a block device";
		return -EINVAL;
	}
	if (writable && d_real_inode(dentry) != inode) {
		*error = "The image lies on an overlay and can only be read";
		return -EOPNOTSUPP;
	}
	return 0;
}

static struct file *dm_vhdx_open_path(const char *name, bool writable,
				      const char **error)
{
	/* Exclusive means a claim on a block device; readers may be many. */
	int flags = O_LARGEFILE | (writable ? O_RDWR | O_EXCL : O_RDONLY);
	struct file *file = filp_open(name, flags, 0);

	if (IS_ERR(file))
		*error = "The image cannot be opened";
	return file;
}

static struct dm_vhdx_backing *dm_vhdx_registry_path(struct mapped_device *md,
						     const char *name,
						     bool writable,
						     const char **error)
{
	struct dm_vhdx_backing *b;
	struct path path;
	int err;

	err = kern_path(name, LOOKUP_FOLLOW, &path);
	if (err) {
		*error = "The image cannot be found";
		return ERR_PTR(err);
	}
	err = dm_vhdx_check_dentry(path.dentry, writable, error);
	b = err ? ERR_PTR(err) :
		  dm_vhdx_registry_enter(md, path.dentry, writable, error);
	if (!IS_ERR(b) && !b->file)
		b = dm_vhdx_registry_fill(b, dm_vhdx_open_path(name, writable,
							       error), error);
	path_put(&path);
	return b;
}

static struct dm_vhdx_backing *dm_vhdx_registry_fd(struct mapped_device *md,
						   const char *number,
						   bool writable,
						   const char **error)
{
	struct dm_vhdx_backing *b;
	struct dentry *dentry;
	struct file *file;
	unsigned int fd;
	int err;

	if (kstrtouint(number, 10, &fd)) {
		*error = "fd: must be followed by the number of an open file";
		return ERR_PTR(-EINVAL);
	}
	file = fget(fd);
	if (!file) {
		*error = "There is no open file with this number";
		return ERR_PTR(-EBADF);
	}
	dentry = file->f_path.dentry;
	err = dm_vhdx_check_dentry(dentry, writable, error);
	/* Whether it was opened exclusively cannot be seen from here. */
	if (!err && S_ISBLK(file_inode(file)->i_mode)) {
		*error = "A block device must be given by its path";
		err = -EINVAL;
	}
	b = err ? ERR_PTR(err) :
		  dm_vhdx_registry_enter(md, dentry, writable, error);
	if (!IS_ERR(b) && !b->file)
		return dm_vhdx_registry_fill(b, file, error);
	fput(file);
	return b;
}

/**
 * dm_vhdx_registry_get() - the image file of a new table
 * @md: the device the table is for
 * @image: a path, or "fd:" and the number of an open file of the caller
 * @writable: the table wants to write
 * @error: a sentence on failure
 *
 * May sleep. Writes nothing. Return: the backing, to be given back by
 * dm_vhdx_registry_put(), or an error: -EBUSY if somebody else uses the image.
 */
struct dm_vhdx_backing *dm_vhdx_registry_get(struct mapped_device *md,
					     const char *image, bool writable,
					     const char **error)
{
	if (!strncmp(image, "fd:", 3))
		return dm_vhdx_registry_fd(md, image + 3, writable, error);
	return dm_vhdx_registry_path(md, image, writable, error);
}

/**
 * dm_vhdx_registry_put() - a table does not need the image any more
 * @backing: from dm_vhdx_registry_get(); not active for this table
 */
void dm_vhdx_registry_put(struct dm_vhdx_backing *backing)
{
	bool last;

	mutex_lock(&registry_mutex);
	last = --backing->users == 0;
	if (last) {
		list_del(&backing->list);
		dm_vhdx_backing_exit(backing);
	}
	mutex_unlock(&registry_mutex);
	if (last)
		dm_vhdx_entry_free(backing);
}

/**
 * dm_vhdx_registry_claim() - become the one table that works on the image
 * @backing: the image
 * @dv: the table
 *
 * Return: 0, or -EBUSY: another table of the device is still active.
 */
int dm_vhdx_registry_claim(struct dm_vhdx_backing *backing, struct dm_vhdx *dv)
{
	int err = 0;

	mutex_lock(&registry_mutex);
	if (backing->active && backing->active != dv)
		err = -EBUSY;
	else
		backing->active = dv;
	mutex_unlock(&registry_mutex);
	return err;
}

/**
 * dm_vhdx_registry_release() - let another table of the device take over
 * @backing: the image
 * @dv: the table
 */
void dm_vhdx_registry_release(struct dm_vhdx_backing *backing,
			      struct dm_vhdx *dv)
{
	mutex_lock(&registry_mutex);
	if (backing->active == dv)
		backing->active = NULL;
	mutex_unlock(&registry_mutex);
}
