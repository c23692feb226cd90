// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where workloads start.
 */
#include <stdio.h>

#include "header.h"
#include "prelude.h"
#include "vhdx-format.h"

/* Which images may have been left like this. */
enum fits {
	FITS_ALL,
	FITS_VHD,
	FITS_VHDX,
};

static const struct {
	const char *name;
	const char *steps[8];
	u64 lost_bytes;	/* then the file loses its end */
	bool footer;	/* then its last sector looks like one */
	bool bitmaps;	/* then sectors lose their bits */
	bool numbers;	/* then the headers' numbers are the last but two */
	enum fits fits;
} preludes[NR_PRELUDES] = {
	{ .name = "empty" },
	{ .name = "full",
	  .steps = { "write-full-2", "write-full-0", "write-full-1",
		     "reopen" } },
	{ .name = "gap",
	  .steps = { "write-full-2", "write-full-0", "write-full-1", "flush",
		     "discard-full-2", "punch", "reopen" } },
	{ .name = "dirty",
	  .steps = { "write-full-1", "flush", "write-part-0", "zero-full-1",
		     "fua-2" } },
	/* The footer's 4 KiB, and most of the last sector of a block. */
	{ .name = "cut",
	  .steps = { "write-full-0", "write-full-2", "reopen" },
	  .lost_bytes = 4096 + 300, .fits = FITS_VHD },
	/*
	 * The footer's 4 KiB and the last byte of a block; what is left of that
	 * sector is where a footer of 511 bytes would be. The sector before it
	 * holds a footer, which the guest does not see.
	 */
	{ .name = "footer",
	  .steps = { "write-full-0", "write-full-2", "reopen" },
	  .lost_bytes = 4096 + 1, .footer = true, .fits = FITS_VHD },
	/* By another writer, whose log promises this length, and asks for more. */
	{ .name = "ragged",
	  .steps = { "write-full-1", "flush", "write-part-0", "zero-full-1",
		     "fua-2" },
	  .lost_bytes = 300, .fits = FITS_VHDX },
	/* Replay, the next log or a change of data begins with number 0. */
	{ .name = "numbers",
	  .steps = { "write-full-1", "flush", "write-part-0", "zero-full-1",
		     "fua-2" },
	  .numbers = true, .fits = FITS_VHDX },
	/* By another writer, who sets bits of what has been written only. */
	{ .name = "partial",
	  .steps = { "write-full-0", "write-full-2", "write-full-1", "reopen" },
	  .bitmaps = true, .fits = FITS_VHD },
};

const char *prelude_name(unsigned int nr)
{
	return preludes[nr].name;
}

/* Dynamic images; if cut, in files: such VHDs have a second footer. */
bool prelude_fits(const struct config *config, unsigned int nr)
{
	enum fits of_format = config->options.format == VHDX_FORMAT_VHD ?
			      FITS_VHD : FITS_VHDX;

	return preludes[nr].fits == FITS_ALL ||
	       (preludes[nr].fits == of_format &&
		config->options.type == VHDX_TYPE_DYNAMIC &&
		!(config->device_bytes && preludes[nr].lost_bytes));
}

static void lose_end(struct sim_state *state, u64 bytes)
{
	store_punch(&state->store, state->size - bytes, bytes);
	state->size -= bytes;
	state->lost_bytes = bytes;
}

/* All log entries say that the file was this long when they were written. */
static void promise_length(struct sim_state *state,
			   const struct config *config)
{
	u64 at, len, log = 1 << 20;	/* where vhdx_create() puts it */
	struct vhdx_log_header_disk *head;
	u8 *bytes = malloc(config->options.log_bytes);

	if (!bytes)
		abort();
	store_read(&state->store, log, bytes, config->options.log_bytes);
	for (at = 0; at < config->options.log_bytes; at += len) {
		head = (void *)(bytes + at);
		len = STORE_PAGE;
		if (memcmp(head->signature, VHDX_LOG_ENTRY_SIGNATURE, 4))
			continue;
		len = le32_to_cpu(head->entry_length);
		head->flushed_file_offset = cpu_to_le64(state->size);
		head->checksum = cpu_to_le32(vhdx_checksum(head, len, 4));
	}
	store_write(&state->store, log, bytes, config->options.log_bytes);
	free(bytes);
}

