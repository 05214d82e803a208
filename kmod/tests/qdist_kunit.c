// SPDX-License-Identifier: GPL-2.0
/*
 * What qdist promises, as tests. They run in a kernel and in the userspace twin.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/qdist.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

/* Own generator: the same sequence in every home. */
struct rng {
	u64 state;
};

static u32 rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return (rng->state * 0x2545F4914F6CDD1DULL) >> 32;
}

/* A number, its count, and how high its bar is: 0 a space, 8 a full block. */
struct bar {
	s64 x;
	u64 count;
	unsigned int height;
};

/* U+2588 and U+2581. */
#define FULL_BLOCK	"\xe2\x96\x88"
#define LOW_BLOCK	"\xe2\x96\x81"

#define MAX_BARS	16
#define LINE_SIZE	200

/* The bars as text, with what stands on either side. */
static const char *line_of(char line[LINE_SIZE], const char *left,
			   const struct bar *bars, u32 n, const char *right)
{
	size_t at = snprintf(line, LINE_SIZE, "%s", left);
	u32 i;

	for (i = 0; i < n; i++) {
		if (bars[i].height) {
			line[at++] = '\xe2';
			line[at++] = '\x96';
			line[at++] = 0x80 + bars[i].height;
		} else {
			line[at++] = ' ';
		}
	}
	snprintf(line + at, LINE_SIZE - at, "%s", right);
	return line;
}

static void expect_line(struct kunit *test, const struct qdist *dist,
			struct qdist_style style, const char *want)
{
	char got[LINE_SIZE];

	KUNIT_EXPECT_EQ(test, qdist_pr(dist, &style, got, sizeof(got)),
			(ssize_t)strlen(want));
	KUNIT_EXPECT_STREQ(test, got, want);
}

static void expect_bars(struct kunit *test, const struct qdist *dist, u32 bins,
			const struct bar *bars, u32 n)
{
	char line[LINE_SIZE];

	expect_line(test, dist, (struct qdist_style){ .bins = bins },
		    line_of(line, "", bars, n, ""));
}

static void add_bars(struct kunit *test, struct qdist *dist,
		     const struct bar *bars, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		KUNIT_ASSERT_EQ(test, qdist_add(dist, bars[i].x, bars[i].count,
						GFP_KERNEL), 0);
}

static void empty_distribution_has_no_answers(struct kunit *test)
{
	struct qdist_avg avg = { 7, 7 };
	struct qdist_bins bins;
	struct qdist_bin bin;
	struct qdist dist;
	char buf[1] = { 'x' };
	s64 x = 7;

	qdist_init(&dist);
	KUNIT_EXPECT_EQ(test, qdist_xmin(&dist, &x), -ENODATA);
	KUNIT_EXPECT_EQ(test, qdist_xmax(&dist, &x), -ENODATA);
	KUNIT_EXPECT_EQ(test, qdist_avg(&dist, &avg), -ENODATA);
	KUNIT_EXPECT_EQ(test, x, (s64)7);
	KUNIT_EXPECT_EQ(test, avg.whole, (s64)7);
	KUNIT_EXPECT_EQ(test, qdist_sample_count(&dist), (u64)0);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), 0U);
	qdist_bins_init(&bins, &dist, 3);
	KUNIT_EXPECT_FALSE(test, qdist_bins_next(&bins, &bin));
	expect_line(test, &dist, (struct qdist_style){}, "(empty)");
	expect_line(test, &dist, (struct qdist_style){
		.bins = 2, .options = QDIST_PR_LABELS | QDIST_PR_BORDER,
	}, "(empty)");
	KUNIT_EXPECT_EQ(test, qdist_pr_pairs(&dist, buf, sizeof(buf)), (ssize_t)0);
	KUNIT_EXPECT_EQ(test, buf[0], '\0');
	qdist_destroy(&dist);
}

