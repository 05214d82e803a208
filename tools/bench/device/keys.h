/* SPDX-License-Identifier: GPL-2.0 */
/* Which keys and values there are: the same to the program and to the module. */
#ifndef BENCH_DEVICE_KEYS_H
#define BENCH_DEVICE_KEYS_H

#include <linux/types.h>

/* What no value is. */
#define NO_VALUE	0

struct bench_key {
	__u64 word[2];
};

/* One to one, and of a random look. The finalizer of splitmix64. */
static inline __u64 key_mix(__u64 i)
{
	i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9ull;
	i = (i ^ (i >> 27)) * 0x94d049bb133111ebull;
	return i ^ (i >> 31);
}

static inline struct bench_key key_of(__u64 i)
{
	return (struct bench_key){ { key_mix(2 * i + 1), key_mix(2 * i + 2) } };
}

static inline __u64 value_of(__u64 i)
{
	return key_mix(~i) | 1;
}

/* One to one on the numbers below 1 << @bits: an order that nobody can guess. */
static inline __u32 key_shuffle(__u32 i, unsigned int bits)
{
	const __u32 mask = (1U << bits) - 1;
	const unsigned int half = (bits + 1) / 2;

	i = (i * 0x9e3779b1U) & mask;
	i ^= i >> half;
	i = (i * 0x85ebca6bU) & mask;
	return i ^ (i >> half);
}

#endif /* BENCH_DEVICE_KEYS_H */
