/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The word of lockcnt and those who wait for it, for spin: that nobody sleeps for ever,
 * that nobody visits what is freed, that the lock has one holder. Memory is as every
 * CPU sees it at once; what that leaves out is in lockcnt-*.litmus.
 *
 * Each change of the word is one step, as is each look at it. Who waits is queued, looks
 * at the word, and sleeps; in between anything can happen. Whoever unlocks wakes all that
 * are queued, in a step of its own.
 */

#define TASKS	3
#define ROUNDS	2

bool locked, waiters;
byte count;
bool queued[TASKS], awake[TASKS];
byte holders, visitors;

/* lockcnt_released() */
inline wake(had_waiters)
{
	if
	:: had_waiters ->
#ifdef MUTANT_NO_WAKE
		skip
#else
		byte i;

		for (i : 0 .. TASKS - 1) {
			if
			:: queued[i] -> awake[i] = true
			:: else
			fi
		}
#endif
	:: else
	fi
}

/*
 * wait_var_event(): queue, look, sleep. The look is what lockcnt_try_inc() and the
 * others do when they have to wait.
 */
#define WAIT_UNTIL(can, take)						\
	do								\
	:: true ->							\
		queued[_pid] = true;					\
		awake[_pid] = false;					\
		if							\
		:: atomic { (can) -> take }; queued[_pid] = false; break \
		:: atomic { !(can) -> SAY_SO };				\
			awake[_pid]					\
		fi							\
	od

#ifdef MUTANT_WAITERS_UNSET
#define SAY_SO	skip
#else
#define SAY_SO	waiters = true
#endif

#ifdef MUTANT_VISIT_BESIDE_LOCK
#define MAY_VISIT	true
#else
#define MAY_VISIT	(count > 0 || !locked)
#endif

#ifdef MUTANT_FREE_BESIDE_VISITS
#define MAY_FREE	true
#else
#define MAY_FREE	(count == 0)
#endif

#ifdef MUTANT_WAITERS_STAY_AFTER_INC
#define GIVE_UP_AND_VISIT	had = false; locked = false; count++
#else
#define GIVE_UP_AND_VISIT	had = waiters; locked = false; waiters = false; count++
#endif

inline holds()
{
	holders++;
	assert(holders == 1);
	if
	:: MAY_FREE -> assert(visitors == 0)
	:: else
	fi;
	holders--
}

inline unlock()
{
	atomic { had = waiters; locked = false; waiters = false };
	wake(had)
}

inline lock()
{
	WAIT_UNTIL(!locked, locked = true);
	holds();
	if
	:: unlock()
	:: true ->
		/* lockcnt_inc_and_unlock() */
		atomic { GIVE_UP_AND_VISIT; visitors++ };
		wake(had);
		atomic { visitors--; count-- }
	fi
}

inline visit()
{
	WAIT_UNTIL(MAY_VISIT, count++; visitors++);
	if
	:: atomic { visitors--; count-- }
	:: true ->
		/* lockcnt_dec_and_lock(): the visit is over, its place is still taken. */
		visitors--;
		WAIT_UNTIL((count > 1 || !locked),
			   count--; mine = (count == 0); locked = locked || mine);
		if
		:: mine -> holds(); unlock()
		:: else
		fi
	fi
}

active [TASKS] proctype task()
{
	byte round;
	bool had, mine;

	for (round : 1 .. ROUNDS) {
		if
		:: lock()
		:: visit()
		fi
	}
}