static void number_without_samples_is_known_but_blank(struct kunit *test)
{
	static const struct bar bar = { 3, 0, 0 };
	struct qdist_avg avg;
	struct qdist dist;
	s64 x = 0;

	qdist_init(&dist);
	KUNIT_ASSERT_EQ(test, qdist_add(&dist, 3, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qdist_sample_count(&dist), (u64)0);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), 1U);
	KUNIT_EXPECT_EQ(test, qdist_avg(&dist, &avg), -ENODATA);
	KUNIT_EXPECT_EQ(test, qdist_xmin(&dist, &x), 0);
	KUNIT_EXPECT_EQ(test, x, (s64)3);
	KUNIT_EXPECT_EQ(test, qdist_xmax(&dist, &x), 0);
	KUNIT_EXPECT_EQ(test, x, (s64)3);
	expect_bars(test, &dist, 0, &bar, 1);
	expect_bars(test, &dist, 1, &bar, 1);
	expect_bars(test, &dist, 2, &bar, 1);
	qdist_destroy(&dist);
}

static void single_number_fills_one_bin(struct kunit *test)
{
	static const struct bar bar = { -8, 50, 8 };
	struct qdist_avg avg;
	struct qdist dist;

	qdist_init(&dist);
	add_bars(test, &dist, &bar, 1);
	KUNIT_ASSERT_EQ(test, qdist_avg(&dist, &avg), 0);
	KUNIT_EXPECT_EQ(test, avg.whole, (s64)-8);
	KUNIT_EXPECT_EQ(test, avg.milli, 0U);
	expect_bars(test, &dist, 0, &bar, 1);
	expect_bars(test, &dist, 1, &bar, 1);
	expect_bars(test, &dist, 10, &bar, 1);
	expect_line(test, &dist, (struct qdist_style){
		.bins = 10, .options = QDIST_PR_LABELS | QDIST_PR_BORDER,
	}, "[-8.0,-8.0)|" FULL_BLOCK "|[-8.0,-8.0]");
	qdist_destroy(&dist);
}

/* @a as it is, in as many bins as it has, and then in @n_b bins. */
static void check_bins(struct kunit *test, const struct bar *a, u32 n_a,
		       const struct bar *b, u32 n_b)
{
	struct qdist_bins bins;
	struct qdist_bin bin;
	u64 samples = 0;
	struct qdist dist;
	s64 x = 0;
	u32 i;

	qdist_init(&dist);
	add_bars(test, &dist, a, n_a);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), n_a);
	KUNIT_EXPECT_EQ(test, qdist_xmin(&dist, &x), 0);
	KUNIT_EXPECT_EQ(test, x, a[0].x);
	KUNIT_EXPECT_EQ(test, qdist_xmax(&dist, &x), 0);
	KUNIT_EXPECT_EQ(test, x, a[n_a - 1].x);
	expect_bars(test, &dist, 0, a, n_a);
	expect_bars(test, &dist, n_a, a, n_a);

	qdist_bins_init(&bins, &dist, n_b);
	for (i = 0; qdist_bins_next(&bins, &bin); i++) {
		KUNIT_ASSERT_LT(test, i, n_b);
		KUNIT_EXPECT_EQ(test, bin.count, b[i].count);
		samples += bin.count;
	}
	KUNIT_EXPECT_EQ(test, i, n_b);
	KUNIT_EXPECT_EQ(test, samples, qdist_sample_count(&dist));
	expect_bars(test, &dist, n_b, b, n_b);
	qdist_destroy(&dist);
}

static void more_bins_than_numbers_leave_blanks(struct kunit *test)
{
	static const struct bar a[] = { { -20, 77, 8 }, { -19, 0, 0 }, { -18, 3, 1 } };
	static const struct bar b[] = { { 0, 77, 8 }, {}, {}, {}, { 0, 3, 1 } };

	check_bins(test, a, ARRAY_SIZE(a), b, ARRAY_SIZE(b));
}

