# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Rounds and medians; what the other benchmark programs print; goals and how far off."""

import random
import statistics
import subprocess

from children import Unavailable

BURSTS = 5

# figure, of which figure, at most so many times it (or at least so many times cheaper), words
RATIO_GOALS = [
    ("exact", "floor", 1.6, "seep exact by frame pointers at most 1.6 times the floor"),
    ("sampled", "floor_entry", 1.15, "seep sampled at most 1.15 times the floor of sampling"),
    ("tables_10", "floor", 1.7, "unwind tables, 10 calls deep: at most 1.7 times the floor"),
    ("tables_30", "floor", 2.3, "unwind tables, 30 calls deep: at most 2.3 times the floor"),
    *(goal for depth in (10, 30, 118) for goal in (
        (f"tables_{depth}", f"kernel_{depth}", 1.0,
         f"unwind tables, {depth} calls deep: no dearer than the kernel's walker"),)),
    ("exact", "memleak", 0.25, "seep exact at least 4 times cheaper than memleak"),
]
# key of bench-collector, least, most, words
COLLECTOR_GOALS = [
    ("collector_events_per_second", 3e6, None, "at least 3 million events/s into the collector"),
    ("collector_bytes_per_block", None, 64, "at most 64 bytes of collector a live block"),
]


def measure(configuration):
    """One round of one configuration: the median of its bursts, the first one left out."""
    with configuration.begin(configuration) as loop:
        loop.burst()
        bursts = [loop.burst() for _ in range(BURSTS)]
    configuration.rounds.append(statistics.median(bursts))


def run_rounds(configurations, rounds, say):
    for number in range(rounds):
        order = list(configurations)
        # another order every time, the same ones in every run
        random.Random(number).shuffle(order)
        for configuration in order:
            if configuration.reason:
                continue
            try:
                measure(configuration)
            except (Unavailable, OSError, ValueError, subprocess.SubprocessError) as error:
                configuration.reason = str(error)
        say(f"round {number + 1} of {rounds}")


def ratio(configuration, base):
    """The median of the rounds' own ratios, so that a slow minute weighs on both sides."""
    if not configuration.rounds or not base.rounds:
        return None
    return statistics.median(a / b for a, b in zip(configuration.rounds, base.rounds))


def read_keys(argv, seconds):
    """The 'key value unit' lines of a benchmark program."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise Unavailable(f"{argv[0]} failed: {done.stderr.strip()[-200:]}")
    words = (line.split() for line in done.stdout.splitlines())
    return {w[0]: float(w[1]) for w in words if len(w) >= 2}


def bytes_per_block(keys):
    """At the worst of the fillings: how full its tables are depends on the number of blocks."""
    levels = [value for key, value in keys.items() if key.startswith("collector_bytes_per_block_")]
    return max(levels, default=None)


def goal(words, value, text, reached, missed_by):
    return {"goal": words, "value": value, "text": text, "reached": reached,
            "result": "reached" if reached else f"missed by {missed_by}"}


def ratio_goals(by_key):
    for key, base, most, words in RATIO_GOALS:
        value = ratio(by_key[key], by_key[base])
        if value is None:
            reason = by_key[key].reason or by_key[base].reason or "not asked for"
            yield {"goal": words, "value": None, "text": "", "reached": None,
                   "result": f"not measured: {reason}"}
        elif most < 0.5:
            yield goal(words, 1 / value, f"{1 / value:.2f} times", value <= most,
                       f"{(value / most - 1) * 100:.0f}%")
        else:
            yield goal(words, value, f"{value:.2f} times", value <= most,
                       f"{(value / most - 1) * 100:.0f}%")


def collector_goals(keys):
    for key, least, most, words in COLLECTOR_GOALS:
        value = keys.get(key)
        if value is None:
            yield {"goal": words, "value": None, "text": "", "reached": None,
                   "result": "not measured: bench-collector did not tell"}
        elif least:
            yield goal(words, value, f"{value / 1e6:.2f} million", value >= least,
                       f"{(1 - value / least) * 100:.0f}%")
        else:
            yield goal(words, value, f"{value:.1f} bytes", value <= most,
                       f"{(value / most - 1) * 100:.0f}%")


def serving_goals(served):
    """Of the servers; a compile leaks nothing that matters, and ends in seconds."""
    for name, told in served.items():
        notes = told.get("notes", {}).get("budget")
        if not notes or "excess_percent" not in notes[0]:
            continue
        costs = [note["excess_percent"] for note in notes if note["excess_percent"] is not None]
        cost = statistics.median(costs) if costs else 0
        yield goal(f"{name} within a budget of 2%: at most 3% of its processor time", cost,
                   f"{cost:.1f} %", cost <= 3, f"{cost - 3:.1f} points")
        named = sum(note["named_after"] is not None for note in notes)
        accused = sum(bool(note["others"]) for note in notes)
        yield goal(f"{name}: the planted leak, and nothing else, named within 60 s", named,
                   f"{named} of {len(notes)}", named == len(notes) and not accused,
                   f"{len(notes) - named}, others accused in {accused}")


def compile_goals(seconds):
    words = "a C++ compile under seep: at most twice bare and the floor's share"
    if not seconds:
        yield {"goal": words, "value": None, "text": "", "reached": None,
               "result": "not measured"}
        return
    share = statistics.median(s / (b + f) for s, f, b in
                              zip(seconds["seep"], seconds["floor"], seconds["bare"]))
    yield goal(words, share, f"{share:.2f} of it", share <= 1, f"{(share - 1) * 100:.0f}%")


def table_goals(keys):
    words = "a million rows of unwind tables: built in at most 0.25 s"
    value = keys.get("call_site_build_per_million_rows")
    if value is None:
        yield {"goal": words, "value": None, "text": "", "reached": None, "result": "not measured"}
    else:
        yield goal(words, value, f"{value:.3f} s", value <= 0.25, f"{value - 0.25:.3f} s")


def first_report_goals(seconds):
    for which, most in (("cold", 2), ("warm", 0.5)):
        words = f"libLLVM, start until the first report, {which}: at most {most} s"
        if not seconds:
            yield {"goal": words, "value": None, "text": "", "reached": None,
                   "result": "not measured"}
            continue
        value = statistics.median(seconds[which])
        yield goal(words, value, f"{value:.2f} s", value <= most, f"{value - most:.2f} s")
