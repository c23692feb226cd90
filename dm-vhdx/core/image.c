// SPDX-License-Identifier: GPL-2.0-only
/*
 * The format-neutral face of an image: what is the same for VHDX and VHD.
 */
#include "image-ops.h"

static int vhdx_find_format(struct vhdx_container *c, enum vhdx_format *format,
			    struct vhdx_report *report)
{
	u8 signature[8];
	int err;

	*format = VHDX_FORMAT_VHD;
	if (vhdx_size(c) < sizeof(signature))
		return 0;
	err = vhdx_read(c, 0, signature, sizeof(signature));
	if (err)
		return vhdx_report_io(report, err, 0);
	if (!memcmp(signature, "vhdxfile", sizeof(signature)))
		*format = VHDX_FORMAT_VHDX;
	return 0;
}

static bool vhdx_name_is_set(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len > 5 && !strcasecmp(name + len - 5, ".vhds");
}

/**
 * vhdx_image_open() - open and check an image
 * @container: the file
 * @options: how
 * @report: findings; zeroed by the caller but for @found and @keep_going
 * @image: result
 *
 * Never writes; a dirty log is replayed in memory. May sleep.
 *
 * Return: 0, or the negative errno of the finding that refuses the image.
 */
int vhdx_image_open(struct vhdx_container *container,
		    const struct vhdx_open_options *options,
		    struct vhdx_report *report, struct vhdx_image **image)
{
	enum vhdx_format format = options->format;
	int err = 0;

	*image = NULL;
	if (vhdx_name_is_set(options->name))
		return vhdx_report(report, VHDX_F_RESILIENT_SET, 0, 0);
	if (!vhdx_size(container))
		return vhdx_report(report, VHDX_F_TOO_SHORT, 0, 0);
	if (options->any_format)
		err = vhdx_find_format(container, &format, report);
	if (err)
		return err;
	if (format == VHDX_FORMAT_VHDX)
		return vhdx_open(container, options, report, image);
	return vhd_open(container, options, report, image);
}

/**
 * vhdx_image_close() - forget an image
 * @image: may be NULL
 *
 * Writes nothing: what is not committed is lost, as in a power cut. For a
 * clean image call vhdx_image_finish() first.
 */
void vhdx_image_close(struct vhdx_image *image)
{
	if (image)
		image->ops->close(image);
}

/* ---- lookups ------------------------------------------------------------ */

const struct vhdx_geometry *vhdx_image_geometry(const struct vhdx_image *image)
{
	return &image->geometry;
}

struct vhdx_container *vhdx_image_container(const struct vhdx_image *image)
{
	return image->container;
}

/**
 * vhdx_image_map() - where a virtual range lives
 * @image: the image
 * @virtual_bytes: start
 * @len_bytes: length, > 0, inside the disk
 * @write: for a write
 * @extent: result, for as much of the range as is alike; never crosses a block
 */
void vhdx_image_map(const struct vhdx_image *image, u64 virtual_bytes,
		    u64 len_bytes, bool write, struct vhdx_extent *extent)
{
	image->ops->map(image, virtual_bytes, len_bytes, write, extent);
}

void vhdx_image_plan_discard(const struct vhdx_image *image, u64 virtual_bytes,
			     u64 len_bytes, struct vhdx_plan *plan)
{
	image->ops->plan_discard(image, virtual_bytes, len_bytes, plan);
}

void vhdx_image_plan_zero(const struct vhdx_image *image, u64 virtual_bytes,
			  u64 len_bytes, bool keep_space,
			  struct vhdx_plan *plan)
{
	image->ops->plan_zero(image, virtual_bytes, len_bytes, keep_space,
			      plan);
}

bool vhdx_image_block_space(const struct vhdx_image *image, u64 block,
			    u64 *offset_bytes, u64 *len_bytes)
{
	return image->ops->block_space(image, block, offset_bytes, len_bytes);
}

bool vhdx_image_is_dirty(const struct vhdx_image *image)
{
	return READ_ONCE(image->dirty);
}

