// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at images, quickly. A page is recognised once; later it is found by
 * its digest in a table that forgets the page which had the place before.
 */
#include "content.h"

#define PIECES_PER_PAGE (STORE_PAGE / ORACLE_PIECE)
#define KNOWN_PAGES (1 << 16)

struct known_page {
	bool used;
	u64 digest;
	struct oracle_seen seen[PIECES_PER_PAGE];
};

static struct known_page known[KNOWN_PAGES];

void content_init(struct content *content, const struct config *config)
{
	content->pieces = config_pieces(config);
	content->pages = content->pieces / PIECES_PER_PAGE;
	content->digest = calloc(content->pages, sizeof(*content->digest));
	content->seen = calloc(content->pieces, sizeof(*content->seen));
	if (!content->digest || !content->seen)
		abort();
}

void content_destroy(struct content *content)
{
	free(content->digest);
	free(content->seen);
}

static void set_page(struct content *content, u64 page, u64 digest,
		     const u8 *bytes)
{
	struct known_page *k = &known[digest % KNOWN_PAGES];
	unsigned int i;

	if (!k->used || k->digest != digest) {
		for (i = 0; i < PIECES_PER_PAGE; i++)
			k->seen[i] = oracle_recognise(bytes + i * ORACLE_PIECE);
		k->digest = digest;
		k->used = true;
	}
	content->digest[page] = digest;
	memcpy(&content->seen[page * PIECES_PER_PAGE], k->seen,
	       sizeof(k->seen));
}

static int copy_page(struct content *content, u64 page,
		     const struct config *config, struct vhdx_image *image)
{
	u8 bytes[STORE_PAGE];
	int err = read_range(config, image, page * STORE_PAGE, bytes,
			     STORE_PAGE);

	if (!err)
		set_page(content, page, store_digest(bytes), bytes);
	return err;
}

/* @offset is where the page lies in the file, or in a hole that stays one. */
static void take_page(struct content *content, u64 page,
		      const struct store *store, u64 offset)
{
	static const u8 zeros[STORE_PAGE];
	const u8 *bytes = store_page(store, offset);

	set_page(content, page, store_page_digest(store, offset),
		 bytes ? bytes : zeros);
}

/* Pages that an extent holds as pages of the file, or of nothing at all. */
static u64 whole_pages(const struct vhdx_extent *extent,
		       const struct sim_disk *disk)
{
	u64 pages = extent->len_bytes / STORE_PAGE;

	if (extent->kind == VHDX_EXTENT_ZERO)
		return pages;
	if (extent->kind != VHDX_EXTENT_DATA ||
	    extent->offset_bytes % STORE_PAGE ||
	    extent->offset_bytes > disk->now.size ||
	    extent->len_bytes > disk->now.size - extent->offset_bytes)
		return 0;
	return pages;
}

int content_read(struct content *content, const struct config *config,
		 struct vhdx_image *image, const struct sim_disk *disk)
{
	static const struct store nothing;
	struct vhdx_extent extent;
	u64 page = 0, pages, len, at, i;
	int err = 0;

	while (page < content->pages && !err) {
		len = (content->pages - page) * STORE_PAGE;
		at = config_on_disk(config, page * STORE_PAGE, &len);
		vhdx_image_map(image, at, len, false, &extent);
		pages = whole_pages(&extent, disk);
		for (i = 0; i < pages; i++)
			if (extent.kind == VHDX_EXTENT_ZERO)
				take_page(content, page + i, &nothing, 0);
			else
				take_page(content, page + i, &disk->now.store,
					  extent.offset_bytes + i * STORE_PAGE);
		page += pages;
		if (!pages)
			err = copy_page(content, page++, config, image);
	}
	return err;
}

bool content_is_read(const struct content *content, const struct config *config,
		     struct vhdx_image *image)
{
	u8 bytes[STORE_PAGE];
	u64 page;

	for (page = 0; page < content->pages; page++)
		if (read_range(config, image, page * STORE_PAGE, bytes,
			       STORE_PAGE) ||
		    store_digest(bytes) != content->digest[page])
			return false;
	return true;
}

void content_promise(const struct content *content, struct oracle *oracle)
{
	u64 i;

	oracle_init(oracle, content->pieces);
	for (i = 0; i < content->pieces; i++)
		if (content->seen[i].value)
			oracle_issue(oracle, i, 1, content->seen[i].value);
	oracle_flush(oracle);
}

bool content_equal(const struct content *a, const struct content *b)
{
	return a->pages == b->pages &&
	       !memcmp(a->digest, b->digest, a->pages * sizeof(*a->digest));
}
