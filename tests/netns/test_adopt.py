# SPDX-License-Identifier: GPL-2.0-only
"""Pairs that somebody made by hand become metad's and are given back, without losing a packet."""

import json
import os
import random
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
LIB = os.path.join(os.path.dirname(__file__), "../lib")
sys.path.insert(0, LIB)
from varlink import Interface  # noqa: E402
from world import (BPF_DIR, KIND, METACTL, METAD as DAEMON, Pinger, World, attach_foreign,  # noqa: E402
                   call, case, check, equal, main, run)

with open(os.path.join(os.path.dirname(__file__), "../../daemon/front/io.metad.varlink")) as text:
    METAD = Interface(text.read())
GROUP = 0x6d657461


class Hands(World):
    """With files that last until the next boot."""

    def arguments(self):
        os.makedirs(f"{self.runtime}/pairs.d", exist_ok=True)
        return [DAEMON, "--config-dir", self.conf, "--config-dir", self.runtime,
                "--runtime-dir", self.runtime, "--state-dir", self.state_dir, "--bpffs", self.bpffs]


def hand_case(fn):
    def with_hands(w):
        w.__class__ = Hands
        fn(w)
    with_hands.__name__ = fn.__name__
    return case(with_hands)


def l2(*more):
    """The words by which ip makes a pair of the kind at hand, in mode l2."""
    return ["type", KIND] + ([] if KIND == "veth" else ["mode", "l2"]) + list(more)


def make_pair(w, name="web0", ns="web", peer="eth0"):
    """As an administrator does it."""
    w.netns(ns)
    run("ip", "link", "add", name, *l2("peer", "name", peer, "netns", ns))
    for device, where in ((name, None), (peer, ns)):
        w.ip("link", "set", device, "mtu", "1400", "up", ns=where)
    w.ip("link", "set", "lo", "up", ns=ns)


def furnish(w):
    """All that a declaration can say, and what none can."""
    w.ip("addr", "add", "10.1.0.1/24", "dev", "web0")
    w.ip("addr", "add", "2001:db8::1/64", "dev", "web0", "nodad")
    w.ip("addr", "add", "10.1.0.2/24", "dev", "eth0", ns="web")
    w.ip("addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad", ns="web")
    w.ip("addr", "add", "10.1.0.77/24", "dev", "eth0", "valid_lft", "5000", "preferred_lft", "5000",
         ns="web")
    w.ip("route", "add", "10.9.0.0/16", "dev", "web0")
    w.ip("route", "add", "10.8.0.0/16", "via", "10.1.0.2", "metric", "7", "table", "77")
    w.ip("-6", "route", "add", "2001:db8:9::/48", "via", "2001:db8::2")
    w.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink", ns="web")
    w.ip("route", "add", "10.7.0.0/16", "dev", "eth0", "proto", "bird", ns="web")
    w.ip("-6", "route", "add", "default", "via", "2001:db8::1", ns="web")
    w.ip("neigh", "add", "10.1.0.9", "lladdr", "02:00:00:00:00:09", "dev", "web0", "nud",
         "permanent")


def belongings(w, name, ns=None):
    """Addresses, routes and neighbours, without whose they are."""
    found = sorted(w.addresses(name, ns))
    for family in ("-4", "-6"):
        prefix = ["ip", "-n", ns] if ns else ["ip"]
        for line in run(*prefix, family, "route", "show", "dev", name, "table", "all").stdout.splitlines():
            words = line.split()
            # The kernel's own, some of which come when an address has proved to be unique.
            if "local" in words:
                continue
            while "proto" in words:
                at = words.index("proto")
                del words[at:at + 2]
            found.append(" ".join(words))
    for line in run(*(["ip", "-n", ns] if ns else ["ip"]), "neigh", "show", "dev", name, "nud",
                    "permanent").stdout.splitlines():
        found.append(line.split(" proto")[0].strip())
    return sorted(found)


def state_of(w):
    """What must be the same device, with the same belongings."""
    return {(name, ns): (w.link(name, ns)["ifindex"], w.link(name, ns)["address"],
                         w.link(name, ns)["mtu"], belongings(w, name, ns))
            for name, ns in (("web0", None), ("eth0", "web"))}


