// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper target "vhdx": a VHD or VHDX image as a block device.
 *
 * ctr validates the image and writes nothing: the old table may be live. The
 * image is opened in preresume and finished in postsuspend; in between this
 * table is the one that may change it.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "dm-vhdx.h"

#define DM_VHDX_COMMIT_MS 1000
#define DM_VHDX_COMMIT_MS_MAX 60000
#define DM_VHDX_GROW_BYTES SZ_32M
#define DM_VHDX_DISCARD_BYTES SZ_1G
#define DM_VHDX_IO_OPT_MAX SZ_2M
#define DM_VHDX_MAX_ARGS 9

/* ---- the table line ------------------------------------------------------ */

struct dm_vhdx_switch {
	const char *name;
	size_t offset;
};

#define DM_VHDX_SWITCH(arg) { #arg, offsetof(struct dm_vhdx_args, arg) }

static const struct dm_vhdx_switch dm_vhdx_switches[] = {
	DM_VHDX_SWITCH(read_only),
	DM_VHDX_SWITCH(no_discard),
	DM_VHDX_SWITCH(no_punch),
	DM_VHDX_SWITCH(detect_zeroes),
	DM_VHDX_SWITCH(buffered),
	DM_VHDX_SWITCH(no_inline),
};

static bool *dm_vhdx_switch_of(struct dm_vhdx_args *args,
			       const struct dm_vhdx_switch *sw)
{
	return (bool *)((char *)args + sw->offset);
}

static bool dm_vhdx_parse_switch(struct dm_vhdx_args *args, const char *word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dm_vhdx_switches); i++) {
		if (strcasecmp(word, dm_vhdx_switches[i].name))
			continue;
		*dm_vhdx_switch_of(args, &dm_vhdx_switches[i]) = true;
		return true;
	}
	return false;
}

static int dm_vhdx_parse_commit_ms(struct dm_vhdx_args *args,
				   struct dm_arg_set *as, unsigned int *left,
				   char **error)
{
	static const struct dm_arg arg = {
		1, DM_VHDX_COMMIT_MS_MAX,
		"commit_ms must be a number from 1 to 60000"
	};

	if (!*left) {
		*error = "commit_ms needs a number of milliseconds";
		return -EINVAL;
	}
	(*left)--;
	return dm_read_arg(&arg, as, &args->commit_ms, error);
}

static int dm_vhdx_parse_args(struct dm_vhdx_args *args, struct dm_arg_set *as,
			      char **error)
{
	static const struct dm_arg group = {
		0, DM_VHDX_MAX_ARGS, "Invalid number of optional arguments"
	};
	unsigned int left;
	int err;

	args->commit_ms = DM_VHDX_COMMIT_MS;
	err = dm_read_arg_group(&group, as, &left, error);
	while (!err && left) {
		const char *word = dm_shift_arg(as);

		left--;
		if (dm_vhdx_parse_switch(args, word))
			continue;
		if (!strcasecmp(word, "commit_ms")) {
			err = dm_vhdx_parse_commit_ms(args, as, &left, error);
			continue;
		}
		if (!strcasecmp(word, "parent"))
			*error = "Differencing images are not supported by this version";
		else if (!strcasecmp(word, "inline"))
			*error = "Inline submission is not supported by this version";
		else
			*error = "Unknown optional argument";
		return -EINVAL;
	}
	if (!err && as->argc) {
		*error = "Words after the optional arguments";
		return -EINVAL;
	}
	return err;
}

/* ---- opening --------------------------------------------------------------- */

