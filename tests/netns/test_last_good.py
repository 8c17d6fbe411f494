# SPDX-License-Identifier: GPL-2.0-only
"""Broken files: their last good content stays in force, over restarts and reboots, until they heal."""

import os
import resource
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import case, check, equal, main, run  # noqa: E402

ONE = "pairs: {one0: {addresses: [192.0.2.1/32], peer: {netns: one, addresses: [10.1.0.2/24]}}}\n"
TWO = "pairs: {two0: {peer: {netns: two, addresses: [10.2.0.2/24]}}}\n"
BROKEN = "pairs:\n  one0:\n    mtuu: 1400\n    peer: {netns: one}\n"


def begin(w):
    w.netns("one", "two")
    w.write(ONE, "10-one.yaml")
    w.write(TWO, "20-two.yaml")
    w.settings("statistics: false\n")
    w.start()
    w.ready("one0", "two0")


def diagnostics(w):
    return w.ctl("status", ok=False).stdout


def ifindex(w, name):
    return w.link(name)["ifindex"]


def reboot(w):
    """What the kernel had is gone: devices with their programs, and what is in /run."""
    for name in ("one0", "two0"):
        w.ip("link", "del", name)
    for name in os.listdir(f"{w.bpffs}/metad/links"):
        os.unlink(f"{w.bpffs}/metad/links/{name}")
    for name in os.listdir(w.runtime):
        os.unlink(f"{w.runtime}/{name}")


@case
def restart_with_a_broken_file(w):
    begin(w)
    before = ifindex(w, "one0"), ifindex(w, "two0")
    w.stop()
    w.write(BROKEN, "10-one.yaml")
    w.start()
    w.ready("one0", "two0")
    equal((ifindex(w, "one0"), ifindex(w, "two0")), before, "the devices are the same")
    equal(w.addresses("one0"), ["192.0.2.1/32"], "addresses")
    check("10-one.yaml:3:5: unknown key \"mtuu\"" in diagnostics(w), diagnostics(w))
    # Good again, and something else.
    w.write(ONE.replace("192.0.2.1", "192.0.2.7"), "10-one.yaml")
    w.until(lambda: w.addresses("one0") == ["192.0.2.7/32"], "the new content is in force")
    check("10-one.yaml" not in diagnostics(w), diagnostics(w))
    equal(ifindex(w, "one0"), before[0], "the device is the same")


@case
def reboot_with_every_file_broken(w):
    begin(w)
    w.stop()
    reboot(w)
    w.write(BROKEN, "10-one.yaml")
    w.write("pairs: [", "20-two.yaml")
    w.settings("statistics: perhaps\n")
    w.start()
    w.ready("one0", "two0")
    equal(w.addresses("one0"), ["192.0.2.1/32"], "addresses of one0")
    equal(w.addresses("eth0", ns="two"), ["10.2.0.2/24"], "addresses in two")
    for words in ("10-one.yaml:3:5:", "20-two.yaml:2:1:", "metad.yaml:1:13:"):
        check(words in diagnostics(w), diagnostics(w))
    # And once more: what was kept is not lost by having been used.
    w.stop()
    reboot(w)
    w.start()
    w.ready("one0", "two0")


@case
def a_file_that_went_is_not_brought_back(w):
    begin(w)
    w.stop()
    os.unlink(f"{w.conf}/pairs.d/10-one.yaml")
    w.start()
    w.until(lambda: w.link("one0") is None, "one0 is gone")
    w.ready("two0")
    # Nor when something else of that name is broken from its beginning.
    w.stop()
    w.write(BROKEN, "10-one.yaml")
    w.start()
    check("10-one.yaml:3:5" in diagnostics(w), diagnostics(w))
    equal(w.state("one0"), None, "one0")


@case
def drop_ins_of_a_file(w):
    begin(w)
    below = f"{w.conf}/pairs.d/10-one.yaml.d"
    os.mkdir(below)
    w.write("pairs: {one0: {mtu: 1400}}\n", "10-one.yaml.d/50-mtu.yaml")
    w.until(lambda: w.link("one0")["mtu"] == 1400, "the drop-in is in force")
    w.write("pairs: {one0: {mtu: fourteen}}\n", "10-one.yaml.d/50-mtu.yaml")
    w.until(lambda: "10-one.yaml.d/50-mtu.yaml:1:21" in diagnostics(w), "it is reported")
    w.stop()
    reboot(w)
    w.start()
    w.ready("one0")
    equal(w.link("one0")["mtu"], 1400, "mtu as it was last good")
    os.unlink(f"{below}/50-mtu.yaml")
    w.until(lambda: w.link("one0")["mtu"] == 1500, "without the drop-in")


@case
def defaults_that_break_a_file(w):
    """What is in force of a file goes with the settings that it was good with."""
    w.netns("one")
    w.settings("defaults: {mode: l2}\n")
    w.write("pairs: {one0: {peer: {netns: one, mac: 02:00:00:00:00:01}}}\n", "10-one.yaml")
    w.start()
    w.ready("one0")
    w.settings("audit: 60s\n")
    w.until(lambda: "10-one.yaml:1:" in diagnostics(w), "without the default the file is wrong")
    w.ready("one0")
    w.stop()
    w.ip("link", "del", "one0")
    w.start()
    w.ready("one0")
    equal(w.link("eth0", ns="one")["address"], "02:00:00:00:00:01", "as it was last good")
    # Mended, the new settings are what is kept.
    w.write("pairs: {one0: {peer: {netns: one}}}\n", "10-one.yaml")
    w.until(lambda: "10-one.yaml" not in diagnostics(w), "it is good again")
    kept = open(f"{w.state_dir}/last-good/metad.yaml").read()
    check("audit: 60s" in kept, kept)


@case
def directory_cannot_be_read(w):
    begin(w)
    pairs_d = f"{w.conf}/pairs.d"
    os.rename(pairs_d, f"{w.conf}/aside")
    os.symlink("pairs.d", pairs_d)
    w.until(lambda: "pairs.d: cannot be read" in diagnostics(w), "it is reported")
    w.ready("one0", "two0")
    w.stop()
    w.start()
    w.ready("one0", "two0")
    os.unlink(pairs_d)
    os.rename(f"{w.conf}/aside", pairs_d)
    w.until(lambda: "pairs.d" not in diagnostics(w), "it has healed")
    w.ready("one0", "two0")


@case
def nowhere_to_keep_it(w):
    w.netns("one")
    with open(w.state_dir, "w"):
        pass
    w.write(ONE, "10-one.yaml")
    w.start()
    w.ready("one0")
    check("the last good content is not kept: Not a directory" in diagnostics(w), diagnostics(w))
    os.unlink(w.state_dir)
    w.ctl("reload")
    check(os.path.exists(f"{w.state_dir}/last-good/pairs.d/10-one.yaml"), "it is kept now")


@case
def what_could_not_be_read_is_read_again(w):
    """Without a descriptor nothing can be, and nothing tells when there is one again."""
    w.settings("audit: 300ms")
    w.netns("web")
    w.write("pairs: {web0: {peer: {netns: web}}}")
    w.start()
    w.ready("web0")
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    run("prlimit", f"--pid={w.metad.pid}", "--nofile=3:")
    w.write("pairs: {web0: {mtu: 1400, peer: {netns: web}}}")
    w.until(lambda: "cannot be read, all files keep" in w.text(), "it is said")
    run("prlimit", f"--pid={w.metad.pid}", f"--nofile={soft}:")
    w.until(lambda: w.link("web0")["mtu"] == 1400, "what the file says")
    w.ready("web0")
    equal(w.ctl("status").returncode, 0, "status")


main()