def protocols(w, family, name, ns=None):
    """Of routes by their destination."""
    routes = w.ip(family, "route", "show", "dev", name, "table", "all", ns=ns)
    return {r["dst"]: r.get("protocol") for r in routes if r.get("type", "unicast") == "unicast"}


def is_ours(w, name="web0"):
    return w.link(name).get("group") in (GROUP, hex(GROUP), str(GROUP))


def plan(w):
    return json.loads(w.ctl("--json=short", "plan", ok=False).stdout)


def expect_refusal(w, *args, words):
    done = w.ctl("adopt", *args, ok=False)
    equal(done.returncode, 1, f"adopt {' '.join(args)}: {done.stdout}{done.stderr}")
    check(words in done.stderr, f"adopt {' '.join(args)}: {done.stderr}")


def files(w):
    """Without those that a crash kept from getting their name."""
    return sorted(n for d in (w.conf, w.runtime) for n in os.listdir(f"{d}/pairs.d")
                  if not n.startswith("."))


@hand_case
def pair_is_adopted_as_it_is(w):
    make_pair(w)
    furnish(w)
    w.start()
    check(w.pings("10.1.0.2"), "it works")
    before = state_of(w)
    dry = w.ctl("adopt", "web0", "--dry-run").stdout
    equal((state_of(w), files(w), is_ours(w)), (before, [], False), "a dry run changes nothing")
    ping = Pinger(w, "10.1.0.2")
    said = w.ctl("adopt", "web0").stdout
    equal(plan(w), [], "the plan right afterwards")
    equal(w.state("web0"), "ready", "state")
    time.sleep(0.3)
    equal(ping.lost(), 0, "packets lost")
    equal(state_of(w), before, "devices and what belongs to them")
    check(is_ours(w), "the mark")
    path = f"{w.conf}/pairs.d/web0.yaml"
    text = open(path).read()
    check(text in dry and path in dry, f"the dry run: {dry}")
    equal(os.stat(path).st_mode & 0o777, 0o644, "who may read the file")
    for words in ("lifetime", "10.1.0.77/24", "10.7.0.0/16", "protocol 12"):
        check(words in said, f"told of what stays somebody else's: {said}")
    for words in ("kind: " + KIND, "mode: l2", "mtu: 1400", "- to: default", "table: 77", "metric: 7",
                  "mac: 02:00:00:00:00:09", "netns: web"):
        check(words in text, f"{words}: {text}")
    for words in ("10.1.0.77", "10.7.0.0", "txqueuelen", "policy", "fe80::"):
        check(words not in text, f"{words} is not declared: {text}")
    equal(w.ctl("check", path).returncode, 0, "check")
    check("adopted: declared in" in w.text(), "the journal")


@hand_case
def adopted_pair_is_kept(w):
    """What is metad's is repaired, what is not stays, and a restart changes nothing."""
    make_pair(w)
    furnish(w)
    w.start()
    before = state_of(w)
    w.ctl("adopt", "web0")
    equal(protocols(w, "-4", "web0")["10.9.0.0/16"], "109", "a route's protocol")
    equal(protocols(w, "-6", "web0")["2001:db8:9::/48"], "109", "an IPv6 route's protocol")
    equal(protocols(w, "-4", "eth0", "web")["10.7.0.0/16"], "bird", "somebody else's route")
    w.stop(signal.SIGKILL)
    w.start()
    w.ready("web0")
    equal((state_of(w), plan(w)), (before, []), "across a restart")
    for args, ns in ((("route", "del", "10.9.0.0/16"), None), (("addr", "del", "10.1.0.2/24", "dev", "eth0"), "web"),
                     (("neigh", "del", "10.1.0.9", "dev", "web0"), None)):
        w.ip(*args, ns=ns)
        w.until(lambda: state_of(w) == before or w.pair("web0")["summary"]["repairs"] and
                "10.1.0.2/24" in w.addresses("eth0", "web"), f"{args} is put back")
    w.ready("web0")
    w.write("pairs: {}", "other.yaml")
    text = open(f"{w.conf}/pairs.d/web0.yaml").read()
    w.write(text.replace("10.9.0.0/16", "10.99.0.0/16"), "web0.yaml")
    w.until(lambda: "10.99.0.0/16" in protocols(w, "-4", "web0"), "a change follows")
    check("10.9.0.0/16" not in protocols(w, "-4", "web0"), "and what is not declared goes")