static struct vhdx_image *dm_vhdx_open_image(struct dm_vhdx *dv,
					     const char **error)
{
	struct vhdx_open_options options = {
		.name = dv->backing->name,
		.any_format = true,
		.writable = dv->writable && dv->mode == DM_VHDX_RW,
		.grow_bytes = DM_VHDX_GROW_BYTES,
	};
	struct vhdx_report report = {};
	struct vhdx_image *image = NULL;
	int err;

	err = vhdx_image_open(&dv->backing->container, &options, &report,
			      &image);
	if (!err)
		return image;
	*error = "The image cannot be read";
	if (report.worst != VHDX_F_NONE) {
		*error = vhdx_finding_sentence(report.worst);
		DM_VHDX_ERR(dv, "%s: %s (at byte %llu, value %llu)",
			    vhdx_finding_name(report.worst), *error,
			    report.where, report.value);
	} else {
		DM_VHDX_ERR(dv, "the image cannot be read (%d)", err);
	}
	return ERR_PTR(err);
}

/*
 * The geometry, from a table of the same device if there is one already. Tables
 * of one device are loaded one at a time: dm holds a lock of the device.
 */
static int dm_vhdx_learn_geometry(struct dm_vhdx *dv, const char **error)
{
	struct dm_vhdx_backing *backing = dv->backing;
	struct vhdx_image *image;

	if (!backing->has_geometry) {
		image = dm_vhdx_open_image(dv, error);
		if (IS_ERR(image))
			return PTR_ERR(image);
		backing->geometry = *vhdx_image_geometry(image);
		backing->has_geometry = true;
		vhdx_image_close(image);
	}
	dv->geometry = backing->geometry;
	dv->block_shift = ilog2(dv->geometry.block_bytes);
	return 0;
}

/*
 * All that the device relies on. A VHD counts as better aligned once the blocks
 * that were not are gone; what was learnt first goes on to hold.
 */
static bool dm_vhdx_same_geometry(const struct vhdx_geometry *first,
				  const struct vhdx_geometry *now)
{
	return first->format == now->format && first->type == now->type &&
	       first->virtual_bytes == now->virtual_bytes &&
	       first->block_bytes == now->block_bytes &&
	       first->blocks == now->blocks &&
	       first->sector_bytes == now->sector_bytes &&
	       first->data_alignment <= now->data_alignment &&
	       !memcmp(first->id, now->id, sizeof(first->id));
}

/*
 * Metadata goes through the page cache, so payload must not share a unit of it
 * with them if it does not; and where the host wants larger units than the image
 * keeps, every I/O would fall back anyway.
 */
static bool dm_vhdx_can_direct(const struct dm_vhdx *dv)
{
	u32 unit = dv->backing->direct_offset;

	return !dv->args.buffered && unit &&
	       dv->geometry.data_alignment >= max_t(u32, unit, SZ_4K) &&
	       dv->geometry.data_alignment >=
	       dm_vhdx_cache_unit(dv->backing->file);
}

/* ---- ctr and dtr -------------------------------------------------------------- */

static int dm_vhdx_check_size(struct dm_target *ti, struct dm_vhdx *dv)
{
	struct gendisk *disk = dm_disk(dm_table_get_md(ti->table));
	u64 sectors = dv->geometry.virtual_bytes >> SECTOR_SHIFT;

	if (ti->begin) {
		ti->error = "The table must begin at sector 0";
		return -EINVAL;
	}
	if (ti->len > sectors) {
		DM_VHDX_ERR(dv, "the table has %llu sectors, the image %llu",
			    (u64)ti->len, sectors);
		ti->error = "The table is longer than the virtual disk";
		return -EINVAL;
	}
	if (get_capacity(disk) &&
	    queue_logical_block_size(disk->queue) !=
	    dv->geometry.sector_bytes) {
		ti->error = "A live device cannot change its logical sector";
		return -EINVAL;
	}
	if (ti->len & ((dv->geometry.sector_bytes >> SECTOR_SHIFT) - 1)) {
		ti->error = "The length is no multiple of the logical sector";
		return -EINVAL;
	}
	return 0;
}

