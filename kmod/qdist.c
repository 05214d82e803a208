// SPDX-License-Identifier: GPL-2.0
/*
 * qdist - how often each of a set of numbers came, and its histogram as a line
 * of text.
 *
 * The functions, the bins and the pictures are those of QEMU's util/qdist.c
 * (Emilio G. Cota, 2016). What differs, and why:
 * - Samples are integers. Where they stand for fractions, as parts of a thousand
 *   do, labels are told the divisor.
 * - Bins are not a distribution: they are walked over as they are asked for, which
 *   takes no memory and cannot fail, and nobody can put them into bins again. Their
 *   edges, which lie between integers, are computed without rounding.
 * - What has no answer is an error, not a NaN. Sums are checked for overflow.
 * - A number that is new is put in its place, instead of sorting all of them.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/qdist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <linux/string.h>

/* Entries that the first allocation has room for. */
#define QDIST_MIN_ROOM		8
/* U+2581 to U+2588, from a line at the bottom to a full block. */
#define QDIST_BLOCKS		8
#define QDIST_BLOCK_PREFIX	"\xe2\x96"
#define QDIST_FIRST_BLOCK	0x81

#define QDIST_PR_ALL		(QDIST_PR_BORDER | QDIST_PR_LABELS |	\
				 QDIST_PR_NODECIMAL | QDIST_PR_PERCENT | \
				 QDIST_PR_100X | QDIST_PR_NOBINRANGE)

/**
 * qdist_init() - make an empty distribution
 * @dist: the distribution, in memory of the caller's
 *
 * Context: Any.
 */
void qdist_init(struct qdist *dist)
{
	*dist = (struct qdist){};
}
EXPORT_SYMBOL_GPL(qdist_init);

/**
 * qdist_destroy() - end a distribution
 * @dist: the distribution; it is empty afterwards, and may be used again
 *
 * Context: Any but hard interrupts.
 */
void qdist_destroy(struct qdist *dist)
{
	kfree(dist->entries);
	qdist_init(dist);
}
EXPORT_SYMBOL_GPL(qdist_destroy);