bool vhdx_image_data_change_begun(const struct vhdx_image *image)
{
	return READ_ONCE(image->data_change_begun);
}

bool vhdx_image_failed(const struct vhdx_image *image)
{
	return READ_ONCE(image->failed);
}

bool vhdx_image_needs_replay(const struct vhdx_image *image)
{
	return READ_ONCE(image->needs_replay);
}

void vhdx_image_usage(const struct vhdx_image *image, struct vhdx_usage *usage)
{
	const struct vhdx_space *space = &image->space;

	usage->blocks_present = READ_ONCE(image->blocks_present);
	usage->free_bytes = (READ_ONCE(space->units) -
			     READ_ONCE(space->busy_units)) << space->unit_shift;
	usage->pending_bytes = (READ_ONCE(space->pending_units) +
				READ_ONCE(space->punching_units)) <<
			       space->unit_shift;
	usage->commits = READ_ONCE(image->commits);
}

/* ---- changes ------------------------------------------------------------ */

/**
 * vhdx_image_fail() - no change any more
 * @image: the image
 *
 * Also for the face, when data it was told to flush could not be.
 */
void vhdx_image_fail(struct vhdx_image *image)
{
	WRITE_ONCE(image->failed, true);
}

int vhdx_image_metadata_result(struct vhdx_image *image, int err)
{
	if (err)
		vhdx_image_fail(image);
	return err;
}

/* The host takes no more. */
static bool vhdx_image_host_is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EFBIG;
}

int vhdx_image_change_result(struct vhdx_image *image, int err)
{
	if (vhdx_image_host_is_full(err) || err == -ENOMEM)
		return err;
	return vhdx_image_metadata_result(image, err);
}

static bool vhdx_image_may_change(const struct vhdx_image *image)
{
	return image->writable && !image->failed;
}

int vhdx_image_begin(struct vhdx_image *image)
{
	int err;

	if (!vhdx_image_may_change(image))
		return -EROFS;
	if (image->begun)
		return 0;
	err = image->ops->back ? image->ops->back(image) : 0;
	if (err)
		return vhdx_image_change_result(image, err);
	err = image->ops->begin(image);
	/* A start may be done again but for a flush, which says -EIO then. */
	if (err == -ENOMEM)
		return err;
	if (!err)
		image->begun = true;
	return vhdx_image_metadata_result(image, err);
}

/**
 * vhdx_image_begin_data_change() - before the first change a guest can see
 * @image: the image
 *
 * R1d, once a session; implies the start of the session. Durable on return.
 *
 * Return: 0 or -errno.
 */
int vhdx_image_begin_data_change(struct vhdx_image *image)
{
	int err = vhdx_image_begin(image);

	if (err || image->data_change_begun)
		return err;
	err = image->ops->begin_data_change(image);
	if (!err)
		WRITE_ONCE(image->data_change_begun, true);
	return vhdx_image_metadata_result(image, err);
}

/**
 * vhdx_image_load() - make a lookup possible that answered LOAD
 * @image: the image
 * @block: the block
 *
 * Return: 0 or -errno; lookups go on answering LOAD then.
 */
int vhdx_image_load(struct vhdx_image *image, u64 block)
{
	return image->ops->load ? image->ops->load(image, block) : 0;
}

/* Space that is on its way back, now; false if there is none. */
static bool vhdx_image_reclaim(struct vhdx_image *image)
{
	if (!image->space.pending_units && !image->space.punchable.count)
		return false;
	if (vhdx_image_commit(image))
		return false;
	/* What could not be punched is free as well. */
	vhdx_image_punch_all(image);
	return true;
}

/**
 * vhdx_image_prepare_write() - make a block writable in place
 * @image: the image
 * @block: the block; held at least shared
 *
 * Begins the data change, gives the block space that reads as zeros if it has
 * none (R2), completes a VHD bitmap. Afterwards vhdx_image_map() answers DATA
 * for writes until the block is released. Not durable before
 * vhdx_image_commit().
 *
 * Return: 0, -ENOSPC and nothing has changed, or -errno.
 */