static void dm_vhdx_set_features(struct dm_target *ti, struct dm_vhdx *dv)
{
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	ti->limit_swap_bios = true;
	ti->per_io_data_size = sizeof(struct dm_vhdx_io);
	if (!dv->writable)
		return;
	ti->num_write_zeroes_bios = 1;
	if (dv->args.no_discard)
		return;
	ti->num_discard_bios = 1;
	ti->discards_supported = true;
}

/*
 * A queue with a rescuer must not wait for one without. File systems do that, XFS
 * when it is full, ext4 with discards of its own to be waited for: over a file
 * there is none, as in the loop driver.
 */
static int dm_vhdx_alloc_queues(struct dm_vhdx *dv)
{
	const char *name = dm_vhdx_name(dv);
	unsigned int flags = dv->backing->rdev ? WQ_MEM_RECLAIM : 0;

	dv->io_wq = alloc_workqueue("vhdx_io/%s", flags | WQ_UNBOUND, 0, name);
	dv->md_wq = alloc_ordered_workqueue("vhdx_md/%s", flags, name);
	dv->bg_wq = alloc_ordered_workqueue("vhdx_bg/%s", flags, name);
	return dv->io_wq && dv->md_wq && dv->bg_wq ? 0 : -ENOMEM;
}

static void dm_vhdx_free_queues(struct dm_vhdx *dv)
{
	/* Its workers may still be leaving the others' lists. */
	if (dv->io_wq)
		destroy_workqueue(dv->io_wq);
	if (dv->bg_wq)
		destroy_workqueue(dv->bg_wq);
	if (dv->md_wq)
		destroy_workqueue(dv->md_wq);
}

static int dm_vhdx_alloc(struct dm_vhdx *dv)
{
	int err;

	dv->stats = alloc_percpu(struct dm_vhdx_stats);
	if (!dv->stats)
		return -ENOMEM;
	err = dm_vhdx_locks_init(dv);
	if (!err)
		err = dm_vhdx_alloc_queues(dv);
	return err;
}

static void dm_vhdx_free(struct dm_vhdx *dv)
{
	dm_vhdx_free_queues(dv);
	if (dv->buckets)
		dm_vhdx_locks_exit(dv);
	free_percpu(dv->stats);
	if (dv->backing)
		dm_vhdx_registry_put(dv->backing);
	kfree(dv);
}

/* Everything that can fail, in the order in which dm_vhdx_free() can stop. */
static int dm_vhdx_build(struct dm_target *ti, struct dm_vhdx *dv,
			 struct dm_arg_set *as)
{
	const char *image = dm_shift_arg(as), *error = NULL;
	struct dm_vhdx_backing *backing;
	int err;

	err = dm_vhdx_parse_args(&dv->args, as, &ti->error);
	if (err)
		return err;
	dv->writable = dm_vhdx_table_writable(ti) && !dv->args.read_only;
	dv->mode = dv->writable ? DM_VHDX_RW : DM_VHDX_RO;
	backing = dm_vhdx_registry_get(dm_table_get_md(ti->table), image,
				       dv->writable, &error);
	if (IS_ERR(backing)) {
		err = PTR_ERR(backing);
		DM_VHDX_ERR(dv, "%s: %s (%d)", image, error, err);
		goto out_with_error;
	}
	dv->backing = backing;
	err = dm_vhdx_learn_geometry(dv, &error);
	if (err)
		goto out_with_error;
	err = dm_vhdx_check_size(ti, dv);
	if (err)
		return err;
	err = dm_set_target_max_io_len(ti, dv->geometry.block_bytes >>
				       SECTOR_SHIFT);
	if (err)
		return err;
	err = dm_vhdx_alloc(dv);
	if (err)
		ti->error = "Not enough memory";
	return err;

out_with_error:
	ti->error = (char *)error;
	return err;
}

