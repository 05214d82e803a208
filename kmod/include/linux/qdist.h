/* SPDX-License-Identifier: GPL-2.0 */
/*
 * qdist - how often each of a set of numbers came, and its histogram as a line
 * of text. After QEMU's util/qdist.c, by Emilio G. Cota; in integers, since a
 * kernel has no others.
 */
#ifndef _LINUX_QDIST_H
#define _LINUX_QDIST_H

#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/types.h>

struct seq_file;

/* Different numbers that a distribution takes; they are kept in one array. */
#define QDIST_MAX_ENTRIES	(1U << 16)
/* Samples that it takes, so that thousandths of their average can be had. */
#define QDIST_MAX_SAMPLES	(U64_MAX / 1000)
/* Largest divisor of labels. */
#define QDIST_MAX_SCALE		1000000U

/**
 * struct qdist_entry - a number and how often it came
 * @x: the number
 * @count: how often; 0 when it was only named
 */
struct qdist_entry {
	s64 x;
	u64 count;
};

/**
 * struct qdist - a distribution
 * @entries: the numbers in ascending order, each once
 * @n: how many there are
 * @room: how many @entries has room for
 * @samples: sum of all counts
 * @sum: sum of all samples
 *
 * Readers may run beside each other; whoever adds is alone.
 */
struct qdist {
	struct qdist_entry *entries;
	u32 n;
	u32 room;
	u64 samples;
	s64 sum;
};

/**
 * struct qdist_avg - an average
 * @whole: rounded down
 * @milli: thousandths above that, rounded down, 0 to 999
 */
struct qdist_avg {
	s64 whole;
	u32 milli;
};

/**
 * struct qdist_bin - a bin of a histogram
 * @first: the least integer that falls into it
 * @last: the greatest; less than @first when none does, as where there are more
 *	bins than integers
 * @count: samples in it
 */
struct qdist_bin {
	s64 first;
	s64 last;
	u64 count;
};

/**
 * struct qdist_bins - where a walk over bins stands
 * @dist: the distribution
 * @n: number of bins
 * @i: the next bin
 * @at: the first entry that is not in a bin before
 */
struct qdist_bins {
	/* private: */
	const struct qdist *dist;
	u32 n;
	u32 i;
	u32 at;
};

/* struct qdist_style.options; all but the first two go with QDIST_PR_LABELS. */
#define QDIST_PR_BORDER		BIT(0)	/* | on either side */
#define QDIST_PR_LABELS		BIT(1)	/* the first and the last bin's range */
#define QDIST_PR_NODECIMAL	BIT(2)	/* rounded to integers, not to tenths */
#define QDIST_PR_PERCENT	BIT(3)	/* a % behind each */
#define QDIST_PR_100X		BIT(4)	/* times 100 */
#define QDIST_PR_NOBINRANGE	BIT(5)	/* the outer ends alone */

/**
 * struct qdist_style - how a histogram is printed
 * @bins: number of bins; 0 for as many as there are entries
 * @scale: a sample x stands for x / @scale in labels; 0 is as 1
 * @options: bits QDIST_PR_*
 */
struct qdist_style {
	u32 bins;
	u32 scale;
	u32 options;
};

void qdist_init(struct qdist *dist);
void qdist_destroy(struct qdist *dist);
int qdist_add(struct qdist *dist, s64 x, u64 count, gfp_t gfp);

/**
 * qdist_inc() - add one sample
 * @dist: the distribution
 * @x: the sample
 * @gfp: for its memory
 *
 * Context: As qdist_add().
 * Return: As qdist_add().
 */
static inline int qdist_inc(struct qdist *dist, s64 x, gfp_t gfp)
{
	return qdist_add(dist, x, 1, gfp);
}

int qdist_xmin(const struct qdist *dist, s64 *x);
int qdist_xmax(const struct qdist *dist, s64 *x);
int qdist_avg(const struct qdist *dist, struct qdist_avg *avg);

/**
 * qdist_sample_count() - number of samples
 * @dist: the distribution
 *
 * Context: Any.
 * Return: The number.
 */
static inline u64 qdist_sample_count(const struct qdist *dist)
{
	return dist->samples;
}

/**
 * qdist_unique_entries() - number of different samples
 * @dist: the distribution
 *
 * Context: Any.
 * Return: The number.
 */
static inline u32 qdist_unique_entries(const struct qdist *dist)
{
	return dist->n;
}

void qdist_bins_init(struct qdist_bins *bins, const struct qdist *dist, u32 n);
bool qdist_bins_next(struct qdist_bins *bins, struct qdist_bin *bin);

ssize_t qdist_pr(const struct qdist *dist, const struct qdist_style *style,
		 char *buf, size_t size);
ssize_t qdist_pr_pairs(const struct qdist *dist, char *buf, size_t size);
int qdist_seq_pr(struct seq_file *m, const struct qdist *dist,
		 const struct qdist_style *style);
void qdist_seq_pr_pairs(struct seq_file *m, const struct qdist *dist);

#endif /* _LINUX_QDIST_H */