static void great_and_small_counts_are_both_seen(struct kunit *test)
{
	static const struct bar a[] = { { 4, 1234567, 8 }, { 5, 61, 1 } };

	check_bins(test, a, ARRAY_SIZE(a), a, ARRAY_SIZE(a));
}

/* In as many bins as there are numbers, 890 falls in with 1000. */
static void bins_expand_what_is_unevenly_spaced(struct kunit *test)
{
	static const struct bar a[] = {
		{ 0, 5200, 5 }, { 125, 9100, 8 }, { 300, 8000, 7 },
		{ 450, 700, 1 }, { 600, 6400, 5 }, { 710, 3, 1 },
		{ 890, 55, 0 }, { 1000, 2500, 2 },
	};
	static const struct bar b[] = {
		{ 0, 5200, 5 }, { 0, 9100, 8 }, {}, { 0, 8000, 7 },
		{ 0, 700, 1 }, {}, { 0, 6400, 5 }, { 0, 3, 1 },
		{ 0, 55, 1 }, { 0, 2500, 2 },
	};

	check_bins(test, a, ARRAY_SIZE(a), b, ARRAY_SIZE(b));
}

static void bins_shrink_and_keep_every_sample(struct kunit *test)
{
	static const struct bar a[] = {
		{ 0, 3100, 5 }, { 200, 4800, 8 }, { 400, 2750, 5 },
		{ 510, 90, 1 }, { 700, 1300, 2 }, { 820, 11, 1 },
		{ 1000, 450, 1 },
	};
	static const struct bar b[] = {
		{ 0, 7900, 8 }, { 0, 2750, 3 }, { 0, 1390, 1 }, { 0, 461, 1 },
	};

	check_bins(test, a, ARRAY_SIZE(a), b, ARRAY_SIZE(b));
}

static void equal_counts_are_full_blocks(struct kunit *test)
{
	static const struct bar a[] = { { -5, 9, 8 }, { 0, 9, 8 }, { 5, 9, 8 } };

	check_bins(test, a, ARRAY_SIZE(a), a, ARRAY_SIZE(a));
}

static void labels_and_borders_are_as_asked(struct kunit *test)
{
	static const struct bar bars[] = { { 1, 800, 8 }, { 2, 4, 1 }, { 3, 5, 1 } };
	static const struct {
		u32 options;
		const char *left, *right;
	} cases[] = {
		{ 0, "", "" },
		{ QDIST_PR_BORDER, "|", "|" },
		{ QDIST_PR_100X, "", "" },
		{ QDIST_PR_LABELS, "[1.0,1.7)", "[2.3,3.0]" },
		{ QDIST_PR_LABELS | QDIST_PR_BORDER, "[1.0,1.7)|", "|[2.3,3.0]" },
		{ QDIST_PR_LABELS | QDIST_PR_NODECIMAL, "[1,2)", "[2,3]" },
		{ QDIST_PR_LABELS | QDIST_PR_PERCENT | QDIST_PR_NODECIMAL,
		  "[1,2)%", "[2,3]%" },
		{ QDIST_PR_LABELS | QDIST_PR_100X, "[100.0,166.7)", "[233.3,300.0]" },
		{ QDIST_PR_LABELS | QDIST_PR_NOBINRANGE | QDIST_PR_NODECIMAL, "1", "3" },
		{ QDIST_PR_LABELS | QDIST_PR_NOBINRANGE | QDIST_PR_PERCENT,
		  "1.0%", "3.0%" },
	};
	char line[LINE_SIZE];
	struct qdist dist;
	size_t i;

	qdist_init(&dist);
	add_bars(test, &dist, bars, ARRAY_SIZE(bars));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		expect_line(test, &dist, (struct qdist_style){
			.bins = 3, .options = cases[i].options,
		}, line_of(line, cases[i].left, bars, 3, cases[i].right));
	qdist_destroy(&dist);
}