int vhdx_image_prepare_write(struct vhdx_image *image, u64 block)
{
	int err = vhdx_image_begin_data_change(image);

	if (err)
		return err;
	err = image->ops->prepare_write(image, block);
	if (vhdx_image_host_is_full(err) && vhdx_image_reclaim(image))
		err = image->ops->prepare_write(image, block);
	return err;
}

/**
 * vhdx_image_release() - a block gives up its contents and its space
 * @image: the image
 * @block: held exclusively
 * @how: what it reads as afterwards: zeros in both cases
 *
 * The space is pending until the next commit (R7).
 *
 * Return: 0 or -errno and nothing has changed.
 */
int vhdx_image_release(struct vhdx_image *image, u64 block,
		       enum vhdx_release how)
{
	int err = vhdx_image_begin(image);

	return err ? err : image->ops->release(image, block, how);
}

/**
 * vhdx_image_commit() - everything before is durable on return
 * @image: the image
 *
 * Data written to the container before included (R9). With nothing to log it
 * is one flush.
 *
 * Return: 0, or -errno and the image has failed (R10).
 */
int vhdx_image_commit(struct vhdx_image *image)
{
	int err;

	if (image->failed)
		return -EROFS;
	if (!image->dirty)
		return vhdx_image_metadata_result(image,
					vhdx_flush(image->container));
	err = vhdx_image_metadata_result(image, image->ops->commit(image));
	if (err)
		return err;
	WRITE_ONCE(image->dirty, false);
	image->commits++;
	vhdx_space_committed(&image->space);
	return 0;
}

/**
 * vhdx_image_next_punch() - released space that may be given back to the host
 * @image: the image
 * @range: belongs to the caller until vhdx_image_punched()
 *
 * Return: false if there is none.
 */
bool vhdx_image_next_punch(struct vhdx_image *image, struct vhdx_range *range)
{
	struct vhdx_span span;

	if (!vhdx_space_next_punch(&image->space, &span))
		return false;
	range->offset_bytes = span.unit << image->space.unit_shift;
	range->len_bytes = span.units << image->space.unit_shift;
	return true;
}

/**
 * vhdx_image_punched() - the range may be allocated again
 * @image: the image
 * @range: from vhdx_image_next_punch(), whether or not it could be punched
 */
void vhdx_image_punched(struct vhdx_image *image,
			const struct vhdx_range *range)
{
	struct vhdx_span span = {
		.unit = range->offset_bytes >> image->space.unit_shift,
		.units = range->len_bytes >> image->space.unit_shift,
	};

	vhdx_space_punched(&image->space, &span);
}

/**
 * vhdx_image_punch_all() - punch everything that waits
 * @image: the image
 *
 * A host that cannot punch is no error: the space is reused all the same.
 *
 * Return: 0, or the last -errno; all ranges are free then nevertheless.
 */
int vhdx_image_punch_all(struct vhdx_image *image)
{
	struct vhdx_container *c = image->container;
	struct vhdx_range range;
	int err, result = 0;

	while (vhdx_image_next_punch(image, &range)) {
		err = c->ops->punch(c, range.offset_bytes, range.len_bytes);
		if (err && err != -EOPNOTSUPP)
			result = err;
		vhdx_image_punched(image, &range);
	}
	return result;
}

/* ---- compaction --------------------------------------------------------- */

/**
 * vhdx_image_reserve_below() - space for a block's copy below its place
 * @image: the image
 * @block: present
 * @from: its place
 * @to: the new place, as long as the old; its contents have been zeroed
 *
 * Return: 0, -ERANGE if there is none, -ENODATA if the block has no space, or
 * -errno; -ENOSPC is the host's.
 */
int vhdx_image_reserve_below(struct vhdx_image *image, u64 block,
			     struct vhdx_range *from, struct vhdx_range *to)
{
	struct vhdx_space *space = &image->space;
	u64 unit;
	int err;

