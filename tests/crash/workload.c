// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest and its administrator do to a small disk.
 */
#include <stdio.h>

#include "content.h"

#define KIB 1024
#define MIB (1024 * KIB)

#define VHDX_CONFIG(t, bytes, sector) { \
	.format = VHDX_FORMAT_VHDX, .type = t, .virtual_bytes = bytes, \
	.block_bytes = MIB, .sector_bytes = sector, .physical_bytes = 4096, \
	.log_bytes = MIB, \
}

#define VHD_CONFIG(t, bytes, block) { \
	.format = VHDX_FORMAT_VHD, .type = t, .virtual_bytes = bytes, \
	.block_bytes = block, .timestamp = 1, \
}

#define DYNAMIC VHDX_TYPE_DYNAMIC
#define FIXED VHDX_TYPE_FIXED

/* Where blocks are far apart each has a page, or sector, of the BAT to itself. */
#define VHDX_STRIDE 512
#define VHD_STRIDE 128

const struct config configs[] = {
	{ "vhdx-dynamic-512", VHDX_CONFIG(DYNAMIC, 3 * MIB, 512), 1, 1, 0,
	  false },
	{ "vhdx-dynamic-4096", VHDX_CONFIG(DYNAMIC, 3 * MIB, 4096), 1, 4, 0,
	  false },
	{ "vhdx-fixed-512", VHDX_CONFIG(FIXED, 3 * MIB, 512), 1, 1, 0, false },
	{ "vhdx-fixed-4096", VHDX_CONFIG(FIXED, 3 * MIB, 4096), 1, 1, 0,
	  false },
	{ "vhdx-pages", VHDX_CONFIG(DYNAMIC, (2 * VHDX_STRIDE + 1) * MIB, 512),
	  VHDX_STRIDE, 4, 0, false },
	{ "vhdx-device", VHDX_CONFIG(DYNAMIC, 3 * MIB, 512), 1, 1, 9 * MIB,
	  false },
	{ "vhdx-no-punch", VHDX_CONFIG(DYNAMIC, 3 * MIB, 512), 1, 1, 0, true },
	{ "vhd-dynamic", VHD_CONFIG(DYNAMIC, MIB, 64 * KIB), 1, 1, 0, false },
	{ "vhd-fixed", VHD_CONFIG(FIXED, MIB, 0), 1, 1, 0, false },
	{ "vhd-pages", VHD_CONFIG(DYNAMIC, 17 * MIB, 64 * KIB), VHD_STRIDE, 4,
	  0, false },
	{ "vhd-device", VHD_CONFIG(DYNAMIC, MIB, 64 * KIB), 1, 1, 2 * MIB,
	  false },
	{ "vhd-no-punch", VHD_CONFIG(DYNAMIC, MIB, 64 * KIB), 1, 1, 0, true },
};

const size_t nr_configs = ARRAY_SIZE(configs);

/* A fixed VHD has no blocks; take quarters of it. */
static u64 block_bytes(const struct config *config)
{
	return config->options.block_bytes ? config->options.block_bytes :
					     256 * KIB;
}

u64 config_bytes(const struct config *config)
{
	return config->stride > 1 ? 3 * block_bytes(config) :
				    config->options.virtual_bytes;
}

u64 config_pieces(const struct config *config)
{
	return config_bytes(config) / ORACLE_PIECE;
}

u64 config_on_disk(const struct config *config, u64 offset, u64 *len)
{
	u64 block = offset / block_bytes(config);
	u64 in_block = offset % block_bytes(config);

	if (config->stride == 1)
		return offset;
	*len = min(*len, block_bytes(config) - in_block);
	return block * config->stride * block_bytes(config) + in_block;
}

int read_range(const struct config *config, struct vhdx_image *image,
	       u64 offset, void *buf, u64 len)
{
	u64 now, at;
	int err = 0;

	for (; len && !err; len -= now, offset += now, buf = (u8 *)buf + now) {
		now = len;
		at = config_on_disk(config, offset, &now);
		err = vhdx_image_read(image, at, buf, now);
	}
	return err;
}