static int dm_vhdx_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	struct dm_vhdx *dv;
	int err;

	if (argc < 1) {
		ti->error = "The image is missing";
		return -EINVAL;
	}
	dv = kzalloc(sizeof(*dv), GFP_KERNEL);
	if (!dv) {
		ti->error = "Not enough memory";
		return -ENOMEM;
	}
	dv->ti = ti;
	dm_vhdx_commit_init(dv);
	dm_vhdx_compaction_init(dv);
	err = dm_vhdx_build(ti, dv, &as);
	if (err) {
		dm_vhdx_free(dv);
		return err;
	}
	dm_vhdx_set_features(ti, dv);
	ti->private = dv;
	return 0;
}

static void dm_vhdx_dtr(struct dm_target *ti)
{
	dm_vhdx_free(ti->private);
}

/* ---- suspend and resume ---------------------------------------------------------- */

static int dm_vhdx_activate(struct dm_vhdx *dv)
{
	struct vhdx_image *image;
	const char *error;

	dm_vhdx_backing_start(dv->backing, dv->args.no_punch);
	image = dm_vhdx_open_image(dv, &error);
	if (IS_ERR(image))
		return PTR_ERR(image);
	if (!dm_vhdx_same_geometry(&dv->geometry,
				   vhdx_image_geometry(image))) {
		DM_VHDX_ERR(dv, "the image has another geometry than before");
		vhdx_image_close(image);
		return -ESTALE;
	}
	dv->direct = dm_vhdx_can_direct(dv);
	if (!dv->direct)
		dv->backing->swapped = false;
	dm_vhdx_commit_start(dv, image);
	return 0;
}

static int dm_vhdx_preresume(struct dm_target *ti)
{
	struct dm_vhdx *dv = ti->private;
	unsigned int scope;
	int err = 0;

	if (dv->image)
		return 0;
	if (dm_vhdx_registry_claim(dv->backing, dv)) {
		DM_VHDX_ERR(dv, "another table of the device is still active");
		return -EBUSY;
	}
	scope = dm_vhdx_io_scope_enter();
	err = dm_vhdx_activate(dv);
	dm_vhdx_io_scope_leave(scope);
	if (err)
		dm_vhdx_registry_release(dv->backing, dv);
	return err;
}

static void dm_vhdx_resume(struct dm_target *ti)
{
	dm_vhdx_compaction_unhold(ti->private);
}

static void dm_vhdx_presuspend(struct dm_target *ti)
{
	dm_vhdx_compaction_hold(ti->private);
}

static void dm_vhdx_presuspend_undo(struct dm_target *ti)
{
	dm_vhdx_compaction_unhold(ti->private);
}

static void dm_vhdx_postsuspend(struct dm_target *ti)
{
	struct dm_vhdx *dv = ti->private;
	unsigned int scope;

	if (!dv->image)
		return;
	scope = dm_vhdx_io_scope_enter();
	dm_vhdx_commit_stop(dv);
	dm_vhdx_io_scope_leave(scope);
	dm_vhdx_registry_release(dv->backing, dv);
}

/* ---- limits ------------------------------------------------------------------------ */

static void dm_vhdx_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	struct dm_vhdx *dv = ti->private;
	const struct vhdx_geometry *geometry = &dv->geometry;
	u32 max_bytes = max_t(u32, DM_VHDX_DISCARD_BYTES,
			      geometry->block_bytes);

	limits->logical_block_size = geometry->sector_bytes;
	limits->physical_block_size = max(geometry->physical_bytes,
					  geometry->sector_bytes);
	if (dm_vhdx_can_direct(dv))
		limits->physical_block_size = max(limits->physical_block_size,
						  dv->backing->direct_offset);
	limits->io_min = limits->physical_block_size;
	limits->io_opt = geometry->block_bytes <= DM_VHDX_IO_OPT_MAX ?
			 geometry->block_bytes : 0;
	dm_vhdx_limits_inherit(limits, dv->backing->file,
			       dm_vhdx_backing_bdev(dv->backing));
	if (!dv->writable)
		return;
	limits->max_write_zeroes_sectors = max_bytes >> SECTOR_SHIFT;
	if (dv->args.no_discard)
		return;
	limits->discard_granularity = max(dv->backing->punch_unit,
					  geometry->sector_bytes);
	dm_vhdx_limits_discard(limits, max_bytes >> SECTOR_SHIFT);
}

