#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Files that metactl changes, and metad follows: by drop-ins, masks and whole files."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import METACTL, Failure, case, check, equal, main  # noqa: E402

PAIRS = """
pairs:
  web0: {addresses: [192.0.2.1/32], peer: {netns: web, addresses: [10.1.0.2/24]}}
  db0: {peer: {netns: db, addresses: [10.2.0.2/24]}}
"""


def begin(w):
    """The file is the distribution's; what is changed is above it."""
    w.usr = f"{w.dir}/usr"
    os.makedirs(f"{w.usr}/pairs.d")
    with open(f"{w.usr}/pairs.d/50-web.yaml", "w") as file:
        file.write(PAIRS)
    arguments = [*w.arguments(), "--config-dir", w.usr]
    w.arguments = lambda: arguments
    w.netns("web", "db")
    w.start()
    w.ready("web0", "db0")


def metactl(w, *args, stdin="", code=0):
    # Only for those that read files themselves.
    reads = args[0] in ("edit", "mask", "unmask")
    dirs = ["--config-dir", w.conf, "--config-dir", w.usr] if reads else []
    done = subprocess.run([METACTL, "--socket", w.socket, *dirs, *args], input=stdin,
                          capture_output=True, text=True)
    if done.returncode != code:
        raise Failure(f"{args}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def mtu(w):
    return w.link("web0")["mtu"]


@case
def a_dropin_changes_one_key(w):
    begin(w)
    index = w.link("web0")["ifindex"]
    metactl(w, "edit", "web0", "--stdin", stdin="pairs: {web0: {mtu: 1400}}\n")
    w.until(lambda: mtu(w) == 1400, "the MTU is that of the drop-in")
    equal(w.addresses("web0"), ["192.0.2.1/32"], "addresses")
    # Another one above it, and masked again.
    metactl(w, "edit", "web0", "--drop-in=zz", "--stdin", stdin="pairs: {web0: {mtu: 1300}}\n")
    w.until(lambda: mtu(w) == 1300, "the MTU is that of the last drop-in")
    os.unlink(f"{w.conf}/pairs.d/50-web.yaml.d/zz.yaml")
    w.until(lambda: mtu(w) == 1400, "the MTU is that of the first drop-in")
    equal(w.link("web0")["ifindex"], index, "index of the device")


@case
def a_fault_never_reaches_metad(w):
    begin(w)
    found = metactl(w, "edit", "web0", "--stdin", stdin="pairs: {web0: {mtuu: 1400}}\n", code=1)
    check("did you mean" in found and "is not saved" in found, found)
    metactl(w, "reload")
    check(not os.path.exists(f"{w.conf}/pairs.d/50-web.yaml.d"), "there is a drop-in")
    equal(mtu(w), 1500, "MTU")


@case
def a_mask_takes_its_pairs_away(w):
    begin(w)
    found = metactl(w, "mask", "50-web")
    check("pairs that go away: db0, web0" in found, found)
    w.until(lambda: w.link("web0") is None and w.link("db0") is None, "the pairs are gone")
    found = metactl(w, "unmask", "50-web")
    check("pairs that come: db0, web0" in found, found)
    w.ready("web0", "db0")


@case
def a_whole_file_above(w):
    begin(w)
    metactl(w, "edit", "--full", "50-web", "--stdin", stdin=PAIRS.replace("10.1.0.2", "10.1.0.3"))
    w.until(lambda: w.addresses("eth0", ns="web") == ["10.1.0.3/24"], "the address is the new one")
    os.unlink(f"{w.conf}/pairs.d/50-web.yaml")
    w.until(lambda: w.addresses("eth0", ns="web") == ["10.1.0.2/24"], "the address is the old one")


@case
def a_fault_with_its_line(w):
    begin(w)
    w.write("pairs:\n  lan0: {mtuu: 1}\n")
    found = metactl(w, "reload", code=1)
    for text in (found, metactl(w, "status", code=1)):
        check(f"× {w.conf}/pairs.d/10-test.yaml:2:10: unknown key \"mtuu\"" in text, text)
        check("\n      lan0: {mtuu: 1}\n             ^\n" in text, text)
    # It was there before, and is nobody's fault who changes something else.
    metactl(w, "edit", "web0", "--stdin", stdin="pairs: {web0: {mtu: 1400}}\n", code=1)
    w.until(lambda: mtu(w) == 1400, "the MTU is that of the drop-in")


main()
