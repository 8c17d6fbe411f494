# SPDX-License-Identifier: GPL-2.0-only
"""What is counted is what the kernel counts, a verification finds what somebody has undone, and what is
said to work does."""

import json
import os
import pty
import re
import shutil
import signal
import socket
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from varlink import Connection, call  # noqa: E402
from world import KIND, METACTL, PATIENCE, case, check, equal, main, run  # noqa: E402

PAIR = """
pairs:
  web0:
    addresses: [192.0.2.1/32]
    routes: [{to: 10.1.0.2/32}]
    programs: [count]
    peer:
      netns: web
      addresses: [10.1.0.2/24]
      routes: [{to: default, via: 169.254.1.1, onlink: true}]
      neighbours: [{ip: 169.254.1.9, mac: "02:00:00:00:00:07"}]
      sysctls: {net.ipv4.conf.eth0.rp_filter: 0}
      programs: [count, acl]
"""


def begin(w, pair=PAIR, settings="audit: never\n"):
    w.netns("web")
    w.settings(settings)
    w.write(pair)
    w.start()
    w.settle()


def ask(w, method, parameters=None):
    with Connection(w.socket, patience=PATIENCE) as client:
        return [r["parameters"] for r in client.call_more(f"io.metad.{method}", parameters)]


def statistics(w, pair):
    found = ask(w, "Statistics", {"pair": pair})
    equal(len(found), 1, "replies")
    return found[0]["statistics"]


def counters(w, name, ns=None):
    """What iproute2 says of a device, as metad would say it."""
    link = run("ip", *(["-n", ns] if ns else []), "-s", "-j", "link", "show", "dev", name)
    said = json.loads(link.stdout)[0]["stats64"]
    return [{key: said[direction][key] for key in ("packets", "bytes", "dropped", "errors")}
            for direction in ("rx", "tx")]


def told(end):
    return [end["received"], end["transmitted"]]


# ---- counters ----


@case
def traffic_is_what_the_devices_count(w):
    begin(w)
    w.ready("web0")
    check(w.pings("10.1.0.2"), "traffic")
    # What is older than 100 ms is read anew.
    time.sleep(0.15)
    before = statistics(w, "web0")
    check(w.pings("10.1.0.2", count=40), "traffic")
    time.sleep(0.15)
    after = statistics(w, "web0")
    for (was, end), ns, name in zip(zip(before["ends"], after["ends"]), (None, "web"),
                                    ("web0", "eth0")):
        equal(told(end), counters(w, name, ns), end["side"])
        for direction in ("received", "transmitted"):
            equal(end[direction]["packets"] - was[direction]["packets"], 40,
                  f"{end['side']} {direction}")
            check(end[direction]["bytes"] - was[direction]["bytes"] >= 40 * 84,
                  f"bytes {end['side']} {direction}")
    check(after["takenMs"] - before["takenMs"] >= 150, "the moment")
    equal((after["pair"], after["state"], after["repairs"], after["failures"]),
          ("web0", "ready", 0, 0), "the pair")
    # Both chains run the one program.
    runs = [e["chain"][0]["runs"] for e in after["ends"]]
    equal(runs, [2 * 43] * 2, "runs")
    equal(w.settle_once(), True, "whoever counts changes nothing")


@case
def drops_are_counted(w):
    begin(w, PAIR.replace("programs: [count, acl]", "policy: drop") if KIND != "veth" else PAIR)
    w.ready("web0")
    if KIND == "veth":
        # Nobody takes what is of no known protocol.
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as stranger:
            stranger.bind(("web0", 0))
            for _ in range(5):
                stranger.send(bytes.fromhex(w.link("eth0", "web")["address"].replace(":", ""))
                              + bytes(6) + b"\x88\xb5" + bytes(50))
    else:
        check(not w.pings("10.1.0.2", count=5), "no answer comes through")
    time.sleep(0.15)
    primary, peer = statistics(w, "web0")["ends"]
    equal(told(primary), counters(w, "web0"), "primary")
    equal(told(peer), counters(w, "eth0", "web"), "peer")
    equal(peer["received"]["packets"], 5, "what went in")
    equal(sum(way["dropped"] for end in (primary, peer) for way in told(end)), 5, "drops")


