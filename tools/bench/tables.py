# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Unwind tables: how long those of one of the largest libraries take to build, and what the tables
and mappings of a host take in memory that runs 2,000 processes of 5,000 binaries, simulated from
the files of this one.
"""

import os

import figures
import first_report

FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib")
MOST_FILES = 8000
SECONDS = 300


def _binaries():
    """As `make bench-unwind-host` finds them."""
    found = []
    for top in FOLDERS:
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path) and (".so" in name or os.access(path, os.X_OK)):
                    found.append(path)
    return found[:MOST_FILES]


def measure(bench):
    """Figures by name, those of both programs."""
    table = os.path.join(bench.build, "bench-unwind-table")
    host = os.path.join(bench.build, "bench-unwind-host")
    return {**figures.read_keys([table, first_report.library()], SECONDS),
            **figures.read_keys([host, *_binaries()], SECONDS)}
