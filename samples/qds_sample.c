// SPDX-License-Identifier: GPL-2.0
/*
 * A module that uses the libraries of qds: it counts words in a hash table and
 * keeps track of dirty blocks in a bitmap, on loading, and says what it found.
 */
#include <linux/hbitmap.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/qht.h>
#include <linux/slab.h>
#include <linux/string.h>

struct word {
	struct rcu_head rcu;
	atomic_t seen;
	char text[16];
};

static struct qht words;
static struct hbitmap *dirty;

static bool word_is(const void *entry, const void *key)
{
	const struct word *word = entry;

	return !strcmp(word->text, key);
}

static bool words_equal(const void *a, const void *b)
{
	return word_is(a, ((const struct word *)b)->text);
}

static void word_release(void *entry, void *arg)
{
	kfree(entry);
}

/* Find a word, without a lock, or else add it. Another may add it first. */
static int count_word(const char *text)
{
	u32 hash = jhash(text, strlen(text), 0);
	struct word *word, *fresh;
	int ret = 0;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	strscpy(fresh->text, text, sizeof(fresh->text));

	rcu_read_lock();
	word = qht_lookup_custom(&words, text, hash, word_is);
	if (!word) {
		void *existing = NULL;

		ret = qht_insert(&words, fresh, hash, &existing, GFP_ATOMIC);
		word = ret ? existing : fresh;
	}
	if (word)
		atomic_inc(&word->seen);
	rcu_read_unlock();

	if (word != fresh)
		kfree(fresh);
	return word ? 0 : ret;
}

static int count_words(void)
{
	static const char * const text[] = { "to", "be", "or", "not", "to", "be" };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(text) && !ret; i++)
		ret = count_word(text[i]);
	return ret;
}

/* Blocks of 4096 bytes of a disk of 1 TiB; the size of a write is its own. */
static int mark_writes(void)
{
	return hbitmap_set(dirty, 5000, 10000, GFP_KERNEL) ?:
	       hbitmap_set(dirty, 1ULL << 39, 1, GFP_KERNEL);
}

static void report(void)
{
	struct hbitmap_iter iter;
	s64 block;

	pr_info("%llu words\n", qht_count(&words));
	hbitmap_for_each_dirty(&iter, dirty, block)
		pr_info("dirty block at byte %lld\n", block);
}

static int __init qds_sample_init(void)
{
	int ret = qht_init(&words, words_equal, 0, QHT_AUTO_RESIZE,
			   GFP_KERNEL);

	if (ret)
		return ret;
	dirty = hbitmap_alloc(1ULL << 40, 12, GFP_KERNEL);
	if (IS_ERR(dirty)) {
		ret = PTR_ERR(dirty);
		goto err_words;
	}
	ret = count_words() ?: mark_writes();
	if (ret)
		goto err_dirty;
	report();
	return 0;

err_dirty:
	hbitmap_free(dirty);
err_words:
	qht_destroy(&words, word_release, NULL);
	return ret;
}

static void __exit qds_sample_exit(void)
{
	hbitmap_free(dirty);
	qht_destroy(&words, word_release, NULL);
}

module_init(qds_sample_init);
module_exit(qds_sample_exit);

MODULE_DESCRIPTION("A sample user of the qds libraries");
MODULE_LICENSE("GPL");