static void end_numbers(struct sim_state *state)
{
	static const u64 at[2] = { VHDX_HEADER1_OFFSET, VHDX_HEADER2_OFFSET };
	struct vhdx_header_disk header[2];
	u64 number[2], last;
	int i;

	for (i = 0; i < 2; i++) {
		store_read(&state->store, at[i], &header[i], sizeof(header[i]));
		number[i] = le64_to_cpu(header[i].sequence_number);
	}
	last = max(number[0], number[1]);
	for (i = 0; i < 2; i++) {
		header[i].sequence_number =
			cpu_to_le64(U64_MAX - 2 - (last - number[i]));
		header[i].checksum =
			cpu_to_le32(vhdx_checksum(&header[i], sizeof(header[i]),
						  4));
		store_write(&state->store, at[i], &header[i], sizeof(header[i]));
	}
}

/* In block 2, the last one. */
static void leave_footer(struct sim_state *state, const struct config *config,
			 const struct vhdx_image *image)
{
	u64 at = ALIGN_DOWN(state->size, SIM_SECTOR) - SIM_SECTOR;
	u64 offset, len, sector;
	u8 bytes[SIM_SECTOR];

	if (!vhdx_image_block_space(image, 2 * config->stride, &offset, &len))
		abort();
	sector = (at - offset) / SIM_SECTOR - 1;
	store_read(&state->store, offset, bytes, sizeof(bytes));
	bytes[sector / 8] &= ~(0x80 >> sector % 8);
	store_write(&state->store, offset, bytes, sizeof(bytes));
	store_read(&state->store, 0, bytes, sizeof(bytes));
	store_write(&state->store, at, bytes, sizeof(bytes));
}

/* Some sectors of blocks 0 and 1 have no bits in the block's bitmap any more. */
static void clear_bits(struct sim_state *state, const struct config *config,
		       const struct vhdx_image *image)
{
	u8 bits[SIM_SECTOR];
	u64 block, offset, len, i;

	for (block = 0; block < 2; block++) {
		if (!vhdx_image_block_space(image, block * config->stride,
					    &offset, &len))
			abort();
		store_read(&state->store, offset, bits, sizeof(bits));
		for (i = 0; i < sizeof(bits); i++)
			bits[i] &= i % 4 == 1 ? 0 : i % 4 == 2 ? 0x3c : 0xff;
		store_write(&state->store, offset, bits, sizeof(bits));
	}
}

void prelude_make(struct prelude *prelude, const struct config *config,
		  unsigned int nr)
{
	struct sim_state fresh;
	struct oracle nothing;
	struct run run;
	size_t i;
	int err;

	config_create(config, &fresh);
	oracle_init(&nothing, config_pieces(config));
	prelude->name = preludes[nr].name;
	err = run_start(&run, config, &fresh, &nothing, 0);
	for (i = 0; !err && preludes[nr].steps[i]; i++)
		err = run_step(&run, find_step(preludes[nr].steps[i]));
	if (err) {
		fprintf(stderr, "%s: prelude %s, step %zu: %s (%s)\n",
			config->name, prelude->name, i, strerror(-err),
			vhdx_finding_name(run.report.worst));
		exit(1);
	}
	sim_state_copy(&prelude->state, &run.disk.durable);
	prelude->value = run.value;
	lose_end(&prelude->state, preludes[nr].lost_bytes);
	if (preludes[nr].fits == FITS_VHDX && preludes[nr].lost_bytes)
		promise_length(&prelude->state, config);
	if (preludes[nr].numbers)
		end_numbers(&prelude->state);
	if (preludes[nr].footer)
		leave_footer(&prelude->state, config, run.image);
	if (preludes[nr].bitmaps)
		clear_bits(&prelude->state, config, run.image);
	content_of(config, &prelude->state, &prelude->content);
	/* Of what others have left, what it shows is what must stay. */
	if (preludes[nr].fits == FITS_ALL)
		oracle_copy(&prelude->oracle, &run.oracle);
	else
		content_promise(&prelude->content, &prelude->oracle);
	run_stop(&run);
	oracle_destroy(&nothing);
	sim_state_destroy(&fresh);
}

void prelude_destroy(struct prelude *prelude)
{
	sim_state_destroy(&prelude->state);
	oracle_destroy(&prelude->oracle);
	content_destroy(&prelude->content);
}