@hand_case
def routes_of_other_devices_stay(w):
    """To the same prefix, with the same metric: a request to replace one may mean the other."""
    make_pair(w)
    run("ip", "link", "add", "side0", "type", KIND)
    w.ip("link", "set", "side0", "up")
    for device in ("side0", "web0"):
        w.ip("route", "append", "10.66.0.0/16", "dev", device)
        w.ip("-6", "route", "append", "2001:db8:66::/48", "dev", device)
        w.ip("-6", "route", "append", f"2001:db8:6{device[0]}::/48".replace("s", "a").replace("w", "b"),
             "dev", device)
    before = {family: run("ip", family, "route", "show", "dev", "side0").stdout for family in ("-4", "-6")}
    w.start()
    said = w.ctl("adopt", "web0").stdout
    check("2001:db8:66::/48 stays as it is: there is another one" in said, said)
    for family, text in before.items():
        equal(run("ip", family, "route", "show", "dev", "side0").stdout, text, "somebody else's routes")
    equal(protocols(w, "-4", "web0")["10.66.0.0/16"], "109", "its own")
    equal(protocols(w, "-6", "web0")["2001:db8:6b::/48"], "109", "its own")
    check(protocols(w, "-6", "web0")["2001:db8:66::/48"] != "109", "the one that is left alone")


@hand_case
def foreign_programs_stay(w):
    make_pair(w)
    furnish(w)
    run("bpftool", "prog", "load", f"{BPF_DIR}/pass.o", f"{w.bpffs}/theirs")
    attach_foreign(w, "theirs")
    w.start()
    said = w.ctl("adopt", "web0", "--runtime").stdout
    check("primary: program pass" in said and "somebody else's" in said, said)
    equal([s["foreign"] for s in w.end("web0", "primary")["chain"]], [True], "the chain")
    equal(files(w), ["web0.yaml"], "files")
    check(os.path.exists(f"{w.runtime}/pairs.d/web0.yaml"), "in the runtime directory")


@hand_case
def defaults_of_the_settings_do_not_reach_it(w):
    make_pair(w)
    furnish(w)
    w.settings("defaults: {mtu: 9000, mode: l3, programs: [count], addresses: [192.0.2.9/32],"
               " txqueuelen: 5, peer: {name: eth9, policy: drop}}\n")
    w.start()
    before = state_of(w)
    w.ctl("adopt", "web0")
    equal((w.state("web0"), plan(w), state_of(w)), ("ready", [], before), "as it is")


@hand_case
def modes_and_names(w):
    """An l3 pair by a path, the peer's end of another name, down, with a policy where there is one."""
    w.netns("web")
    run("touch", f"{w.dir}/ns")
    run("mount", "--bind", "/run/netns/web", f"{w.dir}/ns")
    policy = [] if KIND == "veth" else ["mode", "l3", "drop", "peer", "drop"]
    run("ip", "link", "add", "web.0", "type", KIND, *policy, *([] if policy else ["peer"]), "name", "up-link", "netns",
        "web")
    if KIND == "veth":
        for name, ns in (("web.0", None), ("up-link", "web")):
            w.ip("link", "set", name, "arp", "off", "address", "02:00:00:00:00:55", ns=ns)
    w.start()
    said = w.ctl("adopt", "web.0", "--netns", f"{w.dir}/ns").stdout
    check("metad will set up" in said or "metad will" in said, said)
    w.ready("web.0")
    text = open(f"{w.conf}/pairs.d/web.0.yaml").read()
    check(f"path: {w.dir}/ns" in text and "name: up-link" in text and "mode" not in text, text)
    equal("policy: drop" in text, KIND != "veth", text)
    equal(plan(w), [], "the plan")
    run("umount", f"{w.dir}/ns")


