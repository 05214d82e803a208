// SPDX-License-Identifier: GPL-2.0
/* A disk of 1 GiB is written to: which parts does a backup have to copy? */
#include <stdio.h>
#include <string.h>
#include <libqds.h>

int main(void)
{
	struct qds_range writes[] = { { 512, 4096 }, { 5 << 20, 1 << 20 } };
	struct qds_extent_iter iter;
	struct qds_extent dirty;
	int dev = qds_open(NULL);
	/* A bit for every 64 KiB; an error, -errno, is passed on to the end. */
	int disk = dev < 0 ? dev : qds_create_bitmap(dev, 1 << 30, 16);
	int err = disk < 0 ? disk : qds_bitmap_set(disk, writes, 2, NULL, NULL);

	qds_extent_iter_init(&iter, disk, QDS_EXTENT_DIRTY, 0, 1 << 30);
	while (err >= 0 && (err = qds_extent_iter_next(&iter, &dirty)) > 0)
		printf("copy %llu bytes from byte %llu on\n", dirty.count, dirty.start);
	if (err)
		fprintf(stderr, "hello: %s\n", strerror(-err));
	return err != 0;
}
