# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Find the BTF type information in a kernel image, whatever it is wrapped in.

An x86 bzImage and an arm64 Image.gz or EFI zboot image carry the kernel compressed
somewhere inside; the BTF itself starts with a header of 24 bytes (include/uapi/linux/btf.h):
magic 0xeb9f, version 1, flags 0, header length, then offset and length of the types and of
the strings. Both are found by looking for their magic and trying: nothing here depends on
the layout of the wrapping.
"""
import gzip
import lzma
import struct
import subprocess
import zlib

BTF_MAGIC = struct.pack("<HBBI", 0xEB9F, 1, 0, 24)


def _occurrences(data, magic):
    at = data.find(magic)
    while at >= 0:
        yield at
        at = data.find(magic, at + 1)


def _gunzip(data):
    return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data)


def _unxz(data):
    return lzma.LZMADecompressor(lzma.FORMAT_AUTO).decompress(data)


def _unzstd(data):
    return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False).stdout


COMPRESSIONS = [
    (b"\x1f\x8b\x08", _gunzip),
    (b"\xfd7zXZ\x00", _unxz),
    (b"\x28\xb5\x2f\xfd", _unzstd),
]


def _btf_in(data):
    """The largest well-formed BTF blob in data; None if there is none."""
    best = None
    for at in _occurrences(data, BTF_MAGIC):
        head = data[at:at + 24]
        if len(head) < 24:
            continue
        type_off, type_len, str_off, str_len = struct.unpack("<4I", head[8:])
        end = at + 24 + str_off + str_len
        if type_off != 0 or str_off < type_len or str_len == 0 or end > len(data):
            continue
        strings = at + 24 + str_off
        if data[strings] != 0 or data[end - 1] != 0:
            continue
        if best is None or end - at > len(best):
            best = data[at:end]
    return best


def kernel_btf(path):
    """The raw BTF of a BTF file, an uncompressed kernel, or a kernel image."""
    with open(path, "rb") as file:
        data = file.read()
    found = _btf_in(data)
    if found:
        return found
    for magic, decompress in COMPRESSIONS:
        for at in _occurrences(data, magic):
            try:
                found = _btf_in(decompress(data[at:]))
            except (zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, OSError):
                continue
            if found:
                return found
    raise ValueError(f"{path}: no BTF found in it")
