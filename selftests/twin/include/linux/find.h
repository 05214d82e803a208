/* SPDX-License-Identifier: GPL-2.0 */
/* Each returns @size, or more, when there is no such bit. */
#ifndef _TWIN_LINUX_FIND_H
#define _TWIN_LINUX_FIND_H

unsigned long find_next_bit(const unsigned long *addr, unsigned long size,
			    unsigned long offset);
unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size,
				 unsigned long offset);
unsigned long find_last_bit(const unsigned long *addr, unsigned long size);

static inline unsigned long find_first_bit(const unsigned long *addr,
					   unsigned long size)
{
	return find_next_bit(addr, size, 0);
}

static inline unsigned long find_first_zero_bit(const unsigned long *addr,
						unsigned long size)
{
	return find_next_zero_bit(addr, size, 0);
}

#endif /* _TWIN_LINUX_FIND_H */
