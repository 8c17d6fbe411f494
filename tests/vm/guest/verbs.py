# SPDX-License-Identifier: GPL-2.0-only
"""What people and runtimes ask of metad while it is a service: through the unit's sandbox, on a machine
with all that systemd brings."""

import contextlib
import json
import os

from machine import (DROPINS, NAMES, case, check, equal, link, metactl, pings, remove, run, say, systemctl,
                     until, until_ready, write)

RUNTIME = "/run/metad/pairs.d"
TRIAL = """
pairs:
  try0: {addresses: [192.0.2.9/32], routes: [{to: 10.9.0.2/32}],
         peer: {netns: verb, addresses: [10.9.0.2/24], routes: [{to: 192.0.2.9/32}]}}
"""


@contextlib.contextmanager
def namespace():
    run("ip", "netns", "add", "verb")
    try:
        yield
    finally:
        run("ip", "netns", "del", "verb")


def is_gone(name):
    return lambda: not link(name)


@case
def pairs_are_made_for_runtimes():
    """Ready when that is answered; the same one after a restart."""
    with namespace():
        metactl("create", "made0", "--netns", "verb", "--set", "addresses=[192.0.2.9/32]", "--set",
                "routes=[{to: 10.9.0.2/32}]", "--set", "peer.addresses=[10.9.0.2/24]", "--set",
                "peer.routes=[{to: 192.0.2.9/32}]", "--set", "peer.programs=[count]")
        check(pings("10.9.0.2"), "traffic")
        equal(os.listdir(RUNTIME), ["runtime-made0.yaml"], "files")
        number = link("made0")["ifindex"]
        systemctl("restart", "metad.service")
        until_ready("made0", *NAMES)
        equal(link("made0")["ifindex"], number, "the device after a restart")
        metactl("delete", "made0")
        until(is_gone("made0"), "it is gone")
        equal(os.listdir(RUNTIME), [], "files")


@case
def files_are_tried():
    """Written when they are confirmed, and before that as good as never there, whoever ends metad."""
    source, place = "/root/try.yaml", f"{DROPINS}/try.yaml"
    write(source, TRIAL)
    try:
        with namespace():
            for end in (lambda: metactl("revert"), lambda: systemctl("restart", "metad.service")):
                metactl("apply", "--confirm", "10min", source)
                check(pings("10.9.0.2"), "traffic on trial")
                check(not os.path.exists(place), "there is no file on trial")
                end()
                until(is_gone("try0"), "it is gone")
                until_ready()
            metactl("apply", "--confirm", "10min", source)
            metactl("confirm")
            equal(open(place).read(), TRIAL, "the file")
            check(pings("10.9.0.2"), "traffic")
            refuse("pairs: {try0: {mtu: 3}}\n", source)
            equal(open(place).read(), TRIAL, "the file afterwards")
            metactl("apply", "--remove", "try.yaml")
            until(is_gone("try0"), "it is gone")
            check(not os.path.exists(place), "so is its file")
    finally:
        remove(source)
        remove(place)


def refuse(text, source):
    write(source, text)
    done = metactl("apply", source, ok=False)
    check(done.returncode == 1 and "try.yaml:1:" in done.stdout, f"it is refused: {done}")


@case
def doctor_finds_nothing_that_fails():
    """On a machine that is well, with all that stands beside metad in its place."""
    done = metactl("--json=short", "doctor", ok=False)
    findings = json.loads(done.stdout)
    notes = [f"{f['about']}: {f['what']}" for f in findings if f["verdict"] != "ok"]
    equal(done.returncode, 0, f"exit code, with {notes}")
    say(f"doctor: of {len(findings)} findings {len(notes)} are not \"ok\": {'; '.join(notes)}")


def sample(text, name):
    """The number behind a name with its labels."""
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


@case
def numbers_are_of_what_passes():
    names = ('metad_pair_receive_packets_total{pair="web0",end="peer"}',
             'metad_program_runs_total{program="count"}')
    before = metactl("metrics").stdout
    check(pings("10.1.0.2", count=5), "traffic")
    after = metactl("metrics").stdout
    check(after.endswith("# EOF\n"), f"its end: {after[-200:]}")
    for name in names:
        check(sample(after, name) - sample(before, name) >= 5, name)
    equal(metactl("verify").stdout, "everything is as declared\n", "verify")
