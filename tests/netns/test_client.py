#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What metactl makes of what the real metad says: drawings, chosen columns, completion."""
import json
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import METACTL, case, check, equal, main, run  # noqa: E402

PAIRS = """
pairs:
  web0:
    addresses: [192.0.2.1/32]
    routes: [{to: 10.1.0.2/32}]
    programs: [count]
    peer: {netns: web, name: eth0, policy: drop, addresses: [10.1.0.2/24], programs: [count, acl]}
  late0: {peer: {netns: late}}
templates:
  pod: {match: {netns: "pod-*"}, name: "m-{netns:8}", pair: {mode: l3}}
"""


def begin(w):
    w.netns("web")
    w.write(PAIRS)
    w.start()
    w.ready("web0")


def completed(w, *words):
    found = run(METACTL, "completion", "words", "--", "--socket", w.socket, *words).stdout
    return [line.split("\t")[0] for line in found.splitlines()]


@case
def graph(w):
    begin(w)
    text = w.ctl("graph").stdout
    for word in ('"primary web0" -> "peer web0"', "<B>web</B>", "10.1.0.2/24", "192.0.2.1/32",
                 "1. count", '"primary late0"', "waiting, closed", "is not there"):
        check(word in text, f"no {word} in {text}")
    back = text.split('"peer web0" -> "primary web0"')[1].split("\n")[0]
    check(back.index("1. count") < back.index("2. acl"), f"the peer's chain is {back}")
    check("late0" not in w.ctl("graph", "web0").stdout, "only web0 was asked for")
    if shutil.which("dot"):
        svg = w.ctl("graph", "--format=svg").stdout
        check("</svg>" in svg and "2. acl" in svg, f"no picture: {svg}")
    else:
        print("# there is no dot here: no picture is drawn")
    found = json.loads(w.ctl("--json=short", "graph").stdout)
    equal([pair["summary"]["name"] for pair in found], ["late0", "web0"], "pairs")


@case
def columns(w):
    begin(w)
    equal(w.ctl("list", "--no-legend", "--columns=state,name,peer").stdout.splitlines(),
          ["waiting  late0  late:eth0", "ready    web0   web:eth0"], "the table")
    found = json.loads(w.ctl("--json=short", "status", ok=False).stdout)
    equal([pair["name"] for pair in found["pairs"]], ["late0", "web0"], "pairs")
    check(found["metad"]["settled"] and found["metad"]["loaded"], f"{found['metad']}")


@case
def completion(w):
    begin(w)
    equal(completed(w, "status", ""), ["late0", "web0"], "pairs")
    equal(completed(w, "status", "l"), ["late0"], "pairs with l")
    equal(completed(w, "--config-dir", w.conf, "edit", ""), ["10-test.yaml", "late0", "web0"],
          "files and pairs in them")
    equal(completed(w, "--config-dir", w.conf, "cat", "w"), ["web0"], "pairs in files with w")
    w.stop()
    equal(completed(w, "status", ""), [], "pairs, without metad")
    # One that hangs keeps nobody waiting for long.
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(w.socket)
        deaf.listen()
        done = subprocess.run([METACTL, "completion", "words", "--", "--socket", w.socket, "status",
                               ""], capture_output=True, text=True, timeout=30)
    check(not done.stdout and not done.stderr, f"{done}")


main()
