# SPDX-License-Identifier: GPL-2.0-only
"""What somebody else undoes is put back and counted; what somebody else made is left alone."""

import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import BPF_DIR, KIND, attach_foreign, case, check, equal, main, run  # noqa: E402

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


def begin(w, audit="never", pair=PAIR):
    w.netns("web")
    w.settings(f"audit: {audit}\n")
    w.write(pair)
    w.start()
    w.ready("web0")


def repaired(w, condition, words):
    """Waits until it is put back, and that the repair is counted."""
    before = w.repairs
    w.until(condition, words)
    w.until(lambda: w.pair("web0")["summary"]["repairs"] > before, "the repair is counted")
    w.ready("web0")
    w.settle()
    w.repairs = w.pair("web0")["summary"]["repairs"]


@case
def by_hand_and_seen_at_once(w):
    begin(w)
    w.repairs = 0
    ids = w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]
    w.ip("addr", "del", "10.1.0.2/24", "dev", "eth0", ns="web")
    repaired(w, lambda: w.addresses("eth0", "web") == ["10.1.0.2/24"], "the peer's address")
    w.ip("addr", "del", "192.0.2.1/32", "dev", "web0")
    repaired(w, lambda: w.addresses("web0") == ["192.0.2.1/32"], "the primary's address")
    w.ip("route", "del", "10.1.0.2/32")
    repaired(w, lambda: w.ip("route", "show", "10.1.0.2/32"), "the primary's route")
    w.ip("route", "del", "default", ns="web")
    repaired(w, lambda: w.ip("route", "show", "default", ns="web"), "the peer's route")
    w.ip("link", "set", "web0", "down")
    repaired(w, lambda: "UP" in w.link("web0")["flags"], "the primary is up")
    w.ip("link", "set", "eth0", "down", ns="web")
    repaired(w, lambda: "UP" in w.link("eth0", "web")["flags"], "the peer is up")
    check(w.ip("route", "show", "default", ns="web"), "and its route is back")
    w.ip("link", "set", "web0", "mtu", "1400")
    repaired(w, lambda: w.link("web0")["mtu"] == 1500, "mtu")
    if KIND == "veth":
        w.ip("link", "set", "eth0", "address", "02:00:00:00:00:55", ns="web")
        repaired(w, lambda: w.link("eth0", "web")["address"] == w.link("web0")["address"],
                 "both ends of an l3 veth have one address")
    w.ip("link", "set", "eth0", "name", "foo0", ns="web")
    repaired(w, lambda: w.link("eth0", "web"), "the peer's name")
    for pin in w.pins():
        os.unlink(f"{w.bpffs}/metad/links/{pin}")
        repaired(w, lambda: len(w.pins()) == 3, f"the program behind {pin}")
    equal(w.chain("web0", "peer"), ["count", "acl"], "the peer's chain")
    equal((w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]), ids, "the same devices")
    w.ip("link", "del", "eth0", ns="web")
    repaired(w, lambda: w.link("web0") and w.link("eth0", "web"), "the pair itself")
    equal(w.chain("web0", "peer"), ["count", "acl"], "the peer's chain")
    equal(len(w.pins()), 3, "pins")
    check(w.pings("10.1.0.2"), "traffic")


@case
def what_has_no_event_is_found_by_the_audit(w):
    begin(w, audit="200ms")
    w.repairs = 0
    links = json_links(w)
    run("bpftool", "link", "detach", "id", str(links[0]))
    repaired(w, lambda: w.chain("web0", "primary") == ["count"], "a detached link")
    w.ip("neigh", "del", "169.254.1.9", "dev", "eth0", ns="web")
    repaired(w, lambda: w.ip("neigh", "show", "169.254.1.9", ns="web"), "a neighbour")
    run("ip", "netns", "exec", "web", "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1")
    repaired(w, lambda: w.end("web0", "peer")["sysctls"][0]["value"] == "0", "a sysctl")
    for _ in range(100):
        try:
            shutil.rmtree(f"{w.bpffs}/metad")
            break
        except OSError:
            pass  # metad is quicker than the removal
    repaired(w, lambda: w.chain("web0", "peer") == ["count", "acl"] and len(w.pins()) == 3
             and len(w.pins("programs")) == 2, "the whole directory of pins")


def json_links(w):
    return [slot["linkId"] for slot in w.end("web0", "primary")["chain"]]


@case
def policy(w):
    begin(w, audit="200ms", pair="pairs: {web0: {policy: drop, peer: {netns: web}}}")
    w.repairs = 0
    if KIND == "veth":
        run("bpftool", "link", "detach", "id", str(json_links(w)[0]))
    elif KIND == "netkit":
        run("ip", "link", "set", "web0", "type", "netkit", "forward")
    else:
        return
    repaired(w, lambda: w.drops("web0", "primary"), "the policy")


