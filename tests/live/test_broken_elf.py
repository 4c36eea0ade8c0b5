# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Damaged and lying ELF files in a traced process: they cost their own table, nothing else."""

import os
import random
import struct
import time

from harness import fixture, note, require, scratch, test
from target import Told
from test_stacks import ChainTarget, chains, check, outline, told_chains
from tracer import Trace, run, seep

THROUGH_BYTES = 778	# of tests/fixtures/damaged_library.c
# Without any damaged file a trace of this fixture takes about two of them.
MOST_SECONDS = 25

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
HEADER_FIELDS = ("ident", "type", "machine", "version", "entry", "phoff", "shoff", "flags",
                 "ehsize", "phentsize", "phnum", "shentsize", "shnum", "shstrndx")
SEGMENT = struct.Struct("<IIQQQQQQ")
SEGMENT_FIELDS = ("type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align")
SECTION = struct.Struct("<IIQQQQIIQQ")
SECTION_FIELDS = ("name", "type", "flags", "addr", "offset", "size", "link", "info", "align",
                  "entsize")
PT_LOAD, PT_NOTE, PT_EH_FRAME = 1, 4, 0x6474e550


class Elf:
    """The bytes of a sound file, to be damaged."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = bytearray(file.read())

    def _get(self, form, names, offset):
        return dict(zip(names, form.unpack_from(self.bytes, offset)))

    def _set(self, form, names, offset, changes):
        fields = dict(self._get(form, names, offset), **changes)
        form.pack_into(self.bytes, offset, *(fields[name] for name in names))

    @property
    def header(self):
        return self._get(HEADER, HEADER_FIELDS, 0)

    def set_header(self, **changes):
        self._set(HEADER, HEADER_FIELDS, 0, changes)

    def set_segments(self, kind, **changes):
        """Every program header of that kind."""
        header = self.header
        for i in range(header["phnum"]):
            at = header["phoff"] + i * SEGMENT.size
            if self._get(SEGMENT, SEGMENT_FIELDS, at)["type"] == kind:
                self._set(SEGMENT, SEGMENT_FIELDS, at, changes)

    def _section_headers(self):
        header = self.header
        return [header["shoff"] + i * SECTION.size for i in range(header["shnum"])]

    def section(self, name):
        """Where its header is, and its fields."""
        headers = self._section_headers()
        names = self._get(SECTION, SECTION_FIELDS, headers[self.header["shstrndx"]])
        for at in headers:
            fields = self._get(SECTION, SECTION_FIELDS, at)
            start = names["offset"] + fields["name"]
            if self.bytes[start:].startswith(name.encode() + b"\0"):
                return at, fields
        raise KeyError(name)

    def set_section(self, name, **changes):
        self._set(SECTION, SECTION_FIELDS, self.section(name)[0], changes)

    def set_sections(self, **changes):
        for at in self._section_headers()[1:]:
            self._set(SECTION, SECTION_FIELDS, at, changes)

    def fill_section(self, name, content):
        _, fields = self.section(name)
        whole = (content * (fields["size"] // len(content) + 1))[:fields["size"]]
        self.bytes[fields["offset"]:fields["offset"] + fields["size"]] = whole


def noise(length):
    return bytes(random.Random(1).randrange(256) for _ in range(length))


def cut(elf, length):
    del elf.bytes[length:]


def big_descriptor(elf):
    """A note whose name and description are longer than everything."""
    _, fields = elf.section(".note.gnu.build-id")
    struct.pack_into("<II", elf.bytes, fields["offset"], 0xfffffff0, 0xfffffff0)


def whole_space(elf):
    """Functions that each cover all addresses; entries of a length that never ends."""
    _, fields = elf.section(".eh_frame")
    entry = struct.pack("<II", 28, 0) + b"\1zR\0\1\x78\x10\1\x1b\x0c\7\x08\x90\1\0\0"
    entry += struct.pack("<IIiIBBH", 16, 4 + len(entry), 0, 0x7fffffff, 0, 0, 0) * 200
    room = fields["size"]
    elf.bytes[fields["offset"]:fields["offset"] + room] = entry[:room].ljust(room, b"\0")


def no_section_headers(elf):
    elf.set_header(shoff=0, shnum=0, shstrndx=0)


# How a file is damaged. Each change is to a fresh copy of a sound one.
DAMAGE = {
    "one-byte": lambda e: cut(e, 1),
    "magic-alone": lambda e: cut(e, 4),
    "header-alone": lambda e: cut(e, 64),
    "half": lambda e: cut(e, len(e.bytes) // 2),
    "without-last-page": lambda e: cut(e, len(e.bytes) - 4096),
    "no-elf": lambda e: e.bytes.__setitem__(slice(None), noise(5000)),
    "noise-after-header": lambda e: e.bytes.__setitem__(slice(64, None), noise(5000)),
    "shoff-beyond": lambda e: e.set_header(shoff=1 << 62),
    "shoff-unaligned": lambda e: e.set_header(shoff=3),
    "shnum-most": lambda e: e.set_header(shnum=0xffff),
    "shnum-extended": lambda e: (e.set_header(shnum=0),
                                 e.bytes.__setitem__(slice(e.header["shoff"] + 32,
                                                           e.header["shoff"] + 40),
                                                     struct.pack("<Q", 1 << 60))),
    "shentsize": lambda e: e.set_header(shentsize=1),
    "shstrndx": lambda e: e.set_header(shstrndx=0xfffe),
    "phoff-beyond": lambda e: e.set_header(phoff=1 << 63),
    "phnum-most": lambda e: e.set_header(phnum=0xfffe),
    "phnum-extended": lambda e: e.set_header(phnum=0xffff),
    "phentsize": lambda e: e.set_header(phentsize=7),
    "sizes-most": lambda e: e.set_sections(size=(1 << 64) - 1),
    "sizes-lie": lambda e: e.set_sections(size=1 << 40),
    "offsets-beyond": lambda e: e.set_sections(offset=(1 << 64) - 8),
    "sections-overlap": lambda e: e.set_sections(offset=0, size=len(e.bytes)),
    "entsize-zero": lambda e: e.set_sections(entsize=0),
    "links-astray": lambda e: e.set_sections(link=0xfffffff0, info=0xfffffff0),
    "segments-overlap": lambda e: e.set_segments(PT_LOAD, vaddr=0, offset=0, filesz=1 << 20,
                                                 memsz=1 << 20, flags=5),
    "segments-huge": lambda e: e.set_segments(PT_LOAD, filesz=1 << 62, memsz=1 << 62),
    "segments-wrap": lambda e: e.set_segments(PT_LOAD, vaddr=(1 << 64) - 4096, flags=5),
    "segments-at-the-top": lambda e: e.set_segments(PT_LOAD, vaddr=(1 << 63) - 4096, flags=5),
    "eh-frame-truncated": lambda e: e.set_section(".eh_frame",
                                                  size=e.section(".eh_frame")[1]["size"] // 2 + 3),
    "eh-frame-noise": lambda e: e.fill_section(".eh_frame", noise(997)),
    "eh-frame-lengths": lambda e: e.fill_section(".eh_frame", b"\xf0\xff\xff\xff"),
    "eh-frame-64-bit": lambda e: e.fill_section(".eh_frame", b"\xff" * 4 + b"\xf0" * 7 + b"\x7f"),
    "eh-frame-everywhere": whole_space,
    "eh-frame-beyond": lambda e: e.set_section(".eh_frame", offset=1 << 50),
    "eh-header-astray": lambda e: (no_section_headers(e), e.set_segments(
        PT_EH_FRAME, vaddr=1 << 40, offset=1 << 40, filesz=1 << 30)),
    "eh-header-noise": lambda e: (e.fill_section(".eh_frame_hdr", noise(991)),
                                  no_section_headers(e)),
    "eh-header-counts": lambda e: (e.fill_section(".eh_frame_hdr", b"\1\x1b\3\x3b" + b"\xff" * 8),
                                   no_section_headers(e)),
    "note-huge": big_descriptor,
    "symbols-noise": lambda e: (e.fill_section(".symtab", noise(983)),
                                e.fill_section(".strtab", b"x")),
    "dynamic-symbols-noise": lambda e: e.fill_section(".dynsym", noise(977)),
}


def damaged(name, source="stacks.so"):
    """The path of a copy of a sound file with that damage."""
    elf = Elf(fixture(source))
    DAMAGE[name](elf)
    path = scratch(f"{name}.so")
    with open(path, "wb") as file:
        file.write(elf.bytes)
    return path


def sparse():
    """A terabyte of nothing, whose section headers are said to be at its end."""
    elf = Elf(fixture("stacks.so"))
    elf.set_header(shoff=(1 << 40) - 4096)
    path = scratch("sparse.so")
    with open(path, "wb") as file:
        file.write(elf.bytes)
        file.truncate(1 << 40)
    return path


def all_damaged():
    return [*map(damaged, DAMAGE), sparse()]


def in_time(began):
    took = time.monotonic() - began
    note(f"{took:.1f} s")
    require(took < MOST_SECONDS, f"it took {took:.0f} s, more than {MOST_SECONDS}")


def faults_told(report):
    """What the health block says of files whose stacks may be cut, by name."""
    return {os.path.basename(p["module"]): p["reason"] for p in report.health["skipped_probes"]
            if p["symbol"] == "stacks by unwind tables" and p["module"]}


def check_faults(report, names):
    told = faults_told(report)
    for name, words in FAULTS.items():
        # One without any call frame information may be sound; without headers it is no module.
        wanted = words if words.startswith("part of") and name in names else None
        require(told.get(f"{name}.so") == wanted and "libc.so.6" not in told,
                f"{name}: {told.get(name + '.so')!r}, not {wanted!r}")


def sound_stacks(report, truths):
    require({t["case"] for t in truths} == {"deep-30", "deep-115"}, f"{len(truths)} chains")
    check(report, truths)


@test("broken.attach")
def broken_attach():
    """Every kind of damage at once, mapped before seep comes."""
    target = ChainTarget("broken", *all_damaged())
    began = time.monotonic()
    trace = Trace("-p", target.pid, "--no-inline").attached()
    target.work()
    report = trace.stop()
    sound_stacks(report, chains(target.lines))
    check_faults(report, DAMAGE)
    in_time(began)


@test("broken.run")
def broken_run():
    told = Told()
    began = time.monotonic()
    report = run(told, fixture("broken"), "--now", *all_damaged(), options=["--no-inline"])
    sound_stacks(report, told_chains(told))
    in_time(began)


# What the doctor has to say of some of them.
FAULTS = {
    "one-byte": "cannot be read as an ELF file",
    "header-alone": "cannot be read as an ELF file",
    "shnum-extended": "cannot be read as an ELF file",
    "phoff-beyond": "its ELF headers are damaged",
    "eh-frame-truncated": "part of its call frame information is damaged",
    "eh-frame-noise": "no call frame information that can be read",
    "eh-header-counts": "part of its call frame information is damaged",
}


@test("broken.doctor")
def broken_doctor():
    target = ChainTarget("broken", *all_damaged())
    began = time.monotonic()
    report = seep("doctor", "-v", "-p", target.pid)
    in_time(began)
    require(report.code == 0, f"exit code {report.code}: {report.err[-300:]}")
    for name, words in FAULTS.items():
        lines = [line for line in report.out.splitlines() if f"/{name}.so: " in line]
        require(any(words in line for line in lines), f"{name}: {lines}, not {words!r}")
    for sound in ("broken", "libc.so.6"):
        lines = [line for line in report.out.splitlines() if f"/{sound}: unwind table of" in line]
        require(len(lines) == 1, f"{sound}: {lines}")


# Where the call frame information is damaged, and the loader does not care.
LOADABLE = ["eh-frame-truncated", "eh-frame-noise", "eh-frame-lengths", "eh-frame-64-bit",
            "eh-frame-everywhere", "eh-frame-beyond", "eh-header-astray", "eh-header-noise",
            "eh-header-counts", "shoff-beyond", "shnum-most", "sizes-most", "sizes-lie",
            "offsets-beyond", "note-huge", "symbols-noise"]


# In these nothing is left to walk by: the stack ends in the library, and says so.
ENDS_THERE = {"eh-frame-truncated", "eh-frame-noise", "eh-frame-lengths", "eh-frame-64-bit",
              "eh-frame-everywhere"}


@test("broken.through")
def broken_through():
    """Code with such damage runs: its stacks are right, or cut and say so; others are whole."""
    told = Told()
    paths = {name: damaged(name, "damaged_library.so") for name in LOADABLE}
    began = time.monotonic()
    report = run(told, fixture("broken"), "--now", "--through", *paths.values(),
                 options=["--no-inline"])
    in_time(began)
    sound_stacks(report, told_chains(told))
    check_faults(report, LOADABLE)
    sites = [s for s in report.sites() if s["largest"] == THROUGH_BYTES]
    for name, path in paths.items():
        own = [s for s in sites if s["frames"][1]["module"] == path]
        require(len(own) == 1, f"{name}: {len(own)} sites, not 1")
        check_through(name, own[0], path)


def check_through(name, site, path):
    """The allocator, eleven calls in the library, then the program: or the beginning of that."""
    frames = site["frames"]
    known = [f for f in frames if not f["guessed"]]
    told = f"{name}: {site['stack_end']}, {len(known)} of {len(frames)} frames: {outline(frames)}"
    note(told)
    require(frames[0]["allocator"], told)
    if name in ENDS_THERE:
        require(site["stack_end"] in ("no rule", "no code") and len(known) == 2, told)
        return
    inside = [f["module"] == path for f in frames]
    names = [f["function"] for f in frames[12:14]]
    require(site["stack_end"] == "whole" and known == frames, told)
    require(inside == [False] + [True] * 11 + [False] * 5 and names == ["enter", "main"], told)
