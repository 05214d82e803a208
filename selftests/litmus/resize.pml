/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a qht is resized: who moves which chain, who counts, who switches the map,
 * who begins the next resize, who frees. kmod/qht_resize.c, without what is in the
 * chains and without memory order, which is the litmus tests' business.
 *
 * A worker makes RESIZES resizes, one after the other; it stands for whoever has
 * ht->resize_lock, qht_grow_here() too. Inserters help. Memory for the moving of a chain
 * may be missing at any moment; that a chain is too long for who may not wait for memory
 * is the same to this, and qht_sweep() gets what it takes, or does not. Maps are freed
 * when those are gone who might have found them, and their addresses used again at once.
 *
 * Checked: each chain is counted once and each resize switches once; a resize that
 * says it is done has switched, and no other begins before; nobody uses a map that
 * has been freed; nobody hangs.
 */
#define CHAINS		2
#define INSERTERS	2
#define RESIZES		2
/* Addresses: the map in use, the next one, and one that a late reader holds. */
#define MAPS		3
#define NONE		MAPS

typedef map_t {
	bool allocated;
	bool moved[CHAINS];
	bool locked[CHAINS];
	byte next = NONE;
	byte claimed;
	byte n_moved;
	/* Waits for these inserters before it is freed. */
	bool retired;
	bool waits_for[INSERTERS + 1];
};

map_t maps[MAPS];
byte ht_map;
byte switches;
/* In an RCU section: inserters, and the worker behind them. */
bool reading[INSERTERS + 1];

#define WORKER		INSERTERS
/* QHT_CLAIM, what the worker claims at a time. */
#define WORKER_CLAIM	2
#define min(a, b)	((a) < (b) -> (a) : (b))
#define use(m)		assert(maps[m].allocated)

inline rcu_read_lock()
{
	reading[self] = true
}

inline rcu_read_unlock()
{
	d_step {
		reading[self] = false;
		for (r : 0 .. MAPS - 1) {
			maps[r].waits_for[self] = false
		}
		r = 0
	}
}

/* queue_rcu_work(): freed by the process "grace" below. */
inline retire(m)
{
	d_step {
		maps[m].retired = true;
		for (r : 0 .. INSERTERS) {
			maps[m].waits_for[r] = reading[r]
		}
		r = 0
	}
}

/*
 * What is done under a chain's lock and concerns nothing but the chain is one step:
 * nobody else can look in between.
 */

/* qht_switch(), if this was the last chain. */
inline count_and_switch(m)
{
	atomic {
		use(m);
		maps[m].n_moved++;
		n = maps[m].n_moved;
		assert(n <= CHAINS)
	};
	if
	:: n == CHAINS ->
		atomic { /* the store of ht->map */
			assert(ht_map == m);
			ht_map = maps[m].next;
			switches++
		};
		retire(m)
	:: else
	fi
}

/* qht_migrate(): chain @c of map @m; sets @done unless memory was missing. */
inline migrate(m, c)
{
	atomic {
		use(m);
		done = false;
		counted = false;
		!maps[m].locked[c] -> maps[m].locked[c] = true;
		if
#ifdef MUTANT_TWICE
		:: false -> skip
#else
		:: maps[m].moved[c] -> done = true
#endif
		:: else ->
			if
			:: true -> /* copies, then the flag */
				assert(maps[m].next != NONE);
				use(maps[m].next);
				maps[m].moved[c] = true;
				done = true;
				counted = true
			:: true -> skip /* no memory */
			fi
		fi;
#ifdef MUTANT_COUNT_UNLOCKED
		maps[m].locked[c] = false
#endif
	};
	if
	:: counted -> count_and_switch(m)
	:: else
	fi;
	atomic {
		use(m);
		counted = false;
		n = 0;
#ifndef MUTANT_COUNT_UNLOCKED
		maps[m].locked[c] = false
#endif
	}
}

/* qht_move_some() with @nr chains; sets @more. */
inline move_some(m, nr)
{
	atomic {
		use(m);
		more = maps[m].claimed < CHAINS
	};
	if
	:: more ->
		atomic {
			i = maps[m].claimed;
			maps[m].claimed = maps[m].claimed + nr;
			last = min(i + nr, CHAINS)
		};
		do
		:: i < last ->
			migrate(m, i);
			i++
		:: else -> break
		od;
		atomic {
			i = 0;
			last = 0;
			done = false
		}
	:: else
	fi
}