void config_create(const struct config *config, struct sim_state *state)
{
	struct sim_state nothing = {
		.size = config->device_bytes,
		.device = config->device_bytes,
		.no_punch = config->no_punch,
	};
	struct sim_disk disk;
	int err;

	sim_disk_init(&disk, &nothing);
	err = vhdx_create(&disk.container, &config->options);
	if (err || disk.changes) {
		fprintf(stderr, "%s: cannot create: %s\n", config->name,
			err ? strerror(-err) : "not flushed");
		exit(1);
	}
	sim_state_copy(state, &disk.durable);
	sim_disk_destroy(&disk);
}

int open_image(const struct config *config, struct vhdx_container *container,
	       bool writable, bool check, struct vhdx_report *report,
	       struct vhdx_image **image)
{
	const struct vhdx_open_options options = {
		.format = config->options.format,
		.writable = writable,
		.check = check,
		.grow_bytes = config->grow_blocks * config->options.block_bytes,
	};

	memset(report, 0, sizeof(*report));
	report->keep_going = check;
	*image = NULL;
	return vhdx_image_open(container, &options, report, image);
}

int run_start(struct run *run, const struct config *config,
	      const struct sim_state *state, const struct oracle *oracle,
	      u32 value)
{
	memset(run, 0, sizeof(*run));
	run->config = config;
	run->value = value;
	sim_disk_init(&run->disk, state);
	oracle_copy(&run->oracle, oracle);
	run->buf = malloc(MIB);
	if (!run->buf)
		abort();
	return open_image(config, &run->disk.container, true, false,
			  &run->report, &run->image);
}

static void end_compaction(struct run *run)
{
	if (run->compacting)
		vhdx_compact_end(&run->compact);
	run->compacting = false;
}

void run_stop(struct run *run)
{
	end_compaction(run);
	if (run->image)
		vhdx_image_close(run->image);
	oracle_destroy(&run->oracle);
	sim_disk_destroy(&run->disk);
	free(run->buf);
}

int run_step(struct run *run, const struct step *step)
{
	return run->image ? step->fn(run, step) : -ENODEV;
}

/* Pieces from @first on that show one legal value which is not the last one. */
static u64 count_settled(const struct run *run, const struct content *now,
			 u64 first)
{
	u32 value = now->seen[first].value;
	u64 piece;

	for (piece = first; piece < now->pieces; piece++)
		if (now->seen[piece].value != value ||
		    oracle_judge(&run->oracle, piece, &now->seen[piece]) !=
			    ORACLE_LEGAL ||
		    oracle_current(&run->oracle, piece) == value)
			break;
	return piece - first;
}

int run_settle(struct run *run)
{
	struct content now;
	u64 piece, count;
	int err;

	content_init(&now, run->config);
	err = content_read(&now, run->config, run->image, &run->disk);
	for (piece = 0; piece < now.pieces && !err; piece += max(count, 1ULL)) {
		count = count_settled(run, &now, piece);
		if (count)
			oracle_issue(&run->oracle, piece, count,
				     now.seen[piece].value);
		else if (oracle_judge(&run->oracle, piece, &now.seen[piece]) !=
			 ORACLE_LEGAL)
			err = -EUCLEAN;
	}
	content_destroy(&now);
	return err;
}

/* ---- steps ------------------------------------------------------------- */

/* One request, all of it in one piece of the disk; @done: what came before. */
typedef int part_fn(struct run *run, u64 at, u64 len, u64 done);

static int in_parts(struct run *run, u64 offset, u64 len, part_fn *fn)
{
	u64 done, now, at;
	int err = 0;

	for (done = 0; done < len && !err; done += now) {
		now = len - done;
		at = config_on_disk(run->config, offset + done, &now);
		err = fn(run, at, now, done);
	}
	return err;
}

static int write_one(struct run *run, u64 at, u64 len, u64 done)
{
	return vhdx_image_write(run->image, at, run->buf + done, len);
}

