// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VHDX block allocation table in memory ([MS-VHDX] 2.5).
 */
#include "bat.h"

#define VHDX_BAT_LOAD_BYTES (64 * 1024)

/**
 * vhdx_bat_entry_count() - entries a disk without parent uses
 * @blocks: payload blocks, > 0
 * @ratio_shift: log2 of the chunk ratio
 *
 * A bitmap entry stands behind every full chunk that another one follows.
 */
u64 vhdx_bat_entry_count(u64 blocks, u32 ratio_shift)
{
	return blocks + ((blocks - 1) >> ratio_shift);
}

static int vhdx_bat_keep_page(struct vhdx_bat *bat, u64 i, const void *data)
{
	__le64 *page;

	if (vhdx_is_zero(data, VHDX_PAGE_BYTES))
		return 0;
	page = vhdx_alloc(VHDX_PAGE_BYTES);
	if (!page)
		return -ENOMEM;
	memcpy(page, data, VHDX_PAGE_BYTES);
	bat->page[i] = page;
	return 0;
}

static int vhdx_bat_load_pages(struct vhdx_bat *bat, struct vhdx_container *c,
			       const struct vhdx_overlay *overlay, u8 *buf,
			       struct vhdx_report *report)
{
	u64 bytes = bat->pages * VHDX_PAGE_BYTES;
	u64 done, i, n;
	int err;

	for (done = 0; done < bytes; done += n) {
		u64 where = bat->offset_bytes + done;

		n = min_t(u64, bytes - done, VHDX_BAT_LOAD_BYTES);
		err = vhdx_overlay_read(overlay, c, where, buf, n);
		for (i = 0; i < n && !err; i += VHDX_PAGE_BYTES)
			err = vhdx_bat_keep_page(bat, (done + i) /
						 VHDX_PAGE_BYTES, buf + i);
		if (err)
			return vhdx_report_io(report, err, where);
		vhdx_relax();
	}
	return 0;
}

/**
 * vhdx_bat_load() - read the table
 * @bat: @offset_bytes, @blocks and @ratio_shift are set; the region is inside
 *	the file and large enough. Destroy it also after an error
 * @c: container
 * @overlay: what the log holds
 * @report: for findings
 *
 * Checks no entry. May sleep. Return: 0 or -errno.
 */
int vhdx_bat_load(struct vhdx_bat *bat, struct vhdx_container *c,
		  const struct vhdx_overlay *overlay,
		  struct vhdx_report *report)
{
	u8 *buf = vhdx_alloc(VHDX_BAT_LOAD_BYTES);
	int err = -ENOMEM;

	bat->entries = vhdx_bat_entry_count(bat->blocks, bat->ratio_shift);
	bat->pages = DIV_ROUND_UP_ULL(bat->entries, VHDX_BAT_ENTRIES_PER_PAGE);
	bat->page = vhdx_alloc(bat->pages * sizeof(*bat->page));
	bat->dirty = vhdx_alloc(BITS_TO_LONGS(bat->pages) * sizeof(long));
	if (buf && bat->page && bat->dirty)
		err = vhdx_bat_load_pages(bat, c, overlay, buf, report);
	else
		vhdx_report_io(report, err, bat->offset_bytes);
	vhdx_free(buf);
	return err;
}

void vhdx_bat_destroy(struct vhdx_bat *bat)
{
	u64 i;

	for (i = 0; bat->page && i < bat->pages; i++)
		vhdx_free(bat->page[i]);
	vhdx_free(bat->page);
	vhdx_free(bat->dirty);
	memset(bat, 0, sizeof(*bat));
}

/**
 * vhdx_bat_prepare_set() - make sure that vhdx_bat_set() cannot fail
 * @bat: the table
 * @c: container
 * @block: payload block
 *
 * Nor the commit of it for want of space: a page of zeros may be a hole of the
 * host. May sleep. Return: 0 or -errno.
 */
int vhdx_bat_prepare_set(struct vhdx_bat *bat, struct vhdx_container *c,
			 u64 block)
{
	u64 i = vhdx_bat_index(bat, block) / VHDX_BAT_ENTRIES_PER_PAGE;
	__le64 *page;
	int err;

	if (bat->page[i])
		return 0;
	err = vhdx_container_back(c, bat->offset_bytes + i * VHDX_PAGE_BYTES,
				  VHDX_PAGE_BYTES);
	if (err)
		return err;
	page = vhdx_alloc_for_change(VHDX_PAGE_BYTES);
	if (!page)
		return -ENOMEM;
	/* Whoever sees the page sees it zeroed: vhdx_bat_get_index(). */
	smp_store_release(&bat->page[i], page);
	return 0;
}

/**
 * vhdx_bat_set() - change an entry in memory
 * @bat: the table; vhdx_bat_prepare_set() was called
 * @block: payload block
 * @state: new state
 * @offset_bytes: new place, 0 for a block without space
 */
void vhdx_bat_set(struct vhdx_bat *bat, u64 block,
		  enum vhdx_block_state state, u64 offset_bytes)
{
	u64 index = vhdx_bat_index(bat, block);
	u64 i = index / VHDX_BAT_ENTRIES_PER_PAGE;

	WRITE_ONCE(bat->page[i][index % VHDX_BAT_ENTRIES_PER_PAGE],
		   cpu_to_le64(offset_bytes | state));
	if (!test_bit(i, bat->dirty)) {
		__set_bit(i, bat->dirty);
		bat->nr_dirty++;
	}
}

/**
 * vhdx_bat_take_dirty() - the next pages to be logged
 * @bat: the table
 * @pages: result; @data points into the table
 * @count: room in @pages
 *
 * They are no longer dirty: the caller logs and applies them, or fails the
 * image.
 *
 * Return: how many.
 */
unsigned int vhdx_bat_take_dirty(struct vhdx_bat *bat,
				 struct vhdx_log_page *pages,
				 unsigned int count)
{
	unsigned int n = 0;

	while (n < count && bat->nr_dirty) {
		u64 i = find_next_bit(bat->dirty, bat->pages, bat->scan);

		if (i >= bat->pages) {
			bat->scan = 0;
			continue;
		}
		__clear_bit(i, bat->dirty);
		bat->nr_dirty--;
		bat->scan = i;
		pages[n].offset_bytes = bat->offset_bytes +
					i * VHDX_PAGE_BYTES;
		pages[n].data = bat->page[i];
		n++;
	}
	return n;
}
