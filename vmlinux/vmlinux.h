/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types as far as bpf/ uses them. They are checked in so that a build needs no
 * kernel with type information; CO-RE fits their offsets to the running kernel at load time.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#if defined(__TARGET_ARCH_x86)
#include "x86_64.h"
#elif defined(__TARGET_ARCH_arm64)
#include "arm64.h"
#else
#error "no kernel types for this architecture: see vmlinux/regenerate"
#endif

#endif
