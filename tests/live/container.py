#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A small container: container.py [--pid] [--user] [--share FOLDER] ROOT COMMAND...

Runs the command in a mount namespace whose root is an overlay of a tmpfs over the folder
ROOT, which it never writes to; with --share that folder is /share in there. With --pid in a
pid namespace too, with --user in a user namespace, as its root. Without --pid the process
itself becomes the command.
"""

import argparse
import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, SIGKILL = 1, 9
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    words = [a.encode() if isinstance(a, str) else a for a in arguments]
    if getattr(libc, name)(*words) < 0:
        error = ctypes.get_errno()
        sys.exit(f"container: {name}: {os.strerror(error)}")


def mount(source, target, kind=None, flags=0, data=None):
    call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def be_root_of_a_user_namespace():
    user, group = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER)
    # one id of the namespace is enough: whoever makes it may map its own
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def make_root(lower, share):
    """Leaves the process in the overlay, with nothing of the old root in sight."""
    call("unshare", CLONE_NEWNS)
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    # Any folder will do: it is covered in here alone.
    stage = "/tmp"
    held = [os.open(path, os.O_PATH) if path else None for path in (lower, share)]
    mount("none", stage, "tmpfs")
    for name in ("lower", "upper", "work", "root"):
        os.mkdir(f"{stage}/{name}")
    mount(f"/proc/self/fd/{held[0]}", f"{stage}/lower", flags=MS_BIND | MS_REC)
    mount("overlay", f"{stage}/root", "overlay",
          data=f"lowerdir={stage}/lower,upperdir={stage}/upper,workdir={stage}/work")
    if share:
        os.mkdir(f"{stage}/root/share")
        mount(f"/proc/self/fd/{held[1]}", f"{stage}/root/share", flags=MS_BIND)
    os.chdir(f"{stage}/root")
    call("syscall", ctypes.c_long(SYS_PIVOT_ROOT), ".", ".")
    call("umount2", ".", MNT_DETACH)
    os.chdir("/")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pid", action="store_true")
    parser.add_argument("--user", action="store_true")
    parser.add_argument("--share")
    parser.add_argument("root")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()

    if options.user:
        be_root_of_a_user_namespace()
    make_root(os.path.realpath(options.root), options.share)
    if options.pid:
        call("unshare", CLONE_NEWPID)
        child = os.fork()
        if child:
            os.set_inheritable(1, False)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        call("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    os.execv(options.command[0], options.command)


main()
