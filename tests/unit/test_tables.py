#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tables at terminals of every width: no line is longer, whatever is in it, and what is not needed to be
cut is whole. Arguments: metactl, io.metad.varlink."""
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import unicodedata

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from scripted import Scripted, listed, summary  # noqa: E402
from varlink import Interface  # noqa: E402

METACTL = os.path.abspath(sys.argv[1])
with open(sys.argv[2]) as description:
    METAD = Interface(description.read())
PAIRS = [
    summary("web0", "web", addresses=["10.1.0.2/24", "2001:db8::2/64"], programs=["count", "acl"]),
    summary("容器0", "命名空间-一号", programs=["过滤器"], state="changing"),
    summary("é́0", "x" * 60, state="failed", error="the verifier refused it: " + "R0 " * 30),
    summary("w" * 15, None, state="conflict", why="a device of that name exists"),
    summary("q0", "\x1b[2J\t\x85", programs=["a\rb", "\x07"]),
]


def columns_of(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def at_terminal(metad, width, *arguments):
    """The lines that reach it, and the exit code."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "METACTL_PAGER": ""}
    environment.pop("COLUMNS", None)
    with subprocess.Popen([METACTL, "--socket", metad.path, *arguments], stdout=slave, stderr=slave,
                          stdin=slave, env=environment) as process:
        os.close(slave)
        text = b""
        while True:
            try:
                text += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    assert process.returncode == 0, text
    return text.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")


def main():
    metad = Scripted(METACTL, METAD, lambda _: listed(PAIRS))
    whole = metad.ctl("list").splitlines()
    widest = max(map(columns_of, whole))
    n_cut = []
    for width in range(1, 240):
        lines = at_terminal(metad, width, "list")
        assert len(lines) == len(PAIRS) + 1, (width, lines)
        for line in lines:
            assert columns_of(line) <= width, f"{width}: {columns_of(line)} columns: {line}"
            assert all(c.isprintable() for c in line), f"{width}: {line!r}"
        # Columns stay under their titles.
        for title in ("STATE", "PEER", "WHY"):
            if title in lines[0]:
                at = columns_of(lines[0][:lines[0].index(title)])
                assert all(prefix_ends(line, at) for line in lines), (width, title, lines)
        n_cut.append(sum(line.count("…") for line in lines))
    assert n_cut[0] and widest > 240, (n_cut, widest)
    assert at_terminal(metad, widest - 1, "list") != at_terminal(metad, widest, "list")
    assert at_terminal(metad, widest, "list") == at_terminal(metad, 40, "list", "--full")
    # Who matters most is there last.
    assert at_terminal(metad, 15, "list")[0] == "NAME"
    for width in (25, 32):
        assert at_terminal(metad, width, "list")[0].split() == ["NAME", "STATE"], width
    print(f"{len(n_cut)} widths, the whole table has {widest} columns")


def prefix_ends(line, at):
    """Whether a cell begins in this column, or nothing is there: two blanks stand before it."""
    used = 0
    for i, c in enumerate(line):
        if used >= at:
            return used == at and line[i - 2:i] == "  "
        used += columns_of(c)
    return True


main()