static void scale_divides_what_labels_say(struct kunit *test)
{
	static const struct {
		s64 from, end;
		struct qdist_style style;
		const char *left, *right;
	} cases[] = {
		{ 0, 1000, { 10, 10, QDIST_PR_PERCENT }, "[0.0,10.0)%", "[90.0,100.0]%" },
		{ 0, 1000, { 8, 1000, QDIST_PR_100X }, "[0.0,12.5)", "[87.5,100.0]" },
		{ -1000, 1000, { 8, 1000, 0 }, "[-1.0,-0.7)", "[0.8,1.0]" },
		{ -1000, 500, { 4, 1000, QDIST_PR_NODECIMAL }, "[-1,-1)", "[0,1]" },
		{ -1000, -100, { 3, 1000, 0 }, "[-1.0,-0.7)", "[-0.4,-0.1]" },
		{ 0, 2, { 3, QDIST_MAX_SCALE, QDIST_PR_100X }, "[0.0,0.0)", "[0.0,0.0]" },
		{ S64_MIN, S64_MAX, { 2, 1, QDIST_PR_NODECIMAL },
		  "[-9223372036854775808,0)", "[0,9223372036854775807]" },
		{ S64_MIN, S64_MAX, { 3, QDIST_MAX_SCALE, QDIST_PR_100X },
		  "[-922337203685477.6,-307445734561825.9)",
		  "[307445734561825.9,922337203685477.6]" },
	};
	static const struct bar full[MAX_BARS] = {
		{ 0, 1, 8 }, [1 ... MAX_BARS - 1] = { 0, 0, 0 },
	};
	char line[LINE_SIZE];
	struct bar bars[MAX_BARS];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct qdist_style style = cases[i].style;
		struct qdist dist;

		style.options |= QDIST_PR_LABELS;
		memcpy(bars, full, sizeof(bars));
		bars[style.bins - 1].height = 8;
		qdist_init(&dist);
		KUNIT_ASSERT_EQ(test, qdist_inc(&dist, cases[i].from, GFP_KERNEL), 0);
		KUNIT_ASSERT_EQ(test, qdist_inc(&dist, cases[i].end, GFP_KERNEL), 0);
		expect_line(test, &dist, style, line_of(line, cases[i].left, bars,
							style.bins, cases[i].right));
		qdist_destroy(&dist);
	}
}

static void styles_that_make_no_sense_are_refused(struct kunit *test)
{
	struct qdist_style style = {};
	struct seq_file m = {};
	struct qdist dist;
	char buf[64];

	qdist_init(&dist);
	KUNIT_ASSERT_EQ(test, qdist_inc(&dist, S64_MAX, GFP_KERNEL), 0);
	style.options = BIT(6);
	KUNIT_EXPECT_EQ(test, qdist_pr(&dist, &style, buf, sizeof(buf)), (ssize_t)-EINVAL);
	style.options = QDIST_PR_LABELS | BIT(31);
	KUNIT_EXPECT_EQ(test, qdist_pr(&dist, &style, buf, sizeof(buf)), (ssize_t)-EINVAL);
	style = (struct qdist_style){ .scale = QDIST_MAX_SCALE + 1 };
	KUNIT_EXPECT_EQ(test, qdist_pr(&dist, &style, buf, sizeof(buf)), (ssize_t)-EINVAL);
	style = (struct qdist_style){ .options = QDIST_PR_LABELS | QDIST_PR_100X };
	KUNIT_EXPECT_EQ(test, qdist_pr(&dist, &style, buf, sizeof(buf)),
			(ssize_t)-EOVERFLOW);
	m.buf = buf;
	m.size = sizeof(buf);
	KUNIT_EXPECT_EQ(test, qdist_seq_pr(&m, &dist, &style), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, m.count, (size_t)0);
	style.options = QDIST_PR_LABELS;
	KUNIT_EXPECT_GT(test, qdist_pr(&dist, &style, buf, sizeof(buf)), (ssize_t)0);
	qdist_destroy(&dist);
}

