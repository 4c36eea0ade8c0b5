# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What each behaviour is, as (verdicts that are right, ...): the first is what is hoped for."""

QUIET = ("none", "too little data")
SETTLED = ("filling", "none", "too little data")

# While the rules were made.
FIRST = {
    "slow-leak": ("leak",),
    "stair-leak": ("leak",),
    "saw-tooth-leak": ("leak",),
    "leak-under-load": ("leak",),
    "container-growth": ("leak",),
    "warm-up": SETTLED,
    "bounded-cache": SETTLED,
    "one-shot-load": ("overflow",),
    "load-and-free": QUIET,
    "retention": ("allocator retention",),
    "idle": QUIET,
    "steady-churn": QUIET,
    "slow-consumer": ("overflow",),
    "sessions": QUIET,
    "fork-heavy": QUIET,
    "tight-cgroup": ("limit too small",),
    "java steady": QUIET,
    "java leak": ("leak",),
    "java small": ("limit too small",),
    "java native": ("leak",),
}
# When no rule changed any more.
LATER = {}
