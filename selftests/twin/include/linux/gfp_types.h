/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TWIN_LINUX_GFP_TYPES_H
#define _TWIN_LINUX_GFP_TYPES_H

#include <linux/types.h>

#define __GFP_HIGH		((gfp_t)0x01)
#define __GFP_IO		((gfp_t)0x02)
#define __GFP_FS		((gfp_t)0x04)
#define __GFP_DIRECT_RECLAIM	((gfp_t)0x08)
#define __GFP_KSWAPD_RECLAIM	((gfp_t)0x10)
#define __GFP_ZERO		((gfp_t)0x20)
#define __GFP_NOWARN		((gfp_t)0x40)
#define __GFP_NORETRY		((gfp_t)0x80)
#define __GFP_RETRY_MAYFAIL	((gfp_t)0x100)
#define __GFP_NOFAIL		((gfp_t)0x200)
#define __GFP_ACCOUNT		((gfp_t)0x400)
#define __GFP_NOMEMALLOC	((gfp_t)0x800)

#define __GFP_RECLAIM		(__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)
#define GFP_ATOMIC		(__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_NOWAIT		(__GFP_KSWAPD_RECLAIM)
#define GFP_NOIO		(__GFP_RECLAIM)
#define GFP_NOFS		(__GFP_RECLAIM | __GFP_IO)
#define GFP_KERNEL		(__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_USER		GFP_KERNEL

#endif /* _TWIN_LINUX_GFP_TYPES_H */
