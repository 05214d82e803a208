// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as an archive: a byte that says whether checksums and numbers of records
 * are put right, or nothing would come behind them, then the archive. What is accepted
 * is written again as the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "archive_copy.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive_bytes from = { 0 }, to = { 0 };
	struct fault fault = { 0 };
	int err;

	if (!size)
		return 0;
	from.size = size - 1;
	from.data = malloc(from.size + 1);
	memcpy(from.data, data + 1, from.size);
	if (data[0] & 1)
		archive_mend(from.data, from.size);
	err = archive_copy(&from, &to, &fault);
	if (err && !*fault.text)
		abort();
	if (!err && (to.size != from.size || memcmp(to.data, from.data, to.size)))
		abort();
	free(from.data);
	free(to.data);
	return 0;
}