/* qht_insert(): the chain to insert into, then qht_added(). */
proctype inserter(byte self)
{
	byte map, c, i, last, n, r;
	bool done, more, counted;

end:
	do
	:: atomic {
			rcu_read_lock();
			map = ht_map;
			select (c : 0 .. CHAINS - 1)
		};
		/* qht_lock_chain() */
		do
		:: atomic {
				use(map);
				!maps[map].locked[c];
				if
				:: !maps[map].moved[c] -> break
				:: else
				fi;
				map = maps[map].next;
				assert(map != NONE)
			}
		od;
		atomic {
			c = 0;
			map = ht_map;
			more = maps[map].next != NONE
		};
		if
		:: more -> move_some(map, 1)
		:: else
		fi;
		atomic {
			map = 0;
			more = false;
			rcu_read_unlock()
		}
	od
}

/* The worker, under ht->resize_lock: nobody else makes maps. */
proctype worker()
{
	byte self = WORKER;
	byte old, new, i, last, c, n, r, resizes;
	bool done, more, counted;

	do
	:: resizes < RESIZES ->
		old = ht_map;
		assert(maps[old].next == NONE);
		/* qht_map_alloc_bits(): an address is used again as soon as it can be. */
		atomic {
			if
			:: !maps[0].allocated -> new = 0
			:: else ->
				if
				:: !maps[1].allocated -> new = 1
				:: else -> !maps[2].allocated -> new = 2
				fi
			fi;
			maps[new].allocated = true
		}
		maps[old].next = new;

again:
		/* qht_migrate_all(): claims chains as inserters do. */
		do
		:: atomic {
				rcu_read_lock();
				more = ht_map == old
			};
			if
			:: more -> move_some(old, WORKER_CLAIM)
			:: else
			fi;
			rcu_read_unlock();
			if
			:: more
			:: else -> break
			fi
		od;

		/* qht_sweep(): what is not moved. */
		c = 0;
#ifdef MUTANT_NO_SWEEP
		c = CHAINS;
#endif
		do
		:: c < CHAINS ->
			rcu_read_lock();
			done = false;
			if
#ifdef MUTANT_SWEEP_BLINDLY
			:: false -> skip
#else
			:: ht_map != old -> c = CHAINS; done = true
#endif
			:: else ->
				migrate(old, c);
				c = (done -> c + 1 : c)
			fi;
			rcu_read_unlock();
			if
			:: done -> done = false
			:: !done -> skip /* qht_spares_fill(), and once more */
			:: !done -> /* -ENOMEM: qht_claim_again(), then later */
				rcu_read_lock();
				if
#ifdef MUTANT_CLAIM_BLINDLY
				:: false -> skip
#else
				:: ht_map != old
#endif
				:: else ->
					use(old);
					maps[old].claimed = 0
				fi;
				rcu_read_unlock();
				c = 0;
				goto again
			fi
		:: else -> break
		od;
		resizes++;
		/* What qht_map_settled() relies on. */
		assert(ht_map == new && switches == resizes);
		old = 0;
		new = 0;
		c = 0
	:: else -> break
	od
}

#define over(m)	(maps[m].retired && !maps[m].waits_for[0] && \
		 !maps[m].waits_for[1] && !maps[m].waits_for[2])
#define reclaim(m)	atomic {				\
		over(m) ->					\
		assert(m != ht_map);				\
		maps[m].retired = false;			\
		maps[m].allocated = false;			\
		maps[m].next = NONE;				\
		maps[m].claimed = 0;				\
		maps[m].n_moved = 0;				\
		maps[m].moved[0] = false;			\
		maps[m].moved[1] = false			\
	}

/* Frees a map a grace period after it was retired. */
proctype grace()
{
end:
	do
	:: reclaim(0)
	:: reclaim(1)
	:: reclaim(2)
	od
}

init {
	atomic {
		maps[0].allocated = true;
		run inserter(0);
		run inserter(1);
		run worker();
		run grace()
	}
}
