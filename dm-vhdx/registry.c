// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which images are open, for which device, and which table works on them.
 *
 * An image that is open for writing belongs to one mapped device; all tables
 * of that device (the live one and the one that is loaded next) share the open
 * file, because locks on it belong to the open file. Of these tables one at a
 * time is active: has read the metadata and may change them.
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

struct dm_vhdx_identity {
	struct inode *inode;
	dev_t rdev;
};

static struct dm_vhdx_identity dm_vhdx_identify(struct inode *inode)
{
	struct dm_vhdx_identity id = { .inode = inode };

	if (S_ISBLK(inode->i_mode)) {
		id.inode = NULL;
		id.rdev = inode->i_rdev;
	}
	return id;
}

/*
 * Mutex held: the entry that @md may share, NULL if it needs its own, or an
 * error: the image is taken.
 */
static struct dm_vhdx_backing *__registry_find(struct dm_vhdx_identity id,
					       struct mapped_device *md,
					       bool writable,
					       const char **error)
{
	struct dm_vhdx_backing *b, *shared = NULL;

	lockdep_assert_held(&registry_mutex);
	list_for_each_entry(b, &registry, list) {
		if (b->inode != id.inode || b->rdev != id.rdev)
			continue;
		if (b->md == md && b->writable == writable) {
			shared = b;
		} else if (b->md == md) {
			*error = "A reload cannot make the image read-only or writable";
			return ERR_PTR(-EBUSY);
		} else if (b->writable || writable) {
			*error = "The image is mapped by another device";
			return ERR_PTR(-EBUSY);
		}
	}
	return shared;
}

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

/* Mutex held. Takes the file over, also on failure. */
static struct dm_vhdx_backing *__registry_add(struct mapped_device *md,
					      struct file *file, bool writable,
					      const char **error)
{
	struct dm_vhdx_identity id = dm_vhdx_identify(file_inode(file));
	struct dm_vhdx_backing *b;
	int err;

	lockdep_assert_held(&registry_mutex);
	b = __registry_find(id, md, writable, error);
	if (b) {
		fput(file);
		if (!IS_ERR(b))
			b->users++;
		return b;
	}
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b) {
		*error = "Not enough memory";
		err = -ENOMEM;
		goto out_with_file;
	}
	b->inode = id.inode;
	b->rdev = id.rdev;
	b->md = md;
	b->users = 1;
	b->name = dm_vhdx_path_of(file);
	if (IS_ERR(b->name)) {
		*error = "The path of the image is too long";
		err = PTR_ERR(b->name);
		goto out_with_backing;
	}
	err = dm_vhdx_backing_init(b, file, writable, error);
	if (err)
		goto out_with_name;
	list_add(&b->list, &registry);
	return b;

out_with_name:
	kfree(b->name);
out_with_backing:
	kfree(b);
out_with_file:
	fput(file);
	return ERR_PTR(err);
}

/* Before it is opened: opening a FIFO waits, opening a device may do anything. */
static int dm_vhdx_check_type(umode_t mode, const char **error)
{
	if (S_ISREG(mode) || S_ISBLK(mode))
		return 0;
	*error = S_ISDIR(mode) ? "The image is a directory" :
		 "The image is neither a regular file nor a block device";
	return S_ISDIR(mode) ? -EISDIR : -EINVAL;
}

/* Mutex held: does the device have the image at @path already? */
static struct dm_vhdx_backing *__registry_find_path(struct mapped_device *md,
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
	err = dm_vhdx_check_type(d_backing_inode(path.dentry)->i_mode, error);
	b = err ? ERR_PTR(err) :
		  __registry_find(dm_vhdx_identify(d_backing_inode(path.dentry)),
				  md, writable, error);
	path_put(&path);
	return b;
}

static struct dm_vhdx_backing *__registry_open_path(struct mapped_device *md,
						    const char *name,
						    bool writable,
						    const char **error)
{
	/* Exclusive means a claim on a block device; readers may be many. */
	int flags = O_LARGEFILE | (writable ? O_RDWR | O_EXCL : O_RDONLY);
	struct dm_vhdx_backing *b;
	struct file *file;

	b = __registry_find_path(md, name, writable, error);
	if (b) {
		if (!IS_ERR(b))
			b->users++;
		return b;
	}
	file = filp_open(name, flags, 0);
	if (IS_ERR(file)) {
		*error = "The image cannot be opened";
		return ERR_CAST(file);
	}
	return __registry_add(md, file, writable, error);
}

static struct dm_vhdx_backing *__registry_open_fd(struct mapped_device *md,
						  const char *number,
						  bool writable,
						  const char **error)
{
	struct file *file;
	unsigned int fd;

	if (kstrtouint(number, 10, &fd)) {
		*error = "fd: must be followed by the number of an open file";
		return ERR_PTR(-EINVAL);
	}
	file = fget(fd);
	if (!file) {
		*error = "There is no open file with this number";
		return ERR_PTR(-EBADF);
	}
	/* Whether it was opened exclusively cannot be seen from here. */
	if (S_ISBLK(file_inode(file)->i_mode)) {
		*error = "A block device must be given by its path";
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	return __registry_add(md, file, writable, error);
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
	struct dm_vhdx_backing *b;

	mutex_lock(&registry_mutex);
	if (!strncmp(image, "fd:", 3))
		b = __registry_open_fd(md, image + 3, writable, error);
	else
		b = __registry_open_path(md, image, writable, error);
	mutex_unlock(&registry_mutex);
	return b;
}

/**
 * dm_vhdx_registry_put() - a table does not need the image any more
 * @backing: from dm_vhdx_registry_get(); not active for this table
 */
void dm_vhdx_registry_put(struct dm_vhdx_backing *backing)
{
	mutex_lock(&registry_mutex);
	if (--backing->users == 0) {
		list_del(&backing->list);
		dm_vhdx_backing_exit(backing);
		kfree(backing->name);
		kfree(backing);
	}
	mutex_unlock(&registry_mutex);
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
