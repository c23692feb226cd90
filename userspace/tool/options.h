/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verbs and options of vhdxsetup: dispatch, parser and help are made of these
 * two lists.
 */
#ifndef VHDXSETUP_OPTIONS_H
#define VHDXSETUP_OPTIONS_H

/* V(verb, fewest arguments, most arguments, arguments, help) */
#define VERBS(V) \
	V(open, 1, 2, "IMAGE NAME", "map an image as /dev/mapper/NAME") \
	V(close, 1, 1, "NAME", "remove a mapping and its partitions") \
	V(status, 1, 1, "NAME", "show the state of a mapping") \
	V(list, 0, 0, "", "list all mappings") \
	V(dump, 1, 1, "IMAGE", "show what is written in an image") \
	V(map, 1, 1, "IMAGE", "show where the disk lies in the image") \
	V(read, 1, 1, "IMAGE", "write the content of the disk to standard output") \
	V(check, 1, 1, "IMAGE", "look for damage, without changing anything") \
	V(create, 1, 1, "IMAGE", "make a new image") \
	V(compact, 1, 1, "IMAGE|NAME", "give back what is not used")

enum verb {
#define VERB_ENUM(verb, least, most, arguments, help) VERB_##verb,
	VERBS(VERB_ENUM)
#undef VERB_ENUM
	VERB_COUNT,
};

#define FOR(verb) (1U << VERB_##verb)
#define FOR_ALL (~0U)
#define FOR_READERS \
	(FOR(status) | FOR(list) | FOR(dump) | FOR(map) | FOR(check) | \
	 FOR(compact))

/* O(id, long name, letter or 0, value or NULL, verbs, help) */
#define OPTIONS(O) \
	O(READONLY, "readonly", 'r', NULL, FOR(open), \
	  "map read-only; not one byte of the image changes") \
	O(NO_DISCARD, "no-discard", 0, NULL, FOR(open), \
	  "offer no discards to the file systems") \
	O(NO_PARTITIONS, "no-partitions", 0, NULL, FOR(open), \
	  "do not map the partitions") \
	O(REFRESH, "refresh", 0, NULL, FOR(open), \
	  "make the partition maps of an open mapping follow its table") \
	O(DEFERRED, "deferred", 0, NULL, FOR(close), \
	  "remove when the last user is gone") \
	O(OFFSET, "offset", 0, "SIZE", FOR(read), \
	  "begin here (default: 0)") \
	O(LENGTH, "length", 0, "SIZE", FOR(read), \
	  "write so much (default: to the end)") \
	O(SIZE, "size", 's', "SIZE", FOR(create), \
	  "size of the disk") \
	O(FORMAT, "format", 0, "FORMAT", FOR(create), \
	  "vhdx (default) or vhd") \
	O(TYPE, "type", 0, "TYPE", FOR(create), \
	  "dynamic (default) or fixed") \
	O(BLOCK_SIZE, "block-size", 0, "SIZE", FOR(create), \
	  "unit of allocation (default: vhdx 32M, vhd 2M)") \
	O(SECTOR_SIZE, "sector-size", 0, "SIZE", FOR(create), \
	  "512 (default) or 4096") \
	O(MODE, "mode", 'm', "MODE", FOR(compact), \
	  "quick (default), retrim or pretrimmed") \
	O(TIMEOUT, "timeout", 0, "SECONDS", FOR(compact), \
	  "stop at the next safe step after this time") \
	O(PROGRESS_FREQUENCY, "progress-frequency", 0, "SECONDS", FOR(compact), \
	  "print a line of progress so often") \
	O(PROGRESS_JSON, "progress-json", 0, NULL, FOR(compact), \
	  "print progress as JSON, an object a line") \
	O(JSON, "json", 0, NULL, FOR_READERS, \
	  "print one JSON document") \
	O(HELP, "help", 'h', NULL, FOR_ALL, \
	  "show this help") \
	O(VERSION, "version", 'V', NULL, FOR_ALL, \
	  "show the version")

enum option_id {
#define OPTION_ENUM(id, name, letter, value, verbs, help) OPTION_##id,
	OPTIONS(OPTION_ENUM)
#undef OPTION_ENUM
	OPTION_COUNT,
};

#endif
