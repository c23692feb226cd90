// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block lock: shared or exclusive, first come first served, without a
 * sleeping thread. See the essay in dm-vhdx.h.
 */
#include "dm-vhdx.h"

#define DM_VHDX_BUCKETS_MAX 4096

/**
 * dm_vhdx_locks_init() - make the buckets
 * @dv: its geometry is known
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
int dm_vhdx_locks_init(struct dm_vhdx *dv)
{
	u64 wanted = min_t(u64, dv->geometry.blocks, DM_VHDX_BUCKETS_MAX);
	unsigned long i, count = roundup_pow_of_two((unsigned long)wanted);

	dv->buckets = kvcalloc(count, sizeof(*dv->buckets), GFP_KERNEL);
	if (!dv->buckets)
		return -ENOMEM;
	dv->bucket_mask = count - 1;
	for (i = 0; i < count; i++) {
		spin_lock_init(&dv->buckets[i].lock);
		INIT_LIST_HEAD(&dv->buckets[i].waiters);
	}
	return 0;
}

/**
 * dm_vhdx_locks_exit() - free the buckets
 * @dv: nobody holds a block
 */
void dm_vhdx_locks_exit(struct dm_vhdx *dv)
{
	kvfree(dv->buckets);
	dv->buckets = NULL;
}

static struct dm_vhdx_bucket *dm_vhdx_bucket(struct dm_vhdx *dv, u64 block)
{
	return &dv->buckets[block & dv->bucket_mask];
}

/* Bucket locked: take it if what is held allows. */
static bool __dm_vhdx_try(struct dm_vhdx_bucket *bucket, bool exclusive)
{
	lockdep_assert_held(&bucket->lock);
	if (bucket->exclusive || (exclusive && bucket->shared))
		return false;
	if (exclusive)
		bucket->exclusive = true;
	else
		bucket->shared++;
	return true;
}

/**
 * dm_vhdx_lock() - take a block, or queue for it
 * @dv: the target
 * @lock: block, exclusive and granted are set
 *
 * Does not sleep. Return: true: held. false: @lock->granted() will be called
 * when it is, perhaps before this returns.
 */
bool dm_vhdx_lock(struct dm_vhdx *dv, struct dm_vhdx_lock *lock)
{
	struct dm_vhdx_bucket *bucket = dm_vhdx_bucket(dv, lock->block);
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&bucket->lock, flags);
	held = list_empty(&bucket->waiters) &&
	       __dm_vhdx_try(bucket, lock->exclusive);
	if (!held)
		list_add_tail(&lock->list, &bucket->waiters);
	spin_unlock_irqrestore(&bucket->lock, flags);

	if (!held)
		dm_vhdx_count(dv, DM_VHDX_LOCK_WAITS);
	return held;
}

/* Bucket locked: move the waiters whose turn it is to @granted. */
static void __dm_vhdx_hand_over(struct dm_vhdx_bucket *bucket,
				struct list_head *granted)
{
	struct dm_vhdx_lock *lock, *next;

	list_for_each_entry_safe(lock, next, &bucket->waiters, list) {
		if (!__dm_vhdx_try(bucket, lock->exclusive))
			break;
		list_move_tail(&lock->list, granted);
	}
}

/**
 * dm_vhdx_unlock() - give a block back
 * @dv: the target
 * @lock: held; belongs to the caller again on return
 *
 * Any context. Calls granted() of those whose turn it is now.
 */
void dm_vhdx_unlock(struct dm_vhdx *dv, struct dm_vhdx_lock *lock)
{
	struct dm_vhdx_bucket *bucket = dm_vhdx_bucket(dv, lock->block);
	struct dm_vhdx_lock *turn, *next;
	LIST_HEAD(granted);
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	if (lock->exclusive)
		bucket->exclusive = false;
	else
		bucket->shared--;
	__dm_vhdx_hand_over(bucket, &granted);
	spin_unlock_irqrestore(&bucket->lock, flags);

	list_for_each_entry_safe(turn, next, &granted, list) {
		list_del_init(&turn->list);
		turn->granted(turn);
	}
}