/* There is none; but without this method 6.1 would not call io_hints. */
static int dm_vhdx_iterate_devices(struct dm_target *ti,
				   iterate_devices_callout_fn fn, void *data)
{
	return 0;
}

/* ---- status and messages -------------------------------------------------------------- */

static const char *dm_vhdx_format_name(const struct dm_vhdx *dv)
{
	return dv->geometry.format == VHDX_FORMAT_VHDX ? "vhdx" : "vhd";
}

static const char *dm_vhdx_type_name(const struct dm_vhdx *dv)
{
	switch (dv->geometry.type) {
	case VHDX_TYPE_FIXED:
		return "fixed";
	case VHDX_TYPE_DYNAMIC:
		return "dynamic";
	case VHDX_TYPE_DIFFERENCING:
		return "differencing";
	}
	return "unknown";
}

struct dm_vhdx_snapshot {
	struct vhdx_usage usage;
	u64 file_bytes;
	bool dirty;
	enum dm_vhdx_compact_state compaction;
	u32 percent;
};

static void dm_vhdx_snapshot(struct dm_vhdx *dv, struct dm_vhdx_snapshot *s)
{
	spin_lock_irq(&dv->md_lock);
	s->usage = dv->usage;
	s->dirty = dv->dirty;
	spin_unlock_irq(&dv->md_lock);
	spin_lock_irq(&dv->compaction.lock);
	s->compaction = dv->compaction.state;
	s->percent = dv->compaction.counts.percent;
	spin_unlock_irq(&dv->compaction.lock);
	s->file_bytes = vhdx_size(&dv->backing->container);
}

static unsigned int dm_vhdx_status_info(struct dm_vhdx *dv, char *result,
					unsigned int maxlen)
{
	struct dm_vhdx_snapshot s;
	unsigned int sz = 0;

	dm_vhdx_snapshot(dv, &s);
	DMEMIT("%llu %u %llu %llu %llu %llu %llu %llu %u",
	       dv->geometry.virtual_bytes, dv->geometry.block_bytes,
	       dv->geometry.blocks, s.usage.blocks_present, s.file_bytes,
	       s.usage.free_bytes, s.usage.pending_bytes, s.usage.commits,
	       s.dirty);
	DMEMIT(" 3 %s %s %s", dm_vhdx_format_name(dv), dm_vhdx_type_name(dv),
	       dv->direct ? "direct" : "buffered");
	DMEMIT(" 2 %s %u", dm_vhdx_compaction_word(s.compaction), s.percent);
	DMEMIT(" %s", dm_vhdx_mode_name(dv));
	return sz;
}

static unsigned int dm_vhdx_count_args(struct dm_vhdx *dv)
{
	unsigned int i, count = 0;

	for (i = 0; i < ARRAY_SIZE(dm_vhdx_switches); i++)
		count += *dm_vhdx_switch_of(&dv->args, &dm_vhdx_switches[i]);
	if (dv->args.commit_ms != DM_VHDX_COMMIT_MS)
		count += 2;
	return count;
}

static unsigned int dm_vhdx_status_table(struct dm_vhdx *dv, char *result,
					 unsigned int maxlen)
{
	unsigned int i, sz = 0;

	DMEMIT("%s %u", dv->backing->name, dm_vhdx_count_args(dv));
	for (i = 0; i < ARRAY_SIZE(dm_vhdx_switches); i++)
		if (*dm_vhdx_switch_of(&dv->args, &dm_vhdx_switches[i]))
			DMEMIT(" %s", dm_vhdx_switches[i].name);
	if (dv->args.commit_ms != DM_VHDX_COMMIT_MS)
		DMEMIT(" commit_ms %u", dv->args.commit_ms);
	return sz;
}

