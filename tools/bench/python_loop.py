# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
malloc_loop.c in Python: pairs of libc's malloc(64) and free through ctypes, so many Python
functions deep. It says the same, and waits as that does.
"""

import ctypes
import os
import sys
import time

libc = ctypes.CDLL(None)
malloc, free = libc.malloc, libc.free
malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
free.argtypes, free.restype = [ctypes.c_void_p], None


def pairs(number):
    for _ in range(number):
        free(malloc(64))


def descend(depth, number):
    if depth > 1:
        descend(depth - 1, number)
    else:
        pairs(number)


def main():
    depth, number, bursts = (int(a) for a in sys.argv[1:4])
    print(os.getpid(), flush=True)
    for _ in range(bursts):
        if not sys.stdin.readline():
            break
        begin = time.thread_time_ns()
        # main and the module are two more
        descend(depth - 3, number)
        print(f"{(time.thread_time_ns() - begin) / number:.1f}", flush=True)


main()