static int discard_one(struct run *run, u64 at, u64 len, u64 done)
{
	(void)done;
	return vhdx_image_discard(run->image, at, len);
}

static int zero_one(struct run *run, u64 at, u64 len, u64 done)
{
	(void)done;
	return vhdx_image_write_zeroes(run->image, at, len, false);
}

static int zero_one_keep(struct run *run, u64 at, u64 len, u64 done)
{
	(void)done;
	return vhdx_image_write_zeroes(run->image, at, len, true);
}

static int write_range(struct run *run, u64 offset, u64 len)
{
	u64 first = offset / ORACLE_PIECE, pieces = len / ORACLE_PIECE, i;

	run->value++;
	for (i = 0; i < pieces; i++)
		oracle_stamp(run->buf + i * ORACLE_PIECE, first + i,
			     run->value);
	oracle_issue(&run->oracle, first, pieces, run->value);
	return in_parts(run, offset, len, write_one);
}

static u64 start_of(const struct run *run, const struct step *step)
{
	return step->block * block_bytes(run->config);
}

static int write_full(struct run *run, const struct step *step)
{
	return write_range(run, start_of(run, step), block_bytes(run->config));
}

static int write_part(struct run *run, const struct step *step)
{
	return write_range(run, start_of(run, step) + 8 * KIB, 12 * KIB);
}

/* The smallest write: one logical sector. */
static int write_sector(struct run *run, const struct step *step)
{
	u32 sector = vhdx_image_geometry(run->image)->sector_bytes;

	return write_range(run, start_of(run, step) + 12 * KIB + sector,
			   sector);
}

static int write_across(struct run *run, const struct step *step)
{
	return write_range(run, start_of(run, step) +
			   block_bytes(run->config) - 8 * KIB, 16 * KIB);
}

/* A discard may leave what the host cannot punch. */
static int discard_range(struct run *run, u64 offset, u64 len)
{
	int err;

	oracle_issue(&run->oracle, offset / ORACLE_PIECE, len / ORACLE_PIECE,
		     0);
	err = in_parts(run, offset, len, discard_one);
	if (!err && run->config->no_punch)
		err = run_settle(run);
	return err;
}

static int discard_full(struct run *run, const struct step *step)
{
	return discard_range(run, start_of(run, step),
			     block_bytes(run->config));
}

static int discard_part(struct run *run, const struct step *step)
{
	return discard_range(run, start_of(run, step) + 4 * KIB, 16 * KIB);
}

static int discard_all(struct run *run, const struct step *step)
{
	(void)step;
	return discard_range(run, 0, config_bytes(run->config));
}

static int zero_range(struct run *run, u64 offset, u64 len, bool keep)
{
	oracle_issue(&run->oracle, offset / ORACLE_PIECE, len / ORACLE_PIECE,
		     0);
	return in_parts(run, offset, len, keep ? zero_one_keep : zero_one);
}

static int zero_full(struct run *run, const struct step *step)
{
	return zero_range(run, start_of(run, step), block_bytes(run->config),
			  false);
}

static int zero_keep(struct run *run, const struct step *step)
{
	return zero_range(run, start_of(run, step), block_bytes(run->config),
			  true);
}

static int zero_part(struct run *run, const struct step *step)
{
	u32 sector = vhdx_image_geometry(run->image)->sector_bytes;

	return zero_range(run, start_of(run, step) + ALIGN(10 * KIB + 512,
							   sector),
			  8 * KIB, false);
}

static int flush(struct run *run, const struct step *step)
{
	int err = vhdx_image_commit(run->image);

	(void)step;
	if (!err)
		oracle_flush(&run->oracle);
	return err;
}

static int write_fua(struct run *run, const struct step *step)
{
	int err = write_range(run, start_of(run, step) + 16 * KIB, 4 * KIB);

	return err ? err : flush(run, step);
}

static int punch(struct run *run, const struct step *step)
{
	int err = flush(run, step);

	return err ? err : vhdx_image_punch_all(run->image);
}