@case
def wherever_the_peer_is(w):
    """In metad's own namespace, in one that many share, and nowhere."""
    w.netns("web")
    begin_pairs = "".join(f"  s{i}: {{peer: {{netns: web, name: p{i}}}}}\n" for i in range(20))
    w.settings("audit: never\n")
    w.write(f"""
pairs:
  own0: {{peer: {{netns: {{path: /proc/{os.getpid()}/ns/net}}, name: own1, addresses: [10.3.0.1/32]}}}}
  late0: {{peer: {{netns: late}}}}
{begin_pairs}""")
    w.start()
    w.ready("own0", *(f"s{i}" for i in range(20)))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as stranger:
        stranger.bind(("own0", 0))
        stranger.send(bytes(64))
    time.sleep(0.15)
    found = {s["statistics"]["pair"]: s["statistics"] for s in ask(w, "Statistics")}
    equal(list(found), sorted(found), "order")
    equal(len(found), 22, "pairs")
    for i in range(20):
        ends = found[f"s{i}"]["ends"]
        equal(told(ends[0]), counters(w, f"s{i}"), f"s{i}")
        equal(told(ends[1]), counters(w, f"p{i}", "web"), f"p{i}")
    equal(told(found["own0"]["ends"][1]), counters(w, "own1"), "the peer beside it")
    equal(found["own0"]["ends"][0]["transmitted"]["packets"], 1, "what was sent there")
    for end in found["late0"]["ends"]:
        check("received" not in end and "transmitted" not in end, "nothing is known of nothing")


@case
def counters_of_another_device_are_not_this_ones(w):
    """A namespace that goes takes its number with it; the next one gets it, and the same index."""
    begin(w)
    w.ready("web0")
    check(w.pings("10.1.0.2"), "traffic")
    w.netns_del("web")
    w.until(lambda: w.state("web0") == "waiting", "the pair is gone")
    w.netns("web")
    w.ready("web0")
    time.sleep(0.15)
    primary, peer = statistics(w, "web0")["ends"]
    equal(told(primary), counters(w, "web0"), "primary")
    equal(told(peer), counters(w, "eth0", "web"), "peer")
    check(primary["transmitted"]["packets"] < 3, "it began anew")


@case
def many_who_ask_share_what_is_read(w):
    begin(w)
    w.ready("web0")
    clients = [Connection(w.socket, patience=PATIENCE) for _ in range(30)]
    time.sleep(0.15)
    began = time.monotonic()
    for client in clients:
        client.send(call("io.metad.Statistics", {"pair": "web0"}, more=True))
    moments = {c.receive()["parameters"]["statistics"]["takenMs"] for c in clients}
    for client in clients:
        (reply,) = client.call_more("io.metad.Statistics", {"pair": "web0"})
        moments.add(reply["parameters"]["statistics"]["takenMs"])
    most = 2 + (time.monotonic() - began) / 0.1
    check(len(moments) <= most, f"{len(moments)} readings for 60 questions, not {most:.1f}")


# ---- verification ----


def while_stopped(w, change, act):
    """What act sends is there before metad can see the change, or mend it."""
    w.settle()
    w.metad.send_signal(signal.SIGSTOP)
    try:
        os.waitid(os.P_PID, w.metad.pid, os.WSTOPPED | os.WNOWAIT)
        change()
        return act()
    finally:
        w.metad.send_signal(signal.SIGCONT)


def drift(w, change):
    """The tasks that a verification finds after the change."""
    with Connection(w.socket, patience=PATIENCE) as client:
        while_stopped(w, change, lambda: client.send(call("io.metad.Verify", more=True)))
        found = [client.receive()]
        while found[-1].get("continues"):
            found.append(client.receive())
    return [f["parameters"]["task"] for f in found if "task" in f["parameters"]]