@hand_case
def what_cannot_be_adopted_is_told_why(w):
    make_pair(w)
    w.start()
    expect_refusal(w, "none0", words="there is no device none0")
    expect_refusal(w, "lo", words="not of kind")
    w.netns("other")
    expect_refusal(w, "web0", "--netns", "other", words="is not in namespace other")
    expect_refusal(w, "web0", "--netns", "nowhere", words="does not exist")
    expect_refusal(w, "web0", "--pid", "999999", words="process 999999 is gone")
    w.ip("link", "set", "eth0", "mtu", "1300", ns="web")
    expect_refusal(w, "web0", words="differ in mtu, 1400 and 1300")
    w.ip("link", "set", "eth0", "mtu", "1400", ns="web")
    w.ip("link", "set", "eth0", "arp", "off", ns="web")
    if KIND == "veth":
        expect_refusal(w, "web0", words="without ARP")
    w.ip("link", "set", "eth0", "arp", "on", ns="web")
    w.write("pairs: {other: {addresses: [10.5.0.1/24], peer: {netns: web}}}", "05-other.yaml")
    w.ctl("reload")
    expect_refusal(w, "web0", words="eth0")
    equal([n for n in files(w) if n == "web0.yaml"], [], "no file is left behind")
    equal(is_ours(w), False, "the mark")
    os.unlink(f"{w.conf}/pairs.d/05-other.yaml")
    w.ctl("reload")
    w.settle()
    w.write("pairs: {}", "web0.yaml")
    w.ctl("reload")
    expect_refusal(w, "web0", words="which does not declare it")
    os.unlink(f"{w.conf}/pairs.d/web0.yaml")
    w.ctl("reload")
    w.ctl("adopt", "web0")
    expect_refusal(w, "web0", words="metad's already")
    # Found by no name, the namespace has to be said.
    child = w.spawn("unshare", "--net", "sleep", "1000")
    w.until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "it is there")
    run("ip", "link", "add", "proc0", *l2("peer", "name", "eth0", "netns", str(child.pid)))
    expect_refusal(w, "proc0", words="say which one it is in")
    w.ctl("adopt", "proc0", "--pid", str(child.pid))
    w.ready("proc0")


@hand_case
def ports_are_not_adopted(w):
    make_pair(w)
    w.start()
    if run("ip", "link", "add", "br0", "type", "bridge", ok=False).returncode:
        print("# ports_are_not_adopted: this kernel has no bridges")
        return
    w.ip("link", "set", "web0", "master", "br0")
    expect_refusal(w, "web0", words="is a port of br0")
    run("ip", "link", "del", "br0")


@hand_case
def read_only_directory_is_told(w):
    make_pair(w)
    w.start()
    run("mount", "--bind", f"{w.conf}", f"{w.conf}")
    run("mount", "-o", "remount,bind,ro", f"{w.conf}")
    try:
        expect_refusal(w, "web0", words="(--runtime)")
        equal(is_ours(w), False, "the mark")
        w.ctl("adopt", "web0", "--runtime")
        w.ready("web0")
    finally:
        run("umount", f"{w.conf}")


@hand_case
def declared_pair_is_adopted_too(w):
    """Somebody wrote the declaration first, or metad was stopped between its file and its mark."""
    make_pair(w)
    w.ip("addr", "add", "10.1.0.2/24", "dev", "eth0", ns="web")
    w.write(f"pairs: {{web0: {{kind: {KIND}, mode: l2, mtu: 1400, addresses: [10.1.0.1/24],"
            " peer: {netns: web, addresses: [10.1.0.2/24]}}}")
    w.start()
    w.settle()
    equal(w.state("web0"), "conflict", "state")
    before = w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]
    w.ctl("adopt", "web0")
    equal((w.state("web0"), plan(w)), ("ready", []), "afterwards")
    equal((w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]), before, "devices")
    check(w.pings("10.1.0.2"), "what was missing is there")
    # One that would be made anew is not worth it.
    run("ip", "link", "add", "db0", *l2("peer", "name", "eth1", "netns", "web"))
    w.write(f"pairs: {{db0: {{kind: {KIND}, mode: l3, peer: {{netns: web, name: eth1}}}}}}", "db.yaml")
    w.until(lambda: w.state("db0") == "conflict", "the other one is in conflict")
    expect_refusal(w, "db0", words="made anew: mode l2 becomes l3")
    check(os.path.exists(f"{w.conf}/pairs.d/db.yaml") and not is_ours(w, "db0"), "nothing has changed")