static void dm_vhdx_status_ima(struct dm_vhdx *dv, char *result,
			       unsigned int maxlen)
{
	unsigned int sz = 0;

	DMEMIT_TARGET_NAME_VERSION(dv->ti->type);
	DMEMIT(",image=%s,format=%s,type=%s,virtual_bytes=%llu",
	       dv->backing->name, dm_vhdx_format_name(dv),
	       dm_vhdx_type_name(dv), dv->geometry.virtual_bytes);
	DMEMIT(",block_bytes=%u,id=%*phN,writable=%c;",
	       dv->geometry.block_bytes, (int)sizeof(dv->geometry.id),
	       dv->geometry.id, dv->writable ? 'y' : 'n');
}

static void dm_vhdx_status(struct dm_target *ti, status_type_t type,
			   unsigned int status_flags, char *result,
			   unsigned int maxlen)
{
	struct dm_vhdx *dv = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		dm_vhdx_status_info(dv, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		dm_vhdx_status_table(dv, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		dm_vhdx_status_ima(dv, result, maxlen);
		break;
	}
}

static const char * const dm_vhdx_counter_names[DM_VHDX_COUNTERS] = {
	[DM_VHDX_READS] = "reads",
	[DM_VHDX_WRITES] = "writes",
	[DM_VHDX_DISCARDS] = "discards",
	[DM_VHDX_WRITE_ZEROES] = "write_zeroes",
	[DM_VHDX_FLUSHES] = "flushes",
	[DM_VHDX_DIRECT] = "direct",
	[DM_VHDX_BUFFERED] = "buffered",
	[DM_VHDX_ZERO_FILLS] = "zero_fills",
	[DM_VHDX_ZEROES_DETECTED] = "zeroes_detected",
	[DM_VHDX_CHANGES] = "changes",
	[DM_VHDX_LOCK_WAITS] = "lock_waits",
	[DM_VHDX_PUNCHES] = "punches",
	[DM_VHDX_PUNCHED_BYTES] = "punched_bytes",
};

static int dm_vhdx_message_stats(struct dm_vhdx *dv, char *result,
				 unsigned int maxlen)
{
	unsigned int sz = 0, i;

	for (i = 0; i < DM_VHDX_COUNTERS; i++) {
		u64 sum = 0;
		int cpu;

		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(dv->stats, cpu)->count[i];
		DMEMIT("%s%s %llu", i ? " " : "", dm_vhdx_counter_names[i],
		       sum);
	}
	return 1;
}

static const char * const dm_vhdx_compact_modes[] = {
	[VHDX_COMPACT_FULL] = "full",
	[VHDX_COMPACT_QUICK] = "quick",
	[VHDX_COMPACT_RETRIM] = "retrim",
	[VHDX_COMPACT_PRETRIMMED] = "pretrimmed",
	[VHDX_COMPACT_PREZEROED] = "prezeroed",
};

static int dm_vhdx_compact_status(struct dm_vhdx *dv, char *result,
				  unsigned int maxlen)
{
	struct dm_vhdx_compaction *c = &dv->compaction;
	struct vhdx_compact_counts counts;
	enum dm_vhdx_compact_state state;
	enum vhdx_compact_mode mode;
	unsigned int sz = 0;
	int error;

	spin_lock_irq(&c->lock);
	counts = c->counts;
	state = c->state;
	error = c->error;
	mode = c->mode;
	spin_unlock_irq(&c->lock);
	DMEMIT("%s %s %u %d", dm_vhdx_compaction_word(state),
	       state == DM_VHDX_COMPACT_IDLE ? "-" :
					       dm_vhdx_compact_modes[mode],
	       counts.percent, error);
	DMEMIT(" 7 %llu %llu %llu %llu %llu %llu %llu", counts.blocks_probed,
	       counts.blocks_released, counts.blocks_moved, counts.bytes_moved,
	       counts.entries_tidied, counts.length_before,
	       counts.length_now);
	return 1;
}

static int dm_vhdx_parse_no_move(unsigned int argc, char **argv, bool *no_move)
{
	unsigned int count, i;

	*no_move = false;
	if (!argc)
		return 0;
	if (kstrtouint(argv[0], 10, &count) || count != argc - 1)
		return -EINVAL;
	for (i = 1; i < argc; i++) {
		if (strcasecmp(argv[i], "no_move"))
			return -EINVAL;
		*no_move = true;
	}
	return 0;
}

static int dm_vhdx_compact_start(struct dm_vhdx *dv, unsigned int argc,
				 char **argv)
{
	bool no_move;
	int mode, err;

	if (!argc)
		return -EINVAL;
	mode = match_string(dm_vhdx_compact_modes,
			    ARRAY_SIZE(dm_vhdx_compact_modes), argv[0]);
	if (mode < 0)
		return -EINVAL;
	err = dm_vhdx_parse_no_move(argc - 1, argv + 1, &no_move);
	if (err)
		return err;
	return dm_vhdx_compaction_start(dv, mode, no_move);
}

static int dm_vhdx_message_compact(struct dm_vhdx *dv, unsigned int argc,
				   char **argv, char *result,
				   unsigned int maxlen)
{
	if (argc >= 1 && !strcasecmp(argv[0], "start"))
		return dm_vhdx_compact_start(dv, argc - 1, argv + 1);
	if (argc == 1 && !strcasecmp(argv[0], "status"))
		return dm_vhdx_compact_status(dv, result, maxlen);
	if (argc == 1 && !strcasecmp(argv[0], "cancel")) {
		dm_vhdx_compaction_cancel(dv);
		return 0;
	}
	return -EINVAL;
}

/* Runs under dm's SRCU lock, also on a suspended device: never blocks. */
static int dm_vhdx_message(struct dm_target *ti, unsigned int argc, char **argv,
			   char *result, unsigned int maxlen)
{
	struct dm_vhdx *dv = ti->private;
	int err = -EINVAL;

	if (argc == 1 && !strcasecmp(argv[0], "commit"))
		err = dm_vhdx_request_commit(dv);
	else if (argc == 1 && !strcasecmp(argv[0], "stats"))
		err = dm_vhdx_message_stats(dv, result, maxlen);
	else if (!strcasecmp(argv[0], "compact"))
		err = dm_vhdx_message_compact(dv, argc - 1, argv + 1, result,
					      maxlen);
	if (err == -EINVAL)
		DM_VHDX_WARN(dv, "unknown message or wrong arguments: %s",
			     argv[0]);
	return err;
}

/* ---- module ------------------------------------------------------------------------------ */

static struct target_type dm_vhdx_target = {
	.name = "vhdx",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_SINGLETON,
	.module = THIS_MODULE,
	.ctr = dm_vhdx_ctr,
	.dtr = dm_vhdx_dtr,
	.map = dm_vhdx_map,
	.presuspend = dm_vhdx_presuspend,
	.presuspend_undo = dm_vhdx_presuspend_undo,
	.postsuspend = dm_vhdx_postsuspend,
	.preresume = dm_vhdx_preresume,
	.resume = dm_vhdx_resume,
	.status = dm_vhdx_status,
	.message = dm_vhdx_message,
	.iterate_devices = dm_vhdx_iterate_devices,
	.io_hints = dm_vhdx_io_hints,
};

static int __init dm_vhdx_init(void)
{
	return dm_register_target(&dm_vhdx_target);
}

static void __exit dm_vhdx_exit(void)
{
	dm_unregister_target(&dm_vhdx_target);
}

module_init(dm_vhdx_init);
module_exit(dm_vhdx_exit);

MODULE_DESCRIPTION(DM_NAME " target for VHD and VHDX images");
MODULE_AUTHOR("The dm-vhdx authors");
MODULE_LICENSE("GPL");
