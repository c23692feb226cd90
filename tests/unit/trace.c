// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to a VHDX image, as a line of text.
 */
#include <stdio.h>

#include "trace.h"

static const struct vhdx_build *build;
static char text[65536];
static size_t used;
static u8 current[4096];

static void say(const char *word)
{
	used += snprintf(text + used, sizeof(text) - used, "%s%s",
			 used ? " " : "", word);
	if (used >= sizeof(text))
		abort();
}

static bool guid_differs(const u8 *header, unsigned int field)
{
	return memcmp(header + field, current + field, 16);
}

static void say_header(struct ram *ram, u64 at)
{
	u8 header[4096];
	char word[16];
	bool log;

	ram_peek(ram, at, header, sizeof(header));
	log = guid_differs(header, VB_LOG_GUID);
	snprintf(word, sizeof(word), "H%d%s%s%s", at == VB_HEADER1 ? 1 : 2,
		 guid_differs(header, VB_FILE_WRITE_GUID) ? "f" : "",
		 guid_differs(header, VB_DATA_WRITE_GUID) ? "d" : "",
		 !log ? "" :
		 vhdx_is_zero(header + VB_LOG_GUID, 16) ? "0" : "l");
	say(word);
	memcpy(current, header, sizeof(current));
}

static const char *place(u64 offset, bool punch)
{
	if (offset < MIB)
		return "R";
	if (offset < build->metadata_at)
		return "L";
	if (offset < build->bat_at)
		return "M";
	if (offset < build->blocks_at)
		return "B";
	return punch ? "Z" : "D";
}

static void on_change(struct ram *ram, enum ram_op op, u64 offset, u64 len)
{
	(void)len;
	if (op == RAM_FLUSH)
		say("F");
	else if (op == RAM_RESIZE)
		say("S");
	else if (op == RAM_WRITE &&
		 (offset == VB_HEADER1 || offset == VB_HEADER2))
		say_header(ram, offset);
	else
		say(place(offset, op == RAM_PUNCH));
}

void trace_start(struct ram *ram, const struct vhdx_build *vb)
{
	build = vb;
	used = 0;
	ram_peek(ram, vb_current_header(ram), current, sizeof(current));
	ram->hook = on_change;
}

const char *trace_text(void)
{
	static char last[sizeof(text)];

	memcpy(last, text, used);
	last[used] = 0;
	used = 0;
	return last;
}