static void line_that_does_not_fit_is_cut_and_its_length_told(struct kunit *test)
{
	static const struct bar bars[] = { { 1, 800, 8 }, { 2, 4, 1 }, { 3, 5, 1 } };
	const struct qdist_style style = {
		.options = QDIST_PR_LABELS | QDIST_PR_BORDER,
	};
	char whole[LINE_SIZE], buf[LINE_SIZE];
	struct qdist dist;
	ssize_t length;
	size_t size;

	qdist_init(&dist);
	add_bars(test, &dist, bars, ARRAY_SIZE(bars));
	length = qdist_pr(&dist, &style, whole, sizeof(whole));
	KUNIT_ASSERT_EQ(test, length, (ssize_t)strlen(whole));
	KUNIT_EXPECT_EQ(test, qdist_pr(&dist, &style, NULL, 0), length);
	KUNIT_EXPECT_EQ(test, qdist_pr_pairs(&dist, NULL, 0), (ssize_t)13);
	for (size = 1; size <= length + 1; size++) {
		memset(buf, 0x5a, sizeof(buf));
		KUNIT_ASSERT_EQ(test, qdist_pr(&dist, &style, buf, size), length);
		KUNIT_ASSERT_EQ(test, strlen(buf), size - 1);
		KUNIT_ASSERT_EQ(test, memcmp(buf, whole, size - 1), 0);
		KUNIT_ASSERT_EQ(test, buf[size], 0x5a);
	}
	qdist_destroy(&dist);
}

