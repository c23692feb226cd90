// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold whatever an input says.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "judge.h"
#include "vhd.h"
#include "vhdx.h"

void judge_die(const char *format, ...)
{
	va_list args;

	fputs("INVARIANT: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

/* ---- open ---------------------------------------------------------------- */

static void note(struct vhdx_report *report, enum vhdx_finding finding,
		 u64 where, u64 value)
{
	struct opened *opened = container_of(report, struct opened, report);

	(void)where;
	(void)value;
	if (finding <= VHDX_F_NONE || finding >= VHDX_F_COUNT)
		judge_die("finding number %d", finding);
	opened->found[finding] = true;
}

/* Some finding that refuses the image has this errno. */
static bool has_errno(const struct opened *opened, int err)
{
	int finding;

	for (finding = VHDX_F_NONE + 1; finding < VHDX_F_COUNT; finding++)
		if (opened->found[finding] &&
		    vhdx_finding_severity(finding) != VHDX_SEVERITY_UNTIDY &&
		    err == -vhdx_finding_errno(finding))
			return true;
	return false;
}

/* A refusal has a name, and what is not refused has no fatal finding. */
static void judge_outcome(const struct opened *opened, enum how how)
{
	const struct vhdx_report *report = &opened->report;
	bool fatal = report->count[VHDX_SEVERITY_FATAL];
	bool write = report->count[VHDX_SEVERITY_WRITE];

	if (!opened->err != !!opened->image)
		judge_die("error %d, image %p", opened->err,
			  (void *)opened->image);
	if (fatal && !opened->err)
		judge_die("%s, and opened all the same",
			  vhdx_finding_name(report->worst));
	if (opened->err && !fatal && !(write && how == FOR_WRITING))
		judge_die("refused with %d and no finding", opened->err);
	if (write && how == FOR_WRITING && !opened->err)
		judge_die("%s, and opened for writing",
			  vhdx_finding_name(report->worst));
	if (opened->err && !has_errno(opened, opened->err))
		judge_die("%s, but error %d",
			  vhdx_finding_name(report->worst), opened->err);
	if (how == FOR_READING && !opened->err &&
	    report->worst != VHDX_F_NONE)
		judge_die("%s reported by a plain open",
			  vhdx_finding_name(report->worst));
	if (opened->found[VHDX_F_NO_MEMORY])
		judge_die("out of memory");
	if (opened->found[VHDX_F_IO_ERROR] && !host_has_failed(opened->host))
		judge_die("I/O error of a host that had none");
}

/* As image.h promises. */
static bool is_alignment(const struct vhdx_geometry *g)
{
	if (g->format == VHDX_FORMAT_VHDX)
		return g->data_alignment == 1 << 20;
	return g->data_alignment == 512 || g->data_alignment == 4096;
}

static void judge_geometry(const struct vhdx_geometry *g)
{
	if (!g->virtual_bytes || g->virtual_bytes > 64ULL << 40 ||
	    !is_power_of_2(g->block_bytes) || !is_power_of_2(g->sector_bytes) ||
	    (g->sector_bytes != 512 && g->sector_bytes != 4096) ||
	    g->virtual_bytes % g->sector_bytes ||
	    g->block_bytes % g->sector_bytes ||
	    g->blocks != DIV_ROUND_UP_ULL(g->virtual_bytes, g->block_bytes) ||
	    !is_alignment(g))
		judge_die("geometry: %" PRIu64 " bytes, block %u, %" PRIu64
			  " blocks, sector %u, alignment %u", g->virtual_bytes,
			  g->block_bytes, g->blocks, g->sector_bytes,
			  g->data_alignment);
}

bool judge_open(struct opened *opened, struct host *host,
		const struct picture *picture, enum how how, bool keep_going)
{
	const struct vhdx_open_options options = {
		.any_format = !(picture->flags &
				(PICTURE_AS_VHD | PICTURE_AS_VHDX)),
		.format = picture->flags & PICTURE_AS_VHD ? VHDX_FORMAT_VHD :
							    VHDX_FORMAT_VHDX,
		.writable = how == FOR_WRITING,
		.check = how == FOR_CHECK,
		.grow_bytes = picture->flags & PICTURE_GROW ? 4 << 20 : 0,
	};
	u64 changes = ram_changes(&host->ram);

	memset(opened, 0, sizeof(*opened));
	opened->report.found = note;
	opened->report.keep_going = keep_going;
	opened->host = host;
	host_refresh(host);
	opened->err = vhdx_image_open(&host->ram.container, &options,
				      &opened->report, &opened->image);
	judge_outcome(opened, how);
	if (ram_changes(&host->ram) != changes)
		judge_die("opening wrote");
	if (opened->image)
		judge_geometry(vhdx_image_geometry(opened->image));
	return opened->image;
}

void judge_reopen(struct opened *opened, struct host *host,
		  const struct picture *picture, enum how how,
		  const char *when)
{
	if (!judge_open(opened, host, picture, how, false))
		judge_die("%s: it does not open: %s at %" PRIu64 ", value %"
			  PRIu64, when, vhdx_finding_name(opened->report.worst),
			  opened->report.where, opened->report.value);
}

void judge_close(struct opened *opened)
{
	u64 changes = ram_changes(&opened->host->ram);

	vhdx_image_close(opened->image);
	opened->image = NULL;
	if (ram_changes(&opened->host->ram) != changes)
		judge_die("closing wrote");
	if (opened->host->ram.misuse)
		judge_die("the container's contract was broken");
}

/* ---- what a guest sees ----------------------------------------------------- */

bool judge_can_view(const struct vhdx_image *image)
{
	const struct vhdx_geometry *g = vhdx_image_geometry(image);

	return g->blocks <= JUDGE_BLOCKS &&
	       g->virtual_bytes <= JUDGE_VIRTUAL_BYTES;
}

static void judge_extent(const struct opened *opened, u64 at, u64 len,
			 const struct vhdx_extent *extent)
{
	const struct vhdx_geometry *g = vhdx_image_geometry(opened->image);
	u64 offset, space, end;

	if (extent->kind == VHDX_EXTENT_PREPARE)
		judge_die("a read needs to be prepared");
	if (extent->kind == VHDX_EXTENT_LOAD)
		judge_die("loaded, and not known after all");
	if (!extent->len_bytes || extent->len_bytes > len ||
	    extent->len_bytes % 512)
		judge_die("an extent of %" PRIu64 " of %" PRIu64 " bytes",
			  extent->len_bytes, len);
	if (extent->kind != VHDX_EXTENT_DATA)
		return;
	if (check_add_overflow(extent->offset_bytes, extent->len_bytes,
			       &end) || end > opened->host->ram.size)
		judge_die("data at %" PRIu64 " past the end",
			  extent->offset_bytes);
	if (extent->offset_bytes % g->data_alignment !=
	    at % g->data_alignment)
		judge_die("data at %" PRIu64 " is not aligned",
			  extent->offset_bytes);
	if (!vhdx_image_block_space(opened->image, at / g->block_bytes,
				    &offset, &space) ||
	    extent->offset_bytes < offset || end > offset + space)
		judge_die("data at %" PRIu64 " outside its block",
			  extent->offset_bytes);
}

static void view_copy(struct store *view, u64 at, const struct ram *ram,
		      const struct vhdx_extent *extent)
{
	u64 from = extent->offset_bytes, end = from + extent->len_bytes;
	u8 page[STORE_PAGE];
	size_t len;

	for (;; from += len) {
		from = store_next_data(&ram->store, from, end);
		if (from >= end)
			return;
		len = min_t(u64, end - from,
			    STORE_PAGE - from % STORE_PAGE);
		store_read(&ram->store, from, page, len);
		if (!vhdx_is_zero(page, len))
			store_write(view, at + from - extent->offset_bytes,
				    page, len);
	}
}

/* One extent; its length, or 0 if the host did not let us. */
static u64 view_extent(const struct opened *opened, struct store *view, u64 at,
		       u64 len)
{
	const struct vhdx_geometry *g = vhdx_image_geometry(opened->image);
	struct vhdx_extent extent;
	int err;

	vhdx_image_map(opened->image, at, len, false, &extent);
	if (extent.kind == VHDX_EXTENT_LOAD) {
		err = vhdx_image_load(opened->image, at / g->block_bytes);
		if (err && host_has_failed(opened->host))
			return 0;
		if (err)
			judge_die("a bitmap cannot be loaded: %d", err);
		vhdx_image_map(opened->image, at, len, false, &extent);
	}
	judge_extent(opened, at, len, &extent);
	if (view && extent.kind == VHDX_EXTENT_DATA)
		view_copy(view, at, &opened->host->ram, &extent);
	return extent.len_bytes;
}

bool judge_view(const struct opened *opened, struct store *view)
{
	const struct vhdx_geometry *g = vhdx_image_geometry(opened->image);
	u64 at = 0, block, end, len;

	if (view)
		store_init(view);
	for (block = 0; block < min_t(u64, g->blocks, JUDGE_BLOCKS); block++) {
		end = min_t(u64, (block + 1) * g->block_bytes,
			    g->virtual_bytes);
		for (; at < end; at += len) {
			len = view_extent(opened, view, at, end - at);
			if (!len)
				return false;
		}
	}
	return true;
}

void judge_same_view(const struct opened *opened, const struct store *a,
		     const struct store *b, const char *when)
{
	u64 end = vhdx_image_geometry(opened->image)->virtual_bytes;
	u8 x[512], y[512];
	u64 at;

	if (store_equal(a, b, end))
		return;
	for (at = 0; at < end; at += sizeof(x)) {
		at = min(ALIGN_DOWN(store_next_data(a, at, end), sizeof(x)),
			 ALIGN_DOWN(store_next_data(b, at, end), sizeof(x)));
		store_read(a, at, x, sizeof(x));
		store_read(b, at, y, sizeof(y));
		if (memcmp(x, y, sizeof(x)))
			break;
	}
	judge_die("%s: other contents at %" PRIu64 ": %02x %02x, not %02x %02x",
		  when, at, y[0], y[1], x[0], x[1]);
}

/* ---- space ----------------------------------------------------------------- */

struct place {
	u64 start;
	u64 end;
	bool is_block;
};

static int place_cmp(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void add(struct place *places, size_t *count, u64 start, u64 len,
		bool is_block)
{
	places[*count].start = start;
	places[*count].end = start + len;
	places[(*count)++].is_block = is_block;
}

/* What the format keeps for itself. */
static void add_structures(struct vhdx_image *image, struct place *places,
			   size_t *count)
{
	const struct vhd_image *vhd = vhd_image(image);
	const struct vhdx *vhdx = to_vhdx(image);

	if (image->geometry.format == VHDX_FORMAT_VHDX) {
		add(places, count, 0, VHDX_HEADER_SECTION_BYTES, false);
		add(places, count, vhdx->log.offset_bytes, vhdx->log.len_bytes,
		    false);
		add(places, count, vhdx->regions.bat.offset_bytes,
		    vhdx->regions.bat.len_bytes, false);
		add(places, count, vhdx->regions.metadata.offset_bytes,
		    vhdx->regions.metadata.len_bytes, false);
		return;
	}
	if (image->geometry.type != VHDX_TYPE_FIXED) {
		add(places, count, 0, VHD_FOOTER_BYTES, false);
		add(places, count, vhd->header_bytes, VHD_HEADER_BYTES, false);
		add(places, count, vhd->bat_bytes, vhd->bat_len_bytes, false);
	}
	add(places, count, vhd->footer_bytes, VHD_FOOTER_BYTES, false);
}

void judge_space(const struct opened *opened)
{
	struct vhdx_image *image = opened->image;
	u64 blocks = min_t(u64, image->geometry.blocks, JUDGE_BLOCKS);
	struct place *places = malloc((blocks + 8) * sizeof(*places));
	u64 block, offset, len;
	size_t count = 0, i;

	if (!places)
		abort();
	for (block = 0; block < blocks; block++)
		if (vhdx_image_block_space(image, block, &offset, &len))
			add(places, &count, offset, len, true);
	if (blocks == image->geometry.blocks &&
	    count != image->blocks_present)
		judge_die("%zu blocks, but %" PRIu64 " are counted", count,
			  image->blocks_present);
	add_structures(image, places, &count);
	qsort(places, count, sizeof(*places), place_cmp);
	for (i = 1; i < count; i++)
		if (places[i].start < places[i - 1].end &&
		    (places[i].is_block || places[i - 1].is_block))
			judge_die("%" PRIu64 " to %" PRIu64 " overlaps %" PRIu64
				  " to %" PRIu64, places[i].start,
				  places[i].end, places[i - 1].start,
				  places[i - 1].end);
	if (image->begun)
		for (i = 0; i < count; i++)
			if (places[i].end > opened->host->ram.size)
				judge_die("%" PRIu64 " to %" PRIu64
					  " is past the end", places[i].start,
					  places[i].end);
	free(places);
}
