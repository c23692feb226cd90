/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of acknowledged flushes.
 *
 * It is memory that the guest shares with the world outside (ivshmem): what the
 * guest has stored is there, at once and in the order of the stores, however the
 * machine ends. Counters are enough, because the plan knows what operation number
 * n of a thread is.
 *
 * A thread counts an operation in @issued before it asks for it and in @done
 * when it is acknowledged. Before it flushes it looks at everybody's @done; when
 * the flush is acknowledged, it copies what it saw to @flushed: all those
 * operations are durable. Each number is true by itself, so it does not matter if
 * the machine ends between two stores.
 */
#ifndef KILL_JOURNAL_H
#define KILL_JOURNAL_H

#include <stdint.h>

#define JOURNAL_THREADS 4
#define JOURNAL_BYTES 65536

enum journal_state {
	JOURNAL_EMPTY,
	JOURNAL_WAITING,	/* for what to do */
	JOURNAL_RUNNING,
	JOURNAL_ENDED,	/* see @error */
};

/**
 * struct journal_thread - what one thread says
 * @issued: operations asked for
 * @done: operations acknowledged
 * @flushes: flushes acknowledged
 * @flushed: by thread, how many of its first operations a flush has covered
 */
struct journal_thread {
	_Atomic uint64_t issued;
	_Atomic uint64_t done;
	_Atomic uint64_t flushes;
	_Atomic uint64_t flushed[JOURNAL_THREADS];
};

/**
 * struct journal_task - what the guest is to do
 * @seed: of the plan
 * @round: of the plan
 * @sectors: length of the table
 * @entropy: a guest that goes on where another one was stopped must not make up
 *	the same GUIDs
 * @file_system: the image is on an ext4 on the disk
 * @table: parameters of the target
 */
struct journal_task {
	uint64_t seed;
	uint64_t round;
	uint64_t sectors;
	uint8_t entropy[32];
	uint64_t file_system;
	char table[512];
};

/**
 * struct journal - the shared memory
 * @state: enum journal_state
 * @error: errno of what the guest could not do
 * @compactions: started
 * @beats: grows while the guest waits
 * @go: @task is there
 */
struct journal {
	_Atomic uint64_t state;
	_Atomic uint64_t error;
	_Atomic uint64_t compactions;
	_Atomic uint64_t beats;
	_Atomic uint64_t go;
	struct journal_task task;
	struct journal_thread thread[JOURNAL_THREADS];
};

_Static_assert(sizeof(struct journal) <= JOURNAL_BYTES, "it fits");

#endif