static void pairs_are_what_was_added(struct kunit *test)
{
	struct qdist dist;
	char buf[LINE_SIZE];

	qdist_init(&dist);
	KUNIT_ASSERT_EQ(test, qdist_add(&dist, 7, 2, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, qdist_add(&dist, S64_MIN, 1, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, qdist_add(&dist, S64_MAX, 1, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, qdist_add(&dist, -1, 0, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, qdist_add(&dist, 7, 3, GFP_KERNEL), 0);
	qdist_pr_pairs(&dist, buf, sizeof(buf));
	KUNIT_EXPECT_STREQ(test, buf,
			   "-9223372036854775808:1 -1:0 7:5 9223372036854775807:1");
	qdist_destroy(&dist);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), 0U);
	KUNIT_EXPECT_EQ(test, qdist_inc(&dist, 1, GFP_KERNEL), 0);
	qdist_destroy(&dist);
}

static void file_gets_lines_behind_what_it_has_or_asks_for_more_room(struct kunit *test)
{
	const struct qdist_style style = { .options = QDIST_PR_BORDER };
	static const struct bar bars[] = { { 1, 9, 8 }, { 2, 1, 1 } };
	char buf[24];
	struct seq_file m = { .buf = buf };
	struct qdist dist;

	qdist_init(&dist);
	add_bars(test, &dist, bars, ARRAY_SIZE(bars));
	m.size = sizeof(buf);
	KUNIT_EXPECT_EQ(test, qdist_seq_pr(&m, &dist, &style), 0);
	KUNIT_EXPECT_EQ(test, m.count, (size_t)8);
	qdist_seq_pr_pairs(&m, &dist);
	KUNIT_EXPECT_EQ(test, m.count, (size_t)15);
	KUNIT_EXPECT_EQ(test, memcmp(buf, "|" FULL_BLOCK LOW_BLOCK "|1:9 2:1", 15), 0);

	/* Short of the zero byte, of more, of all: what is there is full. */
	for (m.size = 1; m.size <= 8; m.size++) {
		m.count = 0;
		KUNIT_EXPECT_EQ(test, qdist_seq_pr(&m, &dist, &style), 0);
		KUNIT_EXPECT_TRUE(test, seq_has_overflowed(&m));
		KUNIT_EXPECT_EQ(test, qdist_seq_pr(&m, &dist, &style), 0);
		qdist_seq_pr_pairs(&m, &dist);
		KUNIT_EXPECT_EQ(test, m.count, m.size);
	}
	qdist_destroy(&dist);
}

static void average_is_exact_to_thousandths(struct kunit *test)
{
	static const struct {
		struct bar bars[2];
		s64 whole;
		u32 milli;
	} cases[] = {
		{ { { 1, 1 }, { 2, 1 } }, 1, 500 },
		{ { { 1, 2 }, { 2, 1 } }, 1, 333 },
		{ { { -1, 1 }, { 0, 2 } }, -1, 666 },
		{ { { -3, 5 }, { 3, 5 } }, 0, 0 },
		{ { { 0, QDIST_MAX_SAMPLES - 1 }, { 1, 1 } }, 0, 0 },
		{ { { 0, 1 }, { 1, QDIST_MAX_SAMPLES - 1 } }, 0, 999 },
		{ { { S64_MIN, 1 }, { S64_MAX, 1 } }, -1, 500 },
		{ { { S64_MAX, 1 }, { 0, 0 } }, S64_MAX, 0 },
		{ { { S64_MIN, 1 }, { 0, 0 } }, S64_MIN, 0 },
		{ { { S64_MIN, 1 }, { 0, 2 } }, S64_MIN / 3 - 1, 333 },
	};
	struct qdist_avg avg;
	struct qdist dist;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		qdist_init(&dist);
		add_bars(test, &dist, cases[i].bars, 2);
		KUNIT_ASSERT_EQ(test, qdist_avg(&dist, &avg), 0);
		KUNIT_EXPECT_EQ(test, avg.whole, cases[i].whole);
		KUNIT_EXPECT_EQ(test, avg.milli, cases[i].milli);
		qdist_destroy(&dist);
	}
}

static void overflows_are_refused_and_change_nothing(struct kunit *test)
{
	struct qdist_avg avg;
	struct qdist dist;
	char buf[LINE_SIZE];

	qdist_init(&dist);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, 0, QDIST_MAX_SAMPLES + 1, GFP_KERNEL),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, 0, U64_MAX, GFP_KERNEL), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, S64_MAX, 2, GFP_KERNEL), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, S64_MIN, 2, GFP_KERNEL), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), 0U);

	KUNIT_ASSERT_EQ(test, qdist_add(&dist, S64_MAX - 1, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, 2, 1, GFP_KERNEL), -EOVERFLOW);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, 1, 1, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, 0, QDIST_MAX_SAMPLES - 1, GFP_KERNEL),
			-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, qdist_add(&dist, 0, QDIST_MAX_SAMPLES - 2, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qdist_inc(&dist, 0, GFP_KERNEL), -EOVERFLOW);
	qdist_pr_pairs(&dist, buf, sizeof(buf));
	KUNIT_EXPECT_STREQ(test, buf,
			   "0:18446744073709549 1:1 9223372036854775806:1");
	KUNIT_EXPECT_EQ(test, qdist_sample_count(&dist), QDIST_MAX_SAMPLES);
	KUNIT_ASSERT_EQ(test, qdist_avg(&dist, &avg), 0);
	KUNIT_EXPECT_EQ(test, avg.whole, (s64)500);
	qdist_destroy(&dist);
}