@case
def foreign_device_with_the_wanted_name(w):
    w.netns("web")
    run("ip", "link", "add", "web0", "type", "veth", "peer", "name", "other0")
    before = w.link("web0")
    w.write("pairs: {web0: {programs: [count], peer: {netns: web}}}")
    w.start()
    equal(w.state("web0"), "conflict", "state")
    equal(w.link("web0"), before, "the foreign device")
    equal(w.pins(), [], "pins")
    w.ip("link", "del", "web0")
    w.ready("web0")
    equal(w.chain("web0", "primary"), ["count"], "chain")


@case
def foreign_device_with_the_peers_name(w):
    w.netns("web")
    run("ip", "-n", "web", "link", "add", "eth0", "type", "veth", "peer", "name", "other0")
    w.write("pairs: {web0: {peer: {netns: web}}}")
    w.start()
    equal(w.state("web0"), "conflict", "state")
    check("eth0" in w.pair("web0")["summary"]["why"], "it says which")
    w.ip("link", "del", "eth0", ns="web")
    w.ready("web0")


@case
def foreign_addresses_and_routes_stay(w):
    begin(w)
    w.ip("addr", "add", "10.1.0.77/24", "dev", "eth0", ns="web")
    w.ip("route", "add", "10.99.0.0/16", "dev", "eth0", ns="web")
    w.write(PAIR.replace("10.1.0.2/24", "10.1.0.3/24"))
    w.until(lambda: "10.1.0.3/24" in w.addresses("eth0", "web"), "the new address")
    w.ready("web0")
    w.settle()
    equal(w.addresses("eth0", "web"), ["10.1.0.3/24", "10.1.0.77/24"], "addresses")
    check(w.ip("route", "show", "10.99.0.0/16", ns="web"), "the foreign route")


@case
def foreign_programs_keep_their_places(w):
    begin(w, pair="pairs: {web0: {peer: {netns: web}}}")
    for name in ("first", "last"):
        run("bpftool", "prog", "load", f"{BPF_DIR}/pass.o", f"{w.bpffs}/{name}")
    attach_foreign(w, "first")
    w.write("pairs: {web0: {programs: [count, acl], peer: {netns: web}}}")
    w.until(lambda: len(w.end("web0", "primary")["chain"]) == 3, "ours are attached")
    attach_foreign(w, "last")

    def order():
        return [slot["function"] if slot["foreign"] else slot["program"]
                for slot in w.end("web0", "primary")["chain"]]

    def foreign():
        return [slot["programId"] for slot in w.end("web0", "primary")["chain"] if slot["foreign"]]

    w.ctl("reload")
    w.until(lambda: order() == ["pass", "count", "acl", "pass"], "ours are between")
    ids = foreign()
    w.write("pairs: {web0: {programs: [acl, count], peer: {netns: web}}}")
    w.until(lambda: order() == ["pass", "acl", "count", "pass"], "ours change places")
    w.write("pairs: {web0: {programs: [acl, drop, count], peer: {netns: web}}}")
    w.until(lambda: order() == ["pass", "acl", "drop", "count", "pass"], "one more in between")
    w.write("pairs: {web0: {peer: {netns: web}}}")
    w.until(lambda: order() == ["pass", "pass"], "ours are gone")
    equal(foreign(), ids, "the foreign programs")


@case
def lost_events_mean_a_full_look(w):
    w.netns("web")
    w.settings("audit: never\n")
    w.write(PAIR)
    w.start()
    w.ready("web0")
    # Stopped, metad reads nothing while more happens than its socket can hold.
    w.metad.send_signal(subprocess.signal.SIGSTOP)
    w.ip("addr", "del", "10.1.0.2/24", "dev", "eth0", ns="web")
    batch = "".join(f"addr add 10.{i // 250}.{i % 250}.1/32 dev lo\n"
                    f"addr del 10.{i // 250}.{i % 250}.1/32 dev lo\n" for i in range(40000))
    run("ip", "-batch", "-", input=batch)
    w.metad.send_signal(subprocess.signal.SIGCONT)
    w.until(lambda: w.addresses("eth0", "web") == ["10.1.0.2/24"], "the address is back")


@case
def bpffs_goes_away(w):
    """What cannot be looked at is tried again, but neither loudly nor without a pause."""
    begin(w)
    run("umount", "-l", w.bpffs)
    # metad may be making directories below it just now.
    w.until(lambda: shutil.rmtree(w.bpffs, ignore_errors=True) or not os.path.exists(w.bpffs),
            "the directory is gone")
    w.ctl("reload", ok=False)
    w.until(lambda: "cannot look at the kernel" in w.text(), "it is said")
    before = open(f"/proc/{w.metad.pid}/stat").read().split()[13:15]
    time.sleep(1.5)
    after = open(f"/proc/{w.metad.pid}/stat").read().split()[13:15]
    check(sum(map(int, after)) - sum(map(int, before)) < 60, f"{before} {after} ticks")
    equal(w.text().count("cannot look at the kernel"), 1, "once")
    os.mkdir(w.bpffs)
    run("mount", "-t", "bpf", "bpf", w.bpffs)
    w.ready("web0")


main()