@hand_case
def crash_leaves_it_somebodys_or_metads(w):
    make_pair(w)
    furnish(w)
    before = state_of(w)
    seen = set()
    dice = random.Random(1)
    ping = Pinger(w, "10.1.0.2")
    for turn in range(16):
        w.start()
        client = w.spawn(METACTL, "--socket", w.socket, "adopt", "web0", stdout=w.log, stderr=w.log)
        time.sleep(dice.uniform(0, 0.03))
        w.stop(signal.SIGKILL)
        client.wait()
        equal(state_of(w), before, f"after crash {turn}")
        declared = "web0.yaml" in files(w)
        check(declared or not is_ours(w), "what is metad's is declared")
        seen.add((declared, is_ours(w)))
        w.start()
        w.settle()
        equal(w.state("web0"), "ready" if is_ours(w) else "conflict" if declared else None, "state")
        if not is_ours(w):
            w.ctl("adopt", "web0")
        equal((w.state("web0"), plan(w), state_of(w)), ("ready", [], before), "adopted after all")
        w.ctl("release", "web0")
        equal((files(w), is_ours(w), state_of(w)), ([], False, before), "and given back")
        w.stop()
    equal(ping.lost(), 0, "packets lost")
    print(f"# crash_leaves_it_somebodys_or_metads: (declared, metad's) was {sorted(seen)}")


@hand_case
def socket_takes_what_the_interface_says(w):
    make_pair(w)
    furnish(w)
    os.chmod(w.dir, 0o755)
    w.start()

    def ask(method, _as_nobody=False, **parameters):
        message = {"method": f"io.metad.{method}", "parameters": parameters}
        if not _as_nobody:
            return call(w.socket, message)
        out, into = os.pipe()
        if os.fork() == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                os.write(into, json.dumps(call(w.socket, message)).encode())
            finally:
                os._exit(0)
        os.wait()
        os.close(into)
        with os.fdopen(out) as answer:
            return json.loads(answer.read())

    def refused(error, method, **parameters):
        reply = ask(method, **parameters)
        check(reply.get("error", "").endswith(f".{error}"), f"{method} {parameters}: {reply}")
        if reply["error"].startswith("io.metad."):
            METAD.check_reply(f"io.metad.{method}", reply)
        return reply["parameters"]

    for netns in ({}, {"name": "web", "pid": 1}, {"path": "web"}, {"name": "a/b"}, {"pid": -1},
                  {"name": ""}):
        equal(refused("InvalidParameter", "Adopt", device="web0", netns=netns), {"parameter": "netns"},
              f"{netns}")
    for method, key in (("Adopt", "device"), ("Release", "pair")):
        for name in ("", "a/b", "0123456789abcdef"):
            equal(refused("InvalidParameter", method, **{key: name}), {"parameter": key}, name)
        refused("PermissionDenied", method, _as_nobody=True, **{key: "web0"})
    refused("NoSuchDevice", "Adopt", device="none0")
    refused("NoSuchDevice", "Release", pair="none0")
    refused("NotAPair", "Adopt", device="lo")
    refused("NotManaged", "Release", pair="web0")
    refused("NamespaceUnreachable", "Adopt", device="web0", netns={"name": "nowhere"})
    dry = ask("Adopt", device="web0", dryRun=True)
    reply = ask("Adopt", device="web0", netns={"name": "web"}, runtime=None)
    equal(reply["parameters"], dry["parameters"], "what was announced")
    METAD.check_reply("io.metad.Adopt", reply)
    refused("AlreadyManaged", "Adopt", device="web0")
    METAD.check_reply("io.metad.Release", ask("Release", pair="web0"))
    # Who goes away before the answer has asked for it all the same.
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(w.socket)
        client.sendall(json.dumps({"method": "io.metad.Adopt",
                                   "parameters": {"device": "web0"}}).encode() + b"\0")
    w.ready("web0")


# ---- release ----

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
    check("still declared at" in said and "10-test.yaml:3:3" in said, said)
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
    check(os.path.exists(f"{w.conf}/pairs.d/web0.yaml") and "declaredAt" in said, f"{said}")
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
