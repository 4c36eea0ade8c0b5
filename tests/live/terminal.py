# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A program on a real terminal, which tmux is: what it shows, keys, sizes, what is left behind."""

import os
import re
import shlex
import subprocess

from harness import cleanup, need_program, note, require, scratch, wait_for


class Terminal:
    """Runs the command in a shell on a terminal of its own, whose state it records around it."""

    def __init__(self, argv, width=80, height=24, env=None):
        need_program("tmux")
        self.socket = scratch("terminal")
        self.files = {name: scratch(f"terminal.{name}") for name in
                      ("before", "after", "code", "pid", "err")}
        settings = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})}
        words = [f"{key}={shlex.quote(value)}" for key, value in settings.items()]
        quoted = {name: shlex.quote(path) for name, path in self.files.items()}
        script = (f"stty -g > {quoted['before']}; "
                  f"env {' '.join(words)} sh -c 'echo $$ > \"$0\"; exec \"$@\"' {quoted['pid']} "
                  f"{shlex.join(argv)} 2> {quoted['err']}; "
                  f"echo $? > {quoted['code']}; stty -g > {quoted['after']}; exec sleep 600")
        environment = {k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR")}
        note("$ " + script)
        subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "new-session", "-d",
                        "-x", str(width), "-y", str(height), "sh", "-c", script], check=True,
                       env=environment)
        cleanup(self._tmux, "kill-server")

    def _tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True,
                              check=False).stdout.decode(errors="replace")

    def _read(self, name):
        try:
            with open(self.files[name], encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def pid(self):
        return int(wait_for("the program's pid", 10, lambda: self._read("pid").strip()))

    @property
    def errors(self):
        return self._read("err")

    def text(self, escapes=False):
        return self._tmux("capture-pane", "-p", *(["-e"] if escapes else []))

    def lines(self):
        return self.text().split("\n")

    def keys(self, *keys):
        self._tmux("send-keys", *keys)

    def resize(self, width, height):
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def sees(self, pattern, seconds=15):
        """Waits until the screen matches; the match."""
        try:
            return wait_for(f"{pattern!r} on the screen", seconds,
                            lambda: re.search(pattern, self.text(), re.M), 0.1)
        except Exception:
            note(self.text())
            raise

    def ended(self, seconds=15):
        """Waits for the end; the exit code, as the shell has it."""
        wait_for("the program's end", seconds, lambda: self._read("after"), 0.05)
        return int(self._read("code"))

    def require_restored(self):
        require(self._read("before") == self._read("after"), "the terminal's settings are others")
        shown = self._tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").split()
        require(shown == ["0", "1"], f"alternate screen and cursor are {shown}")