/* One step of a compaction, the first one starts it. */
static int compact_step(struct run *run, const struct step *step)
{
	struct vhdx_compact_step next;
	bool begun;
	int err = 0;

	(void)step;
	if (!run->compacting)
		err = vhdx_compact_start(&run->compact, run->image,
					 VHDX_COMPACT_PRETRIMMED, false);
	if (err == -EOPNOTSUPP && !run->config->options.block_bytes)
		return 0;
	if (err)
		return err;
	run->compacting = true;
	err = vhdx_compact_next(&run->compact, &next);
	if (err)
		return err;
	if (next.kind == VHDX_STEP_DONE) {
		end_compaction(run);
		return 0;
	}
	begun = vhdx_image_data_change_begun(run->image);
	err = vhdx_compact_do(&run->compact, &next, run->buf, MIB);
	/* R1d: no guest sees a compaction. */
	return !begun && vhdx_image_data_change_begun(run->image) ? -EPROTO :
								    err;
}

static int compact(struct run *run, const struct step *step)
{
	unsigned int i;
	int err;

	for (i = 0; i < 1000; i++) {
		err = compact_step(run, step);
		if (err || !run->compacting)
			return err;
	}
	fputs("compaction does not end\n", stderr);
	return -ELOOP;
}

static int open_again(struct run *run)
{
	return open_image(run->config, &run->disk.container, true, false,
			  &run->report, &run->image);
}

/* A session that changed nothing promises nothing about earlier ones. */
static int reopen(struct run *run, const struct step *step)
{
	bool changed = vhdx_image_data_change_begun(run->image);
	int err = vhdx_image_finish(run->image);

	(void)step;
	if (err)
		return err;
	if (changed)
		oracle_flush(&run->oracle);
	end_compaction(run);
	vhdx_image_close(run->image);
	return open_again(run);
}

/*
 * The process dies: what it wrote stays, nothing is tidied up, and what it
 * had not committed may be gone.
 */
static int die(struct run *run, const struct step *step)
{
	int err;

	(void)step;
	end_compaction(run);
	vhdx_image_close(run->image);
	err = open_again(run);
	return err ? err : run_settle(run);
}

const struct step steps[] = {
	{ "write-full-0", write_full, 0 },
	{ "write-full-1", write_full, 1 },
	{ "write-part-0", write_part, 0 },
	{ "write-part-2", write_part, 2 },
	{ "write-across-0-1", write_across, 0 },
	{ "discard-full-0", discard_full, 0 },
	{ "discard-full-1", discard_full, 1 },
	{ "discard-part-0", discard_part, 0 },
	{ "zero-full-1", zero_full, 1 },
	{ "zero-keep-0", zero_keep, 0 },
	{ "zero-part-0", zero_part, 0 },
	{ "flush", flush, 0 },
	{ "fua-1", write_fua, 1 },
	{ "punch", punch, 0 },
	{ "compact-step", compact_step, 0 },
	{ "compact", compact, 0 },
	{ "reopen", reopen, 0 },
	/* The exhaustive sequences leave these out. */
	{ "die", die, 0 },
	{ "write-full-2", write_full, 2 },
	{ "write-part-1", write_part, 1 },
	{ "write-sector-0", write_sector, 0 },
	{ "write-sector-2", write_sector, 2 },
	{ "write-across-1-2", write_across, 1 },
	{ "discard-full-2", discard_full, 2 },
	{ "discard-part-1", discard_part, 1 },
	{ "discard-all", discard_all, 0 },
	{ "zero-full-0", zero_full, 0 },
	{ "zero-full-2", zero_full, 2 },
	{ "zero-keep-1", zero_keep, 1 },
	{ "fua-2", write_fua, 2 },
};

const size_t nr_steps = ARRAY_SIZE(steps);

bool step_opens(const struct step *step)
{
	return step->fn == reopen || step->fn == die;
}

const struct step *find_step(const char *name)
{
	size_t i;

	for (i = 0; i < nr_steps; i++)
		if (!strcmp(name, steps[i].name))
			return &steps[i];
	return NULL;
}
