// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sparse memory with cheap copies. The tests run in one thread: plain
 * reference counts will do. Out of memory ends the test.
 */
#include <stdio.h>

#include "store.h"

struct store_page {
	unsigned int refs;
	bool hashed;
	u64 hash;
	u8 bytes[STORE_PAGE];
};

struct store_leaf {
	unsigned int refs;
	bool hashed;
	u64 hash;
	struct store_page *page[STORE_LEAF_PAGES];
};

static void *must_calloc(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

static void *must_malloc(size_t size)
{
	void *p = malloc(size);

	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

static u64 mix(u64 hash, u64 value)
{
	hash ^= value;
	hash *= 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static void page_put(struct store_page *page)
{
	if (page && !--page->refs)
		free(page);
}

static void leaf_put(struct store_leaf *leaf)
{
	int i;

	if (!leaf || --leaf->refs)
		return;
	for (i = 0; i < STORE_LEAF_PAGES; i++)
		page_put(leaf->page[i]);
	free(leaf);
}

void store_init(struct store *store)
{
	memset(store, 0, sizeof(*store));
}

void store_clone(struct store *store, const struct store *from)
{
	u64 i;

	store->leaves = from->leaves;
	store->leaf = must_calloc(from->leaves + 1, sizeof(*store->leaf));
	for (i = 0; i < from->leaves; i++) {
		store->leaf[i] = from->leaf[i];
		if (store->leaf[i])
			store->leaf[i]->refs++;
	}
}

void store_destroy(struct store *store)
{
	u64 i;

	for (i = 0; i < store->leaves; i++)
		leaf_put(store->leaf[i]);
	free(store->leaf);
	store_init(store);
}

static const struct store_page *find_page(const struct store *store,
					  u64 offset)
{
	u64 at = offset / STORE_LEAF;

	if (at >= store->leaves || !store->leaf[at])
		return NULL;
	return store->leaf[at]->page[offset % STORE_LEAF / STORE_PAGE];
}

static void need_leaves(struct store *store, u64 leaves)
{
	struct store_leaf **leaf;

	if (leaves <= store->leaves)
		return;
	leaf = must_calloc(leaves, sizeof(*leaf));
	if (store->leaves)
		memcpy(leaf, store->leaf, store->leaves * sizeof(*leaf));
	free(store->leaf);
	store->leaf = leaf;
	store->leaves = leaves;
}

/* The leaf of an offset, ours alone, about to change. */
static struct store_leaf *own_leaf(struct store *store, u64 offset)
{
	u64 at = offset / STORE_LEAF;
	struct store_leaf *leaf, *old;
	int i;

	need_leaves(store, at + 1);
	old = store->leaf[at];
	if (old && old->refs == 1) {
		old->hashed = false;
		return old;
	}
	leaf = must_calloc(1, sizeof(*leaf));
	leaf->refs = 1;
	for (i = 0; old && i < STORE_LEAF_PAGES; i++) {
		leaf->page[i] = old->page[i];
		if (leaf->page[i])
			leaf->page[i]->refs++;
	}
	leaf_put(old);
	store->leaf[at] = leaf;
	return leaf;
}

/* The page of an offset, ours alone; @whole: every byte will be written. */
static struct store_page *own_page(struct store *store, u64 offset, bool whole)
{
	struct store_leaf *leaf = own_leaf(store, offset);
	struct store_page **slot =
		&leaf->page[offset % STORE_LEAF / STORE_PAGE];
	struct store_page *page = *slot;

	if (page && page->refs == 1) {
		page->hashed = false;
		return page;
	}
	page = must_malloc(sizeof(*page));
	page->refs = 1;
	page->hashed = false;
	if (!whole && *slot)
		memcpy(page->bytes, (*slot)->bytes, STORE_PAGE);
	else if (!whole)
		memset(page->bytes, 0, STORE_PAGE);
	page_put(*slot);
	*slot = page;
	return page;
}

static size_t in_page(u64 offset, u64 len)
{
	return min_t(u64, len, STORE_PAGE - offset % STORE_PAGE);
}

void store_read(const struct store *store, u64 offset, void *buf, size_t len)
{
	const struct store_page *page;
	size_t now;

	for (; len; len -= now, offset += now, buf = (u8 *)buf + now) {
		now = in_page(offset, len);
		page = find_page(store, offset);
		if (page)
			memcpy(buf, page->bytes + offset % STORE_PAGE, now);
		else
			memset(buf, 0, now);
	}
}

void store_write(struct store *store, u64 offset, const void *buf, size_t len)
{
	struct store_page *page;
	size_t now;

	for (; len; len -= now, offset += now, buf = (const u8 *)buf + now) {
		now = in_page(offset, len);
		page = own_page(store, offset, now == STORE_PAGE);
		memcpy(page->bytes + offset % STORE_PAGE, buf, now);
	}
}

static void share_page(struct store *store, const struct store *from,
		       u64 offset)
{
	u64 slot = offset % STORE_LEAF / STORE_PAGE;
	struct store_page *page = (struct store_page *)find_page(from, offset);
	struct store_leaf *leaf;

	if (page == find_page(store, offset))
		return;
	leaf = own_leaf(store, offset);
	page_put(leaf->page[slot]);
	leaf->page[slot] = page;
	if (page)
		page->refs++;
}

void store_share(struct store *store, const struct store *from, u64 offset,
		 u64 len)
{
	u8 buf[STORE_PAGE];
	size_t now;

	for (; len; len -= now, offset += now) {
		now = in_page(offset, len);
		if (now == STORE_PAGE) {
			share_page(store, from, offset);
			continue;
		}
		store_read(from, offset, buf, now);
		store_write(store, offset, buf, now);
	}
}

static void punch_page(struct store *store, u64 offset, size_t len)
{
	struct store_page **slot;

	if (len < STORE_PAGE) {
		memset(own_page(store, offset, false)->bytes +
		       offset % STORE_PAGE, 0, len);
		return;
	}
	slot = &own_leaf(store, offset)->page[offset % STORE_LEAF / STORE_PAGE];
	page_put(*slot);
	*slot = NULL;
}

void store_punch(struct store *store, u64 offset, u64 len)
{
	u64 end, next;

	end = min(offset + len, store->leaves * STORE_LEAF);
	while (offset < end) {
		next = min(end, ALIGN_DOWN(offset, STORE_LEAF) + STORE_LEAF);
		if (next - offset == STORE_LEAF) {
			leaf_put(store->leaf[offset / STORE_LEAF]);
			store->leaf[offset / STORE_LEAF] = NULL;
			offset = next;
			continue;
		}
		offset = store_next_data(store, offset, next);
		if (offset == next)
			continue;
		next = offset + in_page(offset, next - offset);
		punch_page(store, offset, next - offset);
		offset = next;
	}
}

u64 store_next_data(const struct store *store, u64 offset, u64 end)
{
	while (offset < end) {
		if (offset / STORE_LEAF >= store->leaves)
			return end;
		if (!store->leaf[offset / STORE_LEAF]) {
			offset = ALIGN_DOWN(offset, STORE_LEAF) + STORE_LEAF;
			continue;
		}
		if (find_page(store, offset))
			return offset;
		offset = ALIGN_DOWN(offset, STORE_PAGE) + STORE_PAGE;
	}
	return end;
}

u64 store_digest(const void *page)
{
	/* Four chains, for the processor to follow side by side. */
	u64 hash[4] = { 1, 2, 3, 4 }, word[4];
	size_t i, k;

	for (i = 0; i < STORE_PAGE; i += sizeof(word)) {
		memcpy(word, (const u8 *)page + i, sizeof(word));
		for (k = 0; k < 4; k++)
			hash[k] = mix(hash[k], word[k]);
	}
	return mix(mix(hash[0], hash[1]), mix(hash[2], hash[3]));
}

static u64 page_hash(struct store_page *page)
{
	if (!page->hashed)
		page->hash = store_digest(page->bytes);
	page->hashed = true;
	return page->hash;
}

u64 store_page_digest(const struct store *store, u64 offset)
{
	static const u8 zeros[STORE_PAGE];
	static u64 digest_of_zeros;
	struct store_page *page = (struct store_page *)find_page(store, offset);

	if (page)
		return page_hash(page);
	if (!digest_of_zeros)
		digest_of_zeros = store_digest(zeros);
	return digest_of_zeros;
}

static u64 leaf_hash(struct store_leaf *leaf)
{
	u64 hash = 2;
	int i;

	if (leaf->hashed)
		return leaf->hash;
	for (i = 0; i < STORE_LEAF_PAGES; i++)
		if (leaf->page[i])
			hash = mix(mix(hash, i + 1), page_hash(leaf->page[i]));
	leaf->hash = hash;
	leaf->hashed = true;
	return hash;
}

u64 store_hash(const struct store *store)
{
	u64 hash = 3, i;

	for (i = 0; i < store->leaves; i++)
		if (store->leaf[i])
			hash = mix(mix(hash, i + 1), leaf_hash(store->leaf[i]));
	return hash;
}

static bool bytes_equal(const struct store_page *a, const struct store_page *b,
			u64 offset, size_t len)
{
	static const u8 zero[STORE_PAGE];
	const u8 *x = a ? a->bytes : zero;
	const u8 *y = b ? b->bytes : zero;

	return a == b || !memcmp(x + offset, y + offset, len);
}

static bool leaf_equal(const struct store *a, const struct store *b, u64 offset,
		       u64 end)
{
	for (; offset < end; offset += STORE_PAGE)
		if (!bytes_equal(find_page(a, offset), find_page(b, offset), 0,
				 in_page(offset, end - offset)))
			return false;
	return true;
}

bool store_equal(const struct store *a, const struct store *b, u64 len)
{
	u64 leaves = min(max(a->leaves, b->leaves),
			 DIV_ROUND_UP_ULL(len, STORE_LEAF));
	u64 i;

	for (i = 0; i < leaves; i++) {
		if (i < a->leaves && i < b->leaves && a->leaf[i] == b->leaf[i])
			continue;
		if (!leaf_equal(a, b, i * STORE_LEAF,
				min(len, (i + 1) * STORE_LEAF)))
			return false;
	}
	return true;
}

const void *store_page(const struct store *store, u64 offset)
{
	const struct store_page *page = find_page(store, offset);

	return page ? page->bytes : NULL;
}

u64 store_allocated(const struct store *store)
{
	u64 bytes = 0, i;
	int k;

	for (i = 0; i < store->leaves; i++)
		for (k = 0; store->leaf[i] && k < STORE_LEAF_PAGES; k++)
			if (store->leaf[i]->page[k])
				bytes += STORE_PAGE;
	return bytes;
}
