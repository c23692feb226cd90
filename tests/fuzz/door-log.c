// SPDX-License-Identifier: GPL-2.0-only
/*
 * log: what a replay in memory shows, a replay into the file leaves; doing it
 * twice, or dying in the middle of it and doing it again, makes no difference.
 */
#include "door.h"
#include "judge.h"
#include "vhdx.h"

const enum door_focus door_focus = DOOR_LOG;

static void expect(struct picture *picture, struct host *host,
		   const struct store *view, const char *when)
{
	struct opened opened;
	struct store seen;

	judge_reopen(&opened, host, picture, FOR_READING, when);
	if (judge_view(&opened, &seen))
		judge_same_view(&opened, view, &seen, when);
	judge_space(&opened);
	store_destroy(&seen);
	judge_close(&opened);
}

/* Replay and end; false if it does not open for writing. */
static bool replay(struct picture *picture, struct host *host,
		   const struct store *view, const char *when)
{
	struct opened opened;
	struct store seen;
	int err;

	if (!judge_open(&opened, host, picture, FOR_WRITING, false))
		return false;
	err = vhdx_image_begin(opened.image);
	if (!err) {
		if (judge_view(&opened, &seen))
			judge_same_view(&opened, view, &seen, when);
		judge_space(&opened);
		store_destroy(&seen);
		err = vhdx_image_finish(opened.image);
	}
	/* A block device may be too short for what the log promises. */
	if (err && !host_has_failed(host) &&
	    !(err == -ENOSPC && host->ram.container.fixed_size))
		judge_die("%s: replay failed with %d", when, err);
	judge_close(&opened);
	return !err;
}

/* Some change of the replay is the last one before the power goes. */
static void replay_in_part(struct picture *picture, struct host *host)
{
	struct opened opened;

	if (!judge_open(&opened, host, picture, FOR_WRITING, false))
		return;
	ram_fail(&host->ram, 1 + picture->fail % 64, EIO, true, RAM_CHANGES);
	host->ram.fail_short = picture->flags & PICTURE_SHORT;
	if (!vhdx_image_begin(opened.image))
		vhdx_image_finish(opened.image);
	judge_close(&opened);
	ram_fail(&host->ram, 0, 0, false, 0);
	host_refresh(host);
}

static void forget_session(struct host *host, u64 log, u64 len)
{
	store_punch(&host->ram.store, VHDX_HEADER1_OFFSET,
		    VHDX_REGION_TABLE1_OFFSET - VHDX_HEADER1_OFFSET);
	store_punch(&host->ram.store, log, len);
}

static void write_out_twice(struct picture *picture)
{
	struct host once, twice;
	struct opened opened;
	struct vhdx *vhdx;

	host_clone(&once, &picture->host);
	if (judge_open(&opened, &once, picture, FOR_READING, false)) {
		vhdx = to_vhdx(opened.image);
		if (!vhdx_overlay_write_out(&vhdx->overlay,
					    &once.ram.container)) {
			host_clone(&twice, &once);
			vhdx_overlay_write_out(&vhdx->overlay,
					       &twice.ram.container);
			if (!host_has_failed(&twice) &&
			    !ram_same(&once.ram, &twice.ram))
				judge_die("twice is not once");
			host_destroy(&twice);
		}
	}
	judge_close(&opened);
	host_destroy(&once);
}

static void replays(struct picture *picture, const struct store *view,
		    u64 log, u64 len)
{
	struct host whole, part;

	host_clone(&whole, &picture->host);
	host_clone(&part, &picture->host);
	if (replay(picture, &whole, view, "replay")) {
		expect(picture, &whole, view, "after the replay");
		replay_in_part(picture, &part);
		expect(picture, &part, view, "after a part of the replay");
		if (!replay(picture, &part, view, "second replay"))
			judge_die("no second replay");
		forget_session(&whole, log, len);
		forget_session(&part, log, len);
		if (!ram_same(&whole.ram, &part.ram))
			judge_die("the second replay leaves other bytes");
	}
	host_destroy(&whole);
	host_destroy(&part);
	write_out_twice(picture);
}

void door(struct picture *picture)
{
	struct opened opened;
	struct store view;
	struct vhdx *vhdx;
	u64 log, len;
	bool good;

	picture->flags &= ~PICTURE_AS_VHD;
	picture->flags |= PICTURE_AS_VHDX;
	if (!judge_open(&opened, &picture->host, picture, FOR_READING, false))
		return;
	vhdx = to_vhdx(opened.image);
	log = vhdx->log.offset_bytes;
	len = vhdx->log.len_bytes;
	good = judge_can_view(opened.image) && judge_view(&opened, &view);
	judge_close(&opened);
	if (!good)
		return;
	replays(picture, &view, log, len);
	store_destroy(&view);
	if (ram_changes(&picture->host.ram))
		judge_die("written to, though only read");
}