	if (!vhdx_image_may_change(image))
		return -EROFS;
	if (!vhdx_image_block_space(image, block, &from->offset_bytes,
				    &from->len_bytes))
		return -ENODATA;
	err = vhdx_space_alloc(space, image->slot_units,
			       from->offset_bytes >> space->unit_shift, &unit);
	if (err)
		return -ERANGE;
	to->offset_bytes = (unit << space->unit_shift) +
			   image->slot_lead_bytes;
	to->len_bytes = from->len_bytes;
	/* Not earlier: a packed image stays as it is, to the last byte. */
	err = vhdx_image_begin(image);
	if (!err)
		err = vhdx_container_zero(image->container, to->offset_bytes,
					  to->len_bytes);
	if (err)
		vhdx_space_unalloc(space, unit, image->slot_units);
	return err;
}

/**
 * vhdx_image_unreserve() - give back what vhdx_image_reserve_below() took
 * @image: the image
 * @to: the place; never published
 */
void vhdx_image_unreserve(struct vhdx_image *image,
			  const struct vhdx_range *to)
{
	vhdx_space_unalloc(&image->space,
			   (to->offset_bytes - image->slot_lead_bytes) >>
			   image->space.unit_shift, image->slot_units);
}

/**
 * vhdx_image_move() - switch a block to its copy (R8)
 * @image: the image
 * @block: held exclusively since before the copy was made
 * @to: from vhdx_image_reserve_below(); the copy has been written
 *
 * Return: 0, or -errno and nothing has changed (the reservation stands).
 */
int vhdx_image_move(struct vhdx_image *image, u64 block,
		    const struct vhdx_range *to)
{
	int err = vhdx_image_begin(image);

	return err ? err : image->ops->move(image, block, to);
}

/**
 * vhdx_image_tidy_entry() - drop what an entry without contents still holds
 * @image: the image
 * @block: held exclusively
 *
 * Return: 0 or -errno.
 */
int vhdx_image_tidy_entry(struct vhdx_image *image, u64 block)
{
	int err = vhdx_image_begin(image);

	if (err || !image->ops->tidy_entry)
		return err;
	return image->ops->tidy_entry(image, block);
}

/* Where the file could end; false if it must not or cannot get shorter. */
static bool vhdx_image_shorter_end(const struct vhdx_image *image, u64 *end)
{
	*end = vhdx_space_tail(&image->space) << image->space.unit_shift;
	return image->geometry.type != VHDX_TYPE_FIXED &&
	       !image->container->fixed_size &&
	       *end < vhdx_size(image->container);
}

/**
 * vhdx_image_truncate() - cut off the unused end of the file
 * @image: the image
 *
 * Commits first. Durable on return.
 *
 * Return: 0, also when there is nothing to cut off, or -errno.
 */
int vhdx_image_truncate(struct vhdx_image *image)
{
	u64 end;
	int err;

	if (!vhdx_image_may_change(image))
		return -EROFS;
	if (!image->begun && !image->needs_replay &&
	    !vhdx_image_shorter_end(image, &end))
		return 0;
	err = vhdx_image_begin(image);
	if (!err)
		err = vhdx_image_commit(image);
	if (!err)
		vhdx_image_punch_all(image);
	if (err || !vhdx_image_shorter_end(image, &end))
		return err;
	err = vhdx_image_metadata_result(image,
					 image->ops->truncate(image, end));
	/* What is behind it (a VHD's footer) is none of the map's business. */
	if (!err)
		err = vhdx_space_resize(&image->space, end);
	return err;
}

/**
 * vhdx_image_finish() - end the session: a clean, tidy image
 * @image: the image
 *
 * Commits, cuts off the unused end, empties the log. The image stays open; the
 * next change begins a new session. Durable on return.
 *
 * Return: 0, also when no session had begun, or -errno. A session that failed
 * while it began is no clean end either.
 */
int vhdx_image_finish(struct vhdx_image *image)
{
	int err;

	if (image->failed)
		return -EROFS;
	if (!image->begun)
		return 0;
	err = vhdx_image_truncate(image);
	if (!err)
		err = vhdx_image_metadata_result(image,
						 image->ops->finish(image));
	if (err)
		return err;
	image->begun = false;
	WRITE_ONCE(image->data_change_begun, false);
	return 0;
}