static void entries_are_bounded(struct kunit *test)
{
	struct qdist dist;
	s64 x;

	qdist_init(&dist);
	for (x = 0; x < QDIST_MAX_ENTRIES; x++)
		KUNIT_ASSERT_EQ(test, qdist_inc(&dist, x, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qdist_inc(&dist, x, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, qdist_inc(&dist, 7, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), QDIST_MAX_ENTRIES);
	KUNIT_EXPECT_EQ(test, qdist_sample_count(&dist), (u64)QDIST_MAX_ENTRIES + 1);
	qdist_destroy(&dist);
}

#define MODEL_RANGE	300

/* Where the definition puts @x, in numbers small enough to compute it. */
static u32 model_bin(s64 x, s64 min, s64 max, u32 n)
{
	if (x == max)
		return n - 1;
	return (u32)(x - min) * n / (u32)(max - min);
}

static void check_bins_of_model(struct kunit *test, const struct qdist *dist,
				const u64 *model, u32 n)
{
	struct qdist_bins bins;
	struct qdist_bin bin;
	s64 min = 0, max = 0, x;
	u32 i;

	KUNIT_ASSERT_EQ(test, qdist_xmin(dist, &min), 0);
	KUNIT_ASSERT_EQ(test, qdist_xmax(dist, &max), 0);
	x = min;
	qdist_bins_init(&bins, dist, n);
	for (i = 0; qdist_bins_next(&bins, &bin); i++) {
		u64 count = 0;

		KUNIT_ASSERT_EQ(test, bin.first, x);
		for (; x <= max && model_bin(x, min, max, n) == i; x++)
			count += model[x + MODEL_RANGE];
		KUNIT_ASSERT_EQ(test, bin.last, x - 1);
		KUNIT_ASSERT_EQ(test, bin.count, count);
	}
	KUNIT_ASSERT_EQ(test, i, n);
	KUNIT_ASSERT_EQ(test, x, max + 1);
}

static void random_samples_agree_with_a_model(struct kunit *test)
{
	u64 *model = kunit_kcalloc(test, 2 * MODEL_RANGE, sizeof(*model), GFP_KERNEL);
	struct rng rng = { 0x9E3779B97F4A7C15ULL };
	u64 samples = 0, unique = 0;
	struct qdist dist;
	u32 step, i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, model);
	qdist_init(&dist);
	for (step = 0; step < 2000; step++) {
		u32 at = rng_next(&rng) % (2 * MODEL_RANGE);
		u64 count = 1 + rng_next(&rng) % 9;

		unique += !model[at];
		model[at] += count;
		samples += count;
		KUNIT_ASSERT_EQ(test, qdist_add(&dist, (s64)at - MODEL_RANGE, count,
						GFP_KERNEL), 0);
		KUNIT_ASSERT_EQ(test, qdist_sample_count(&dist), samples);
		KUNIT_ASSERT_EQ(test, (u64)qdist_unique_entries(&dist), unique);
		if (step > 1 && step % 16 == 0)
			check_bins_of_model(test, &dist, model,
					    1 + rng_next(&rng) % 1000);
	}
	for (i = 1; i < dist.n; i++)
		KUNIT_ASSERT_LT(test, dist.entries[i - 1].x, dist.entries[i].x);
	qdist_destroy(&dist);
}

/* The edges of a range and of bins that no multiplication in 64 bits could have. */
static void bins_of_the_whole_range_are_even(struct kunit *test)
{
	struct qdist_bins bins;
	struct qdist_bin bin;
	struct qdist dist;
	s64 next = S64_MIN;
	u32 i;

	qdist_init(&dist);
	KUNIT_ASSERT_EQ(test, qdist_inc(&dist, S64_MIN, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, qdist_inc(&dist, S64_MAX, GFP_KERNEL), 0);
	qdist_bins_init(&bins, &dist, 1 << 16);
	for (i = 0; qdist_bins_next(&bins, &bin); i++) {
		u64 width = (u64)bin.last - (u64)bin.first + 1;

		KUNIT_ASSERT_EQ(test, bin.first, next);
		KUNIT_ASSERT_GE(test, width, (1ULL << 48) - 1);
		KUNIT_ASSERT_LE(test, width, 1ULL << 48);
		KUNIT_ASSERT_EQ(test, bin.count, (u64)(i == 0 || i == (1 << 16) - 1));
		next = (u64)bin.last + 1;
	}
	KUNIT_EXPECT_EQ(test, i, 1U << 16);
	KUNIT_EXPECT_EQ(test, bin.last, S64_MAX);
	qdist_destroy(&dist);
}

#ifdef CONFIG_FAILSLAB
/* Of this thread; in a kernel only such fail as do not sleep. */
static void fail_nth(unsigned int nth)
{
	current->fail_nth = nth;
}

static bool fail_fired(void)
{
	bool fired = !current->fail_nth;

	fail_nth(0);
	return fired;
}

#define FAIL_GFP	(GFP_NOWAIT | __GFP_NOWARN)

/* Every allocation of a growing distribution fails once. */
static void add_without_memory_changes_nothing(struct kunit *test)
{
	char before[LINE_SIZE], after[LINE_SIZE];
	unsigned int failed = 0;
	struct qdist dist;
	s64 x;

	qdist_init(&dist);
	for (x = 0; x < 20; x++) {
		int ret;

		qdist_pr_pairs(&dist, before, sizeof(before));
		fail_nth(1);
		ret = qdist_inc(&dist, 40 - x, FAIL_GFP);
		if (!fail_fired()) {
			KUNIT_ASSERT_EQ(test, ret, 0);
			continue;
		}
		failed++;
		KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
		qdist_pr_pairs(&dist, after, sizeof(after));
		KUNIT_ASSERT_STREQ(test, after, before);
		KUNIT_ASSERT_EQ(test, qdist_sample_count(&dist), (u64)x);
		KUNIT_ASSERT_EQ(test, qdist_inc(&dist, 40 - x, GFP_KERNEL), 0);
	}
	KUNIT_EXPECT_EQ(test, failed, 3U);
	KUNIT_EXPECT_EQ(test, qdist_unique_entries(&dist), 20U);
	KUNIT_EXPECT_EQ(test, qdist_sample_count(&dist), (u64)20);
	qdist_destroy(&dist);
}

static void known_number_takes_no_memory(struct kunit *test)
{
	struct qdist dist;
	s64 x;

	qdist_init(&dist);
	for (x = 0; x < 20; x++) {
		KUNIT_ASSERT_EQ(test, qdist_inc(&dist, x, GFP_KERNEL), 0);
		fail_nth(1);
		KUNIT_EXPECT_EQ(test, qdist_inc(&dist, x / 2, FAIL_GFP), 0);
		KUNIT_EXPECT_FALSE(test, fail_fired());
	}
	qdist_destroy(&dist);
}
#endif

static struct kunit_case qdist_cases[] = {
	KUNIT_CASE(empty_distribution_has_no_answers),
	KUNIT_CASE(number_without_samples_is_known_but_blank),
	KUNIT_CASE(single_number_fills_one_bin),
	KUNIT_CASE(more_bins_than_numbers_leave_blanks),
	KUNIT_CASE(great_and_small_counts_are_both_seen),
	KUNIT_CASE(bins_expand_what_is_unevenly_spaced),
	KUNIT_CASE(bins_shrink_and_keep_every_sample),
	KUNIT_CASE(equal_counts_are_full_blocks),
	KUNIT_CASE(labels_and_borders_are_as_asked),
	KUNIT_CASE(scale_divides_what_labels_say),
	KUNIT_CASE(styles_that_make_no_sense_are_refused),
	KUNIT_CASE(line_that_does_not_fit_is_cut_and_its_length_told),
	KUNIT_CASE(pairs_are_what_was_added),
	KUNIT_CASE(file_gets_lines_behind_what_it_has_or_asks_for_more_room),
	KUNIT_CASE(average_is_exact_to_thousandths),
	KUNIT_CASE(overflows_are_refused_and_change_nothing),
	KUNIT_CASE(entries_are_bounded),
	KUNIT_CASE(random_samples_agree_with_a_model),
	KUNIT_CASE(bins_of_the_whole_range_are_even),
#ifdef CONFIG_FAILSLAB
	KUNIT_CASE(add_without_memory_changes_nothing),
	KUNIT_CASE(known_number_takes_no_memory),
#endif
	{}
};

static struct kunit_suite qdist_suite = {
	.name = "qdist",
	.test_cases = qdist_cases,
};

kunit_test_suite(qdist_suite);

MODULE_DESCRIPTION("KUnit tests of qdist");
MODULE_LICENSE("GPL");