def steps_of(tasks):
    equal([t["pair"] for t in tasks], ["web0"], "pairs")
    return [(s["action"], s["side"]) for s in tasks[0]["steps"]]


def link_ids(w, side):
    return [slot["linkId"] for slot in w.end("web0", side)["chain"]]


@case
def each_kind_of_drift_is_found(w):
    begin(w)
    w.ready("web0")
    equal(ask(w, "Verify"), [{}], "nothing differs")
    inside = ["ip", "-n", "web"]
    pin = next(p for p in w.pins() if "acl" in p)
    kinds = [
        (lambda: run(*inside, "addr", "del", "10.1.0.2/24", "dev", "eth0"), ("address-add", "peer")),
        (lambda: run("ip", "addr", "del", "192.0.2.1/32", "dev", "web0"), ("address-add", "primary")),
        (lambda: run("ip", "route", "del", "10.1.0.2/32"), ("route-add", "primary")),
        (lambda: run(*inside, "route", "del", "default"), ("route-add", "peer")),
        (lambda: run(*inside, "route", "add", "10.9.0.0/16", "dev", "eth0", "proto", "109"),
         ("route-del", "peer")),
        (lambda: run(*inside, "neigh", "del", "169.254.1.9", "dev", "eth0"), ("neighbour-add", "peer")),
        (lambda: run("ip", "netns", "exec", "web", "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1"),
         ("sysctl", "peer")),
        (lambda: run("ip", "link", "set", "web0", "mtu", "1400"), ("set", "primary")),
        (lambda: run("ip", "link", "set", "web0", "down"), ("up", "primary")),
        (lambda: run(*inside, "link", "set", "eth0", "down"), ("up", "peer")),
        (lambda: run(*inside, "link", "set", "eth0", "name", "other0"), ("set", "peer")),
        (lambda: run("bpftool", "link", "detach", "id", str(link_id)), ("attach", "primary")),
        (lambda: os.unlink(f"{w.bpffs}/metad/links/{pin}"), ("attach", "peer")),
        (lambda: run("ip", "link", "del", "web0"), ("create", "primary")),
    ]
    if KIND in ("netkit", "meta"):
        kinds.append((lambda: run("ip", "link", "set", "web0", "type", KIND, "blackhole"),
                      ("policy", "primary")))
    for i, (change, step) in enumerate(kinds):
        w.ready("web0")
        link_id = link_ids(w, "primary")[0]
        pin = next(p for p in w.pins() if "acl" in p)
        repairs = w.pair("web0")["summary"]["repairs"]
        found = steps_of(drift(w, change))
        check(step in found, f"kind {i}: {step} is not among {found}")
        # And metad mends it all the same.
        w.until(lambda: w.pair("web0")["summary"]["repairs"] > repairs, f"kind {i}: it is mended")
    w.ready("web0")
    w.settle()
    equal(ask(w, "Verify"), [{}], "nothing differs")


@case
def a_stranger_in_the_way_is_found(w):
    begin(w)
    w.ready("web0")

    def usurp():
        run("ip", "link", "del", "web0")
        run("ip", "link", "add", "web0", "type", "veth", "peer", "name", "x0")

    tasks = drift(w, usurp)
    equal([(t["pair"], t["verdict"]) for t in tasks], [("web0", "conflict")], "tasks")
    check({s["action"] for s in tasks[0]["steps"]} <= {"reap"}, "it is left alone")
    w.until(lambda: w.state("web0") == "conflict", "it is told")
    check(w.link("x0"), "it is left alone")