/* The first entry that is not below @x. */
static u32 qdist_find(const struct qdist *dist, s64 x)
{
	u32 low = 0, high = dist->n;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (dist->entries[middle].x < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool qdist_has(const struct qdist *dist, u32 i, s64 x)
{
	return i < dist->n && dist->entries[i].x == x;
}

static int qdist_make_room(struct qdist *dist, gfp_t gfp)
{
	struct qdist_entry *entries;
	u32 room;

	if (dist->n < dist->room)
		return 0;
	if (dist->n == QDIST_MAX_ENTRIES)
		return -ENOSPC;
	room = max_t(u32, 2 * dist->room, QDIST_MIN_ROOM);
	entries = kmalloc_array(room, sizeof(*entries), gfp | __GFP_NOWARN);
	if (!entries)
		return -ENOMEM;
	if (dist->n)
		memcpy(entries, dist->entries, dist->n * sizeof(*entries));
	kfree(dist->entries);
	dist->entries = entries;
	dist->room = room;
	return 0;
}

static int qdist_insert(struct qdist *dist, u32 i, s64 x, gfp_t gfp)
{
	struct qdist_entry *entry;
	int ret = qdist_make_room(dist, gfp);

	if (ret)
		return ret;
	entry = &dist->entries[i];
	memmove(entry + 1, entry, (dist->n - i) * sizeof(*entry));
	*entry = (struct qdist_entry){ .x = x };
	dist->n++;
	return 0;
}

/**
 * qdist_add() - add samples of one number
 * @dist: the distribution
 * @x: the number
 * @count: how many; with 0 the number is known from then on, and has none
 * @gfp: for the memory that a new number may need
 *
 * In time logarithmic in the number of entries; a new one moves those above it.
 *
 * Context: Any but hard interrupts, as @gfp allows.
 * Return: 0; -EOVERFLOW when the sum of all samples does not fit in 64 bits, or
 * their number is above QDIST_MAX_SAMPLES; -ENOSPC when there are
 * QDIST_MAX_ENTRIES others; -ENOMEM. On an error all is as it was.
 */
int qdist_add(struct qdist *dist, s64 x, u64 count, gfp_t gfp)
{
	s64 sum;
	u32 i;

	if (count > QDIST_MAX_SAMPLES - dist->samples ||
	    check_mul_overflow(x, (s64)count, &sum) ||
	    check_add_overflow(dist->sum, sum, &sum))
		return -EOVERFLOW;
	i = qdist_find(dist, x);
	if (!qdist_has(dist, i, x)) {
		int ret = qdist_insert(dist, i, x, gfp);

		if (ret)
			return ret;
	}
	dist->entries[i].count += count;
	dist->samples += count;
	dist->sum = sum;
	return 0;
}
EXPORT_SYMBOL_GPL(qdist_add);

/**
 * qdist_xmin() - the least number
 * @dist: the distribution
 * @x: set to it
 *
 * Context: Any.
 * Return: 0, or -ENODATA when there is none.
 */
int qdist_xmin(const struct qdist *dist, s64 *x)
{
	if (!dist->n)
		return -ENODATA;
	*x = dist->entries[0].x;
	return 0;
}
EXPORT_SYMBOL_GPL(qdist_xmin);

/**
 * qdist_xmax() - the greatest number
 * @dist: the distribution
 * @x: set to it
 *
 * Context: Any.
 * Return: 0, or -ENODATA when there is none.
 */
int qdist_xmax(const struct qdist *dist, s64 *x)
{
	if (!dist->n)
		return -ENODATA;
	*x = dist->entries[dist->n - 1].x;
	return 0;
}
EXPORT_SYMBOL_GPL(qdist_xmax);

/* Divide, rounding down, by a divisor that is at most S64_MAX. */
static s64 qdist_div_floor(s64 x, u64 divisor, u64 *rem)
{
	u64 quotient;

	if (x >= 0)
		return div64_u64_rem(x, divisor, rem);
	/* -1 - x is not negative: its quotient counts down from -1. */
	quotient = div64_u64_rem(-1 - x, divisor, rem);
	*rem = divisor - 1 - *rem;
	return -1 - (s64)quotient;
}

/**
 * qdist_avg() - the average of all samples
 * @dist: the distribution
 * @avg: set to it
 *
 * Context: Any.
 * Return: 0, or -ENODATA when there is no sample.
 */
int qdist_avg(const struct qdist *dist, struct qdist_avg *avg)
{
	u64 rem;

	if (!dist->samples)
		return -ENODATA;
	avg->whole = qdist_div_floor(dist->sum, dist->samples, &rem);
	/* Fits: the remainder is below QDIST_MAX_SAMPLES. */
	avg->milli = div64_u64(rem * 1000, dist->samples);
	return 0;
}
EXPORT_SYMBOL_GPL(qdist_avg);

/* Of a distribution that is not empty. The difference fits in 64 bits. */
static u64 qdist_range(const struct qdist *dist)
{
	return (u64)dist->entries[dist->n - 1].x - (u64)dist->entries[0].x;
}

/* One number fills one bin, however many are asked for. */
static u32 qdist_nr_bins(const struct qdist *dist, u32 n)
{
	return n && dist->n > 1 ? n : dist->n;
}

/**
 * qdist_bins_init() - begin a walk over the bins of a histogram
 * @bins: the walk
 * @dist: the distribution; nothing may be added until the walk is over
 * @n: number of bins; 0 for as many as there are entries, so that each has one of
 *	its own if they are evenly spaced
 *
 * The bins divide the range from the least number to the greatest evenly. A bin has
 * the numbers from its left edge up to, but not including, its right edge; the last
 * one includes it. There is but one when there is one number, and none when there
 * is none.
 *
 * Context: Any.
 */
void qdist_bins_init(struct qdist_bins *bins, const struct qdist *dist, u32 n)
{
	*bins = (struct qdist_bins){
		.dist = dist,
		.n = qdist_nr_bins(dist, n),
	};
}
EXPORT_SYMBOL_GPL(qdist_bins_init);

/*
 * The least integer that is not below the left edge of bin @i. The product of the
 * range and @i need not fit in 64 bits, that of their remainders does.
 */
static s64 qdist_bin_first(const struct qdist_bins *bins, u32 i)
{
	u64 step;
	u32 rem;

	step = div_u64_rem(qdist_range(bins->dist), bins->n, &rem);
	return (u64)bins->dist->entries[0].x + i * step +
	       div_u64((u64)i * rem + bins->n - 1, bins->n);
}

/**
 * qdist_bins_next() - the next bin of a walk
 * @bins: the walk
 * @bin: filled in
 *
 * A walk takes time linear in the number of bins and of entries.
 *
 * Context: Any.
 * Return: True, or false when there are no more.
 */
bool qdist_bins_next(struct qdist_bins *bins, struct qdist_bin *bin)
{
	const struct qdist *dist = bins->dist;
	bool last = bins->i + 1 == bins->n;

	if (bins->i == bins->n)
		return false;
	bin->first = qdist_bin_first(bins, bins->i);
	bin->last = last ? dist->entries[dist->n - 1].x :
			   qdist_bin_first(bins, bins->i + 1) - 1;
	bin->count = 0;
	for (; bins->at < dist->n && dist->entries[bins->at].x <= bin->last;
	     bins->at++)
		bin->count += dist->entries[bins->at].count;
	bins->i++;
	return true;
}
EXPORT_SYMBOL_GPL(qdist_bins_next);

/* As snprintf(): what does not fit is counted. */
struct qdist_writer {
	char *buf;
	size_t size;
	size_t length;
};

static __printf(2, 3) void qdist_write(struct qdist_writer *to,
				       const char *format, ...)
{
	size_t room = to->size - min(to->size, to->length);
	va_list args;

	va_start(args, format);
	to->length += vsnprintf(room ? to->buf + to->length : NULL, room, format,
				args);
	va_end(args);
}

/* A point on the axis: @x + @part / @parts. */
struct qdist_point {
	s64 x;
	u32 part;
	u32 parts;
};

/*
 * Write a point, divided by the scale, to the nearest tenth or integer.
 *
 * The remainder of the division by the scale is below 10^6, @parts below 2^32, and
 * they are multiplied by at most 1000: that fits in 64 bits.
 */
static int qdist_write_point(struct qdist_writer *to,
			     const struct qdist_style *style,
			     struct qdist_point point)
{
	unsigned int unit = style->options & QDIST_PR_NODECIMAL ? 1 : 10;
	unsigned int times = style->options & QDIST_PR_100X ? 100 : 1;
	u64 rem, scale = max(style->scale, 1U), nearest;
	const char *sign = "";
	s64 whole;
	u32 tenth;

	if (check_mul_overflow(qdist_div_floor(point.x, scale, &rem), (s64)times,
			       &whole))
		return -EOVERFLOW;
	scale *= point.parts;
	nearest = (rem * point.parts + point.part) * times * unit + scale / 2;
	nearest = div_u64_rem(div64_u64(nearest, scale), unit, &tenth);
	if (check_add_overflow(whole, (s64)nearest, &whole))
		return -EOVERFLOW;
	if (whole < 0 && tenth) {
		/* Tenths count up from what was rounded down. */
		tenth = unit - tenth;
		sign = ++whole ? "" : "-";
	}
	if (unit == 1)
		qdist_write(to, "%lld", whole);
	else
		qdist_write(to, "%s%lld.%u", sign, whole, tenth);
	return 0;
}

/* Where the first bin ends. */
static struct qdist_point qdist_left_edge(const struct qdist *dist, u32 n)
{
	struct qdist_point point = { .parts = n };
	u64 step = div_u64_rem(qdist_range(dist), n, &point.part);

	point.x = (u64)dist->entries[0].x + step;
	return point;
}

/* Where the last bin begins. */
static struct qdist_point qdist_right_edge(const struct qdist *dist, u32 n)
{
	struct qdist_point point = { .parts = n };
	u64 step = div_u64_rem(qdist_range(dist), n, &point.part);

	point.x = (u64)dist->entries[dist->n - 1].x - step;
	if (point.part) {
		point.x--;
		point.part = n - point.part;
	}
	return point;
}

static int qdist_write_label(struct qdist_writer *to, const struct qdist *dist,
			     const struct qdist_style *style, bool is_left)
{
	u32 n = qdist_nr_bins(dist, style->bins);
	struct qdist_point from = { .x = dist->entries[0].x, .parts = 1 };
	struct qdist_point end = { .x = dist->entries[dist->n - 1].x, .parts = 1 };
	bool range = !(style->options & QDIST_PR_NOBINRANGE);
	int ret;

	if (!(style->options & QDIST_PR_LABELS))
		return 0;
	if (range) {
		qdist_write(to, "[");
		if (is_left)
			end = qdist_left_edge(dist, n);
		else
			from = qdist_right_edge(dist, n);
	}
	ret = qdist_write_point(to, style, range || is_left ? from : end);
	if (!ret && range) {
		qdist_write(to, ",");
		ret = qdist_write_point(to, style, end);
		qdist_write(to, is_left ? ")" : "]");
	}
	if (style->options & QDIST_PR_PERCENT)
		qdist_write(to, "%%");
	return ret;
}

/* Heights are of the range of counts, but what is there is never a blank. */
static void qdist_write_bar(struct qdist_writer *to, u64 count, u64 min, u64 max)
{
	unsigned int height = QDIST_BLOCKS - 1;

	if (!count) {
		qdist_write(to, " ");
		return;
	}
	/* Fits: counts are at most QDIST_MAX_SAMPLES. */
	if (max > min)
		height = div64_u64((count - min) * height, max - min);
	qdist_write(to, QDIST_BLOCK_PREFIX "%c", QDIST_FIRST_BLOCK + height);
}

static void qdist_write_bars(struct qdist_writer *to, const struct qdist *dist,
			     u32 n)
{
	u64 least = U64_MAX, most = 0;
	struct qdist_bins bins;
	struct qdist_bin bin;

	qdist_bins_init(&bins, dist, n);
	while (qdist_bins_next(&bins, &bin)) {
		least = min(least, bin.count);
		most = max(most, bin.count);
	}
	qdist_bins_init(&bins, dist, n);
	while (qdist_bins_next(&bins, &bin))
		qdist_write_bar(to, bin.count, least, most);
}

/**
 * qdist_pr() - print a histogram
 * @dist: the distribution
 * @style: how
 * @buf: where to, or NULL if @size is 0
 * @size: room there, the zero byte at the end included
 *
 * A line without its end: for each bin U+2581 to U+2588 as UTF-8, by its count
 * between the least and the greatest of all bins, or a space if it has none. All
 * bins are full blocks when all are equal. An empty distribution is "(empty)".
 *
 * Context: Any. Time as that of a walk over the bins.
 * Return: The length of the whole line, as snprintf() has it: it has been cut if
 * that is not less than @size. -EINVAL when @style has unknown options or a scale
 * above QDIST_MAX_SCALE; -EOVERFLOW when a label does not fit in 64 bits.
 */
ssize_t qdist_pr(const struct qdist *dist, const struct qdist_style *style,
		 char *buf, size_t size)
{
	const char *border = style->options & QDIST_PR_BORDER ? "|" : "";
	struct qdist_writer to = { .buf = buf, .size = size };
	int ret;

	if ((style->options & ~QDIST_PR_ALL) || style->scale > QDIST_MAX_SCALE)
		return -EINVAL;
	if (!dist->n) {
		qdist_write(&to, "(empty)");
		return to.length;
	}
	ret = qdist_write_label(&to, dist, style, true);
	if (ret)
		return ret;
	qdist_write(&to, "%s", border);
	qdist_write_bars(&to, dist, style->bins);
	qdist_write(&to, "%s", border);
	ret = qdist_write_label(&to, dist, style, false);
	return ret ? ret : to.length;
}
EXPORT_SYMBOL_GPL(qdist_pr);

/**
 * qdist_pr_pairs() - print a distribution for a program to read
 * @dist: the distribution
 * @buf: where to, or NULL if @size is 0
 * @size: room there, the zero byte at the end included
 *
 * Each number and its count as "x:count", in ascending order, with a space between
 * them. Nothing for an empty distribution.
 *
 * Context: Any. Time linear in the number of entries.
 * Return: The length of the whole line, as snprintf() has it.
 */
ssize_t qdist_pr_pairs(const struct qdist *dist, char *buf, size_t size)
{
	struct qdist_writer to = { .buf = buf, .size = size };
	u32 i;

	qdist_write(&to, "%s", "");
	for (i = 0; i < dist->n; i++)
		qdist_write(&to, "%s%lld:%llu", i ? " " : "",
			    dist->entries[i].x, dist->entries[i].count);
	return to.length;
}
EXPORT_SYMBOL_GPL(qdist_pr_pairs);

/* Say how much was put where seq_get_buf() said; what was cut is printed again. */
static void qdist_seq_commit(struct seq_file *m, size_t length, size_t room)
{
	seq_commit(m, length < room ? length : -1);
}

/**
 * qdist_seq_pr() - print a histogram into a file
 * @m: the file
 * @dist: the distribution
 * @style: how
 *
 * As qdist_pr().
 *
 * Context: Process, from the file's show operation.
 * Return: 0, or the error of qdist_pr() with nothing printed.
 */
int qdist_seq_pr(struct seq_file *m, const struct qdist *dist,
		 const struct qdist_style *style)
{
	char *buf;
	size_t room = seq_get_buf(m, &buf);
	ssize_t length = qdist_pr(dist, style, buf, room);

	if (length < 0)
		return length;
	qdist_seq_commit(m, length, room);
	return 0;
}
EXPORT_SYMBOL_GPL(qdist_seq_pr);

/**
 * qdist_seq_pr_pairs() - print a distribution into a file for a program to read
 * @m: the file
 * @dist: the distribution
 *
 * As qdist_pr_pairs().
 *
 * Context: Process, from the file's show operation.
 */
void qdist_seq_pr_pairs(struct seq_file *m, const struct qdist *dist)
{
	char *buf;
	size_t room = seq_get_buf(m, &buf);

	qdist_seq_commit(m, qdist_pr_pairs(dist, buf, room), room);
}
EXPORT_SYMBOL_GPL(qdist_seq_pr_pairs);
