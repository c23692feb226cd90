// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GUIDs of a VHDX file. Offsets are those of [MS-VHDX] 2.2.2.
 */
#include "guids.h"

#define HEADERS (64 * 1024)
#define HEADERS_BYTES (128 * 1024)
#define HEADER_BYTES 4096

static u64 sequence_of(const u8 *header)
{
	__le64 sequence;

	memcpy(&sequence, header + 8, sizeof(sequence));
	return le64_to_cpu(sequence);
}

static bool is_valid(u8 *header)
{
	__le32 stored;

	memcpy(&stored, header + 4, sizeof(stored));
	memset(header + 4, 0, sizeof(stored));
	return !memcmp(header, "head", 4) &&
	       vhdx_crc32c(0, header, HEADER_BYTES) == le32_to_cpu(stored);
}

bool guids_read(const struct sim_state *state, struct guids *guids)
{
	u8 header[2][HEADER_BYTES];
	bool valid[2];
	int i, current;

	for (i = 0; i < 2; i++) {
		store_read(&state->store, HEADERS + i * HEADERS_BYTES / 2,
			   header[i], HEADER_BYTES);
		valid[i] = is_valid(header[i]);
	}
	if (!valid[0] && !valid[1])
		return false;
	current = !valid[0] || (valid[1] && sequence_of(header[1]) >
					    sequence_of(header[0]));
	memcpy(guids->file_write, header[current] + 16, 16);
	memcpy(guids->data_write, header[current] + 32, 16);
	return true;
}

bool same_but_headers(const struct sim_state *a, const struct sim_state *b)
{
	struct store x, y;
	bool same;

	store_clone(&x, &a->store);
	store_clone(&y, &b->store);
	store_punch(&x, HEADERS, HEADERS_BYTES);
	store_punch(&y, HEADERS, HEADERS_BYTES);
	same = a->size == b->size && store_equal(&x, &y, a->size);
	store_destroy(&x);
	store_destroy(&y);
	return same;
}