@case
def scripts_are_told_by_exit_codes(w):
    begin(w)
    w.ready("web0")
    done = w.ctl("verify")
    equal((done.stdout, done.returncode), ("everything is as declared\n", 0), "verify")
    children = []

    def act():
        child = w.spawn(METACTL, "--socket", w.socket, "verify", stdout=-1, text=True)
        children.append(child)
        # It has asked when it sleeps until it is answered.
        w.until(lambda: open(f"/proc/{child.pid}/wchan").read().startswith("unix_stream")
                or "unix_stream_read" in open(f"/proc/{child.pid}/stack").read(), "it waits")

    while_stopped(w, lambda: run("ip", "addr", "del", "192.0.2.1/32", "dev", "web0"), act)
    output, _ = children[0].communicate(timeout=PATIENCE)
    equal(children[0].returncode, 2, "exit code")
    check("add address 192.0.2.1/32" in output and "1 pair is not as declared" in output, output)
    w.ready("web0")
    # What cannot be looked at is neither the same nor different.
    run("umount", "-l", w.bpffs)
    shutil.rmtree(w.bpffs)
    done = w.ctl("verify", ok=False)
    equal(done.returncode, 1, "exit code")
    check("cannot look at the kernel" in done.stderr, done.stderr)
    os.mkdir(w.bpffs)
    run("mount", "-t", "bpf", "bpf", w.bpffs)
    w.until(lambda: w.ctl("verify", ok=False).returncode == 0, "all is well again")


@case
def who_verifies_without_end_keeps_nobody_from_mending(w):
    begin(w)
    w.ready("web0")
    pids = []
    for _ in range(8):
        pids.append(os.fork())
        if pids[-1]:
            continue
        try:
            with Connection(w.socket) as client:
                while True:
                    client.call_more("io.metad.Verify")
        finally:
            os._exit(0)
    try:
        for _ in range(5):
            w.ip("addr", "del", "192.0.2.1/32", "dev", "web0")
            w.until(lambda: w.addresses("web0") == ["192.0.2.1/32"], "it is mended")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


# ---- programs and features ----


@case
def programs_are_told_with_their_users(w):
    begin(w, PAIR + """
programs:
  mine: {object: acl}
  lost: {object: /nowhere/lost.o}
""")
    w.ready("web0")
    check(w.pings("10.1.0.2", count=10), "traffic")
    programs = {p["program"]["name"]: p["program"] for p in ask(w, "Programs")}
    equal(sorted(programs), ["acl", "count", "lost", "mine"], "definitions")
    users = [(u["pair"], u["side"], u["position"]) for u in programs["count"]["users"]]
    equal(users, [("web0", "primary", 1), ("web0", "peer", 1)], "users")
    equal([u["linkId"] for u in programs["count"]["users"]],
          [link_ids(w, "primary")[0], link_ids(w, "peer")[0]], "links")
    ids = {u["programId"] for u in programs["count"]["users"]}
    equal(len(ids), 1, "one program serves both")
    said = json.loads(run("bpftool", "-j", "prog", "show", "id", str(ids.pop())).stdout)
    equal((programs["count"]["runs"], programs["count"]["runTimeNs"]),
          (said["run_cnt"], said["run_time_ns"]), "runs")
    equal(programs["count"]["runs"], 20, "runs")
    equal((programs["mine"]["users"], programs["mine"]["runs"]), ([], 0), "mine")
    check("No such file" in programs["lost"]["error"] and not programs["lost"]["shipped"], "lost")
    check(programs["mine"]["file"].endswith("10-test.yaml") and programs["mine"]["shipped"], "mine")
    equal(w.ctl("programs", ok=False).returncode, 1, "an object cannot be read")
    equal(w.ctl("programs", "count").returncode, 0, "this one can")


