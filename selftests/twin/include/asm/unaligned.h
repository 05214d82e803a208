/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_ASM_UNALIGNED_H
#define _TWIN_ASM_UNALIGNED_H

#include <asm/byteorder.h>
#include <linux/types.h>

#define __get_unaligned_t(type, ptr)					\
({									\
	const struct { type x; } __packed *__unaligned =		\
		(const void *)(ptr);					\
									\
	__unaligned->x;							\
})

#define __put_unaligned_t(type, val, ptr)				\
do {									\
	struct { type x; } __packed *__unaligned = (void *)(ptr);	\
									\
	__unaligned->x = (val);						\
} while (0)

#define get_unaligned(ptr)	__get_unaligned_t(typeof(*(ptr)), (ptr))
#define put_unaligned(val, ptr)	__put_unaligned_t(typeof(*(ptr)), (val), (ptr))
#define get_unaligned_le64(p)	le64_to_cpu(__get_unaligned_t(__le64, p))
#define get_unaligned_le32(p)	le32_to_cpu(__get_unaligned_t(__le32, p))
#define put_unaligned_le64(v, p) __put_unaligned_t(__le64, cpu_to_le64(v), p)
#define put_unaligned_le32(v, p) __put_unaligned_t(__le32, cpu_to_le32(v), p)

#endif /* _TWIN_ASM_UNALIGNED_H */
