# SPDX-License-Identifier: GPL-2.0-only
"""Pairs are given back as they are, at work: nobody's, and not touched any more."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from hands import files, furnish, hand_case, is_ours, make_pair, plan, protocols, state_of  # noqa: E402
from world import KIND, Pinger, check, equal, main, run  # noqa: E402

MANAGED = """
pairs:
  web0:
    addresses: [10.1.0.1/24, "2001:db8::1/64"]
    routes: [{to: 10.9.0.0/16}, {to: "2001:db8:9::/48"}]
    programs: [count]
    peer:
      netns: web
      policy: drop
      addresses: [10.1.0.2/24]
      routes: [{to: default, via: 169.254.1.1, onlink: true}]
      programs: [count, pass]
"""


def links(w):
    """Those that are pinned and attached: by their numbers, what they run and where."""
    found = {}
    for folder in (f"{w.bpffs}/metad/links", f"{w.bpffs}/metad-released/web0"):
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            # It ends with an error behind a good answer.
            link = json.loads(run("bpftool", "-j", "link", "show", "pinned", f"{folder}/{name}",
                                  ok=False).stdout)
            device = link.get("ifindex") or link.get("devname")
            if device:
                found[link["id"]] = (link["prog_id"], device)
    return found


def released(w, name="web0"):
    return sorted(os.listdir(f"{w.bpffs}/metad-released/{name}"))


@hand_case
def pair_is_released_as_it_is(w):
    w.netns("web")
    w.write(MANAGED)
    w.start()
    w.ready("web0")
    before, attached = state_of(w), links(w)
    equal(len(attached), 3, f"links: {attached}")
    ping = Pinger(w, "10.1.0.2")
    said = w.ctl("release", "web0").stdout
    time.sleep(0.3)
    equal((state_of(w), links(w)), (before, attached), "devices, what belongs to them, and links")
    check("still declared at" in said and "10-test.yaml:3: a conflict" in said, said)
    equal((len(released(w)), w.pins()), (3, []), "pins")
    equal((w.state("web0"), is_ours(w)), ("conflict", False), "state")
    for name, ns in (("web0", None), ("eth0", "web")):
        for family in ("-4", "-6"):
            check("109" not in protocols(w, family, name, ns).values(), f"routes of {name}")
        check("0x6d" not in run(*(["ip", "-n", ns] if ns else ["ip"]), "addr", "show", "dev",
                                name).stdout, f"addresses of {name}")
    w.stop()
    w.start()
    w.settle()
    os.unlink(f"{w.conf}/pairs.d/10-test.yaml")
    w.until(lambda: w.state("web0") is None, "metad has forgotten it")
    w.ctl("reload")
    w.settle()
    w.stop()
    run(*w.arguments(), "--cleanup")
    equal((state_of(w), links(w)), (before, attached), "afterwards, too")
    equal(ping.lost(), 0, "packets lost")
    for name in released(w):
        os.unlink(f"{w.bpffs}/metad-released/web0/{name}")
    w.until(lambda: all(run("bpftool", "link", "show", "id", str(number), ok=False).returncode
                        for number in attached), "removing the pins detaches the programs")


@hand_case
def closed_pair_stays_closed(w):
    w.netns("web")
    w.write("pairs: {web0: {addresses: [10.1.0.1/24], policy: drop, peer: {netns: web,"
            " policy: drop, addresses: [10.1.0.2/24]}}}")
    w.start()
    w.ready("web0")
    check(w.drops("web0", "primary"), "it is closed")
    w.ctl("release", "web0")
    check(not w.pings("10.1.0.2", count=1), "still")
    if KIND == "veth":
        equal([name.split(":")[1] for name in released(w)], ["+drop", "+drop"], "its stand-ins")


@hand_case
def its_file_goes_where_it_is_its_own(w):
    make_pair(w)
    furnish(w)
    before = state_of(w)
    w.start()
    for more in ([], ["--runtime"]):
        w.ctl("adopt", "web0", *more)
        said = json.loads(w.ctl("--json=short", "release", "web0").stdout)
        check(said["removed"].endswith("/pairs.d/web0.yaml") and "declaredAt" not in said, f"{said}")
        equal((files(w), w.state("web0"), state_of(w)), ([], None, before), "afterwards")
    # Until the next boot, whoever wrote it; not with another pair in it, nor with a drop-in.
    late = f"{w.runtime}/pairs.d/mine.yaml"
    for text, goes in (("pairs: {web1: {peer: {netns: web, name: eth1}}}", True),
                       ("pairs: {web1: {peer: {netns: web, name: eth1}},"
                        " web2: {peer: {netns: web, name: eth2}}}", False)):
        with open(late, "w") as file:
            file.write(text)
        w.ready("web1")
        said = json.loads(w.ctl("--json=short", "release", "web1").stdout)
        equal((os.path.exists(late), "declaredAt" in said), (not goes, not goes), text)
        run("ip", "link", "del", "web1")
    os.unlink(late)
    w.until(lambda: w.state("web2") is None, "the other one is gone")
    w.ctl("adopt", "web0")
    os.mkdir(f"{w.conf}/pairs.d/web0.yaml.d")
    with open(f"{w.conf}/pairs.d/web0.yaml.d/more.yaml", "w") as file:
        file.write("pairs: {web0: {recreate: never}}")
    w.ctl("reload")
    said = json.loads(w.ctl("--json=short", "release", "web0").stdout)
    check(os.path.exists(f"{w.conf}/pairs.d/web0.yaml"), "the file stays")
    equal(said["declaredAt"], f"{w.conf}/pairs.d/web0.yaml:3", "where it is declared")
    done = w.ctl("release", "web0", ok=False)
    check(done.returncode == 1 and "not metad's" in done.stderr, done.stderr)
    done = w.ctl("release", "none0", ok=False)
    check(done.returncode == 1 and "no device none0" in done.stderr, done.stderr)


@hand_case
def released_pair_can_be_adopted_again(w):
    w.netns("web")
    w.write(MANAGED, "other.yaml")
    w.start()
    w.ready("web0")
    before, attached = state_of(w), links(w)
    w.ctl("release", "web0")
    os.unlink(f"{w.conf}/pairs.d/other.yaml")
    w.ctl("reload")
    w.ctl("adopt", "web0")
    w.ready("web0")
    equal((state_of(w), links(w)), (before, attached), "it is the same one")
    equal(sorted(s["foreign"] for s in w.end("web0", "peer")["chain"]), [True, True], "the chain")


@hand_case
def mark_that_somebody_took_off_unpins_nothing(w):
    """The links of ours on a device that is not ours any more are at work."""
    w.netns("web")
    w.write(MANAGED)
    w.start()
    w.ready("web0")
    attached = links(w)
    w.ip("link", "set", "web0", "group", "0")
    w.until(lambda: w.state("web0") == "conflict", "state")
    w.settle()
    equal((plan(w)[0]["steps"], links(w)), ([], attached), "nothing is to be done")
    w.ctl("release", "web0")
    equal((len(released(w)), w.pins(), links(w)), (3, [], attached), "its pins are moved")


main()
