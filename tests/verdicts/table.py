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
LATER = {
    "one-percent-leak": ("leak",),
    "error-path-leak": ("leak",),
    "listener-leak": ("leak",),
    "thread-leak": ("leak",),
    "threads-kept": ("leak",),
    "never-joined": ("leak",),
    "thread-a-request": QUIET,
    "leak-beside-sessions": ("leak",),
    "mapping-leak": ("leak",),
    "unbounded-cache": ("leak",),
    "cache-at-random": SETTLED,
    "start-up": SETTLED,
    "daily-load": QUIET,
    "changing-buffer": QUIET,
    "collector": QUIET,
    "import": ("overflow",),
    "falling-behind": ("overflow",),
    "thread-arenas": ("allocator retention",),
    "mixed-lives": QUIET,
    "asleep": QUIET,
    "python leak": ("leak",),
    "python peak": ("allocator retention",),
    "python steady": QUIET,
    "python requests": QUIET,
    "python request-leak": ("leak",),
    "java idle": QUIET,
}