@case
def features_follow_the_settings(w):
    begin(w)

    def features():
        with Connection(w.socket) as client:
            found = client.call("io.metad.Capabilities")["parameters"]
        equal(found["kernel"], os.uname().release, "the kernel")
        return {f["name"]: f for f in found["features"]}

    found = features()
    for name in ("link-update", "program-ids", "statistics", "namespaces"):
        equal(found[name], {"name": name, "usable": True}, name)
    equal(found["btf"]["usable"], os.path.exists("/sys/kernel/btf/vmlinux"), "btf")
    equal(found["big-tcp-ipv4"]["usable"], "gso_ipv4_max_size" in w.link("lo"), "big-tcp-ipv4")
    w.settings("audit: never\nstatistics: false\nexpedite: never\n")
    w.until(lambda: not features()["statistics"]["usable"], "it is switched off")
    found = features()
    equal(found["statistics"]["why"], '"statistics: false" in the settings', "why")
    equal(found["expedite"]["why"], '"expedite: never" in the settings', "why")
    if KIND == "veth":
        check(found["tcx"]["usable"], "tcx")


# ---- metactl top ----


@case
def top_shows_rates(w):
    begin(w, PAIR + "  a0: {peer: {netns: web, name: a1}}\n")
    w.ready("web0", "a0")
    w.spawn("ping", "-q", "-i", "0.02", "10.1.0.2", stdout=-3)
    picture = json.loads(w.ctl("top", "-n", "1", "--interval", "1s", "--json=short").stdout)
    equal([p["pair"] for p in picture["pairs"]], ["web0", "a0"], "the busiest first")
    web0 = picture["pairs"][0]
    for key in ("toPeerPackets", "fromPeerPackets"):
        check(10 < web0[key] < 60, f"{key} {web0[key]}")
        check(web0[key] * 80 < web0[key.removesuffix("Packets")] < web0[key] * 100, f"{web0}")
    equal(picture["total"]["toPeer"], web0["toPeer"], "the total")
    pictures = w.ctl("top", "-n", "2", "--interval", "200ms", "--sort", "name").stdout
    equal(re.findall("^(a0|web0) ", pictures, re.M), ["a0", "web0"] * 2, "by name")
    equal(pictures.count("\x1b"), 0, "for scripts")


def on_terminal(w, *args):
    """A top on a terminal of its own: the process, the other side, and how the terminal was before."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    child = w.spawn(METACTL, "--socket", w.socket, "top", *args, stdin=slave, stdout=slave,
                    stderr=slave, env={**os.environ, "TERM": "xterm"}, start_new_session=True)
    return child, master, slave, before


def read_until(master, words):
    text = b""
    while words not in text:
        text += os.read(master, 65536)
    return text


@case
def top_leaves_the_terminal_as_it_was(w):
    begin(w)
    w.ready("web0")
    enter, leave = b"\x1b[?1049h", b"\x1b[?1049l"

    def end(child, master, slave, before, code):
        read_until(master, leave)
        equal(child.wait(timeout=PATIENCE), code, "exit code")
        equal(termios.tcgetattr(slave), before, "the terminal")
        os.close(master)
        os.close(slave)

    top = on_terminal(w, "--interval", "1h")
    check(b"web0" in read_until(top[1], b"q quits"), "the first picture comes at once")
    check(termios.tcgetattr(top[2]) != top[3], "keys come one by one")
    os.write(top[1], b"xq")
    end(*top, 0)
    top = on_terminal(w)
    read_until(top[1], b"q quits")
    top[0].send_signal(signal.SIGTERM)
    end(*top, -signal.SIGTERM)
    top = on_terminal(w)
    read_until(top[1], b"q quits")
    top[0].send_signal(signal.SIGTSTP)
    read_until(top[1], leave)
    os.waitid(os.P_PID, top[0].pid, os.WSTOPPED | os.WNOWAIT)
    equal(termios.tcgetattr(top[2]), top[3], "the terminal")
    top[0].send_signal(signal.SIGCONT)
    read_until(top[1], enter)
    # What is said at last is said where it stays.
    w.stop()
    said = read_until(top[1], b"metactl: metad hung up")
    check(leave in said and said.index(leave) < said.index(b"metactl:"), f"{said}")
    equal(top[0].wait(timeout=PATIENCE), 3, "exit code")


main()
