# SPDX-License-Identifier: GPL-2.0-only
"""Pairs come about, change in place, are made anew where they must, and wait for namespaces."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import KIND, case, check, equal, main, run  # noqa: E402

FULL = """
pairs:
  web0:
    mode: l3
    mtu: 1400
    txqueuelen: 500
    addresses: [192.0.2.1/32, "2001:db8:1::1/128"]
    routes: [{to: 10.1.0.2/32}, {to: "2001:db8::2/128"}]
    programs: [count]
    peer:
      netns: web
      name: eth0
      policy: drop
      addresses: [10.1.0.2/24, "2001:db8::2/64"]
      routes:
        - {to: default, via: 169.254.1.1, onlink: true, metric: 7}
        - {to: 198.51.100.0/24, src: 10.1.0.2, table: 77}
        - {to: "2001:db8:1::1/128"}
      neighbours: [{ip: 169.254.1.9, mac: "02:00:00:00:00:07"}]
      sysctls: {net.ipv4.conf.eth0.rp_filter: 0, net.ipv4.conf.eth0.forwarding: 1}
      programs: [count, acl]
"""


@case
def create_from_nothing(w):
    w.netns("web")
    w.write(FULL)
    w.start()
    w.ready("web0")
    host, peer = w.link("web0"), w.link("eth0", "web")
    equal(host["linkinfo"]["info_kind"], KIND, "kind")
    for link in (host, peer):
        equal(link["mtu"], 1400, "mtu")
        equal(link["txqlen"], 500, "txqueuelen")
        check("NOARP" in link["flags"] and "UP" in link["flags"], "l3 ends are up and NOARP")
    equal(w.addresses("web0"), ["192.0.2.1/32", "2001:db8:1::1/128"], "the primary's addresses")
    equal(w.addresses("eth0", "web"), ["10.1.0.2/24", "2001:db8::2/64"], "the peer's addresses")
    default = w.ip("route", "show", "default", ns="web")[0]
    equal((default["gateway"], default["metric"], default["flags"]),
          ("169.254.1.1", 7, ["onlink"]), "the default route")
    equal(w.ip("route", "show", "table", "77", ns="web")[0]["prefsrc"], "10.1.0.2", "src")
    equal(w.ip("neigh", "show", "169.254.1.9", ns="web")[0]["lladdr"], "02:00:00:00:00:07", "mac")
    equal(w.chain("web0", "primary"), ["count"], "the primary's chain")
    equal(w.chain("web0", "peer"), ["count", "acl"], "the peer's chain")
    check(w.pings("10.1.0.2"), "IPv4 passes")
    check(w.pings("2001:db8::2"), "IPv6 passes")
    check(w.end("web0", "primary")["chain"][0]["runs"] > 0, "runs are counted")
    equal(w.ctl("plan", ok=False).returncode, 0, "a second plan is empty")
    equal(w.pair("web0")["summary"]["repairs"], 0, "making is not repairing")


@case
def without_ipv6(w):
    w.netns("web")
    w.write("pairs: {web0: {mtu: 1000, addresses: [10.1.0.1/24],"
            " peer: {netns: web, addresses: [10.1.0.2/24]}}}")
    w.start()
    w.ready("web0")
    check(w.pings("10.1.0.2"), "IPv4 passes where IPv6 cannot be")


def mutable(**values):
    known = {"mtu": 1500, "mac": "02:00:00:00:00:01", "peer_mac": "02:00:00:00:00:02",
             "txqueuelen": 1000, "gso": 65536, "gro": 65536, "address": "10.1.0.1/24",
             "peer_address": "10.1.0.2/24", "route": "{to: 10.7.0.0/16, via: 10.1.0.1}",
             "neighbour": "{ip: 10.1.0.9, mac: \"02:00:00:00:00:09\"}", "rp": 0,
             "policy": "forward", "programs": "count", "peer_programs": "count, acl"}
    known.update(values)
    return """
pairs:
  web0:
    mode: l2
    mtu: {mtu}
    mac: "{mac}"
    txqueuelen: {txqueuelen}
    gso_max_size: {gso}
    gro_max_size: {gro}
    gso_ipv4_max_size: {gso}
    gro_ipv4_max_size: {gro}
    policy: {policy}
    addresses: [{address}]
    programs: [{programs}]
    peer:
      netns: web
      mac: "{peer_mac}"
      addresses: [{peer_address}]
      routes: [{route}]
      neighbours: [{neighbour}]
      sysctls: {{net.ipv4.conf.eth0.rp_filter: {rp}}}
      programs: [{peer_programs}]
""".format(**known)


@case
def change_everything_mutable(w):
    w.netns("web")
    w.write(mutable())
    w.start()
    w.ready("web0")
    before = w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]
    changes = [
        (dict(mtu=1300), lambda: w.link("eth0", "web")["mtu"] == w.link("web0")["mtu"] == 1300),
        (dict(mac="02:00:00:00:00:11"), lambda: w.link("web0")["address"][-2:] == "11"),
        (dict(peer_mac="02:00:00:00:00:12"), lambda: w.link("eth0", "web")["address"][-2:] == "12"),
        (dict(txqueuelen=77), lambda: w.link("web0")["txqlen"] == w.link("eth0", "web")["txqlen"] == 77),
        (dict(gso=30000), lambda: w.link("web0")["gso_max_size"] == 30000
            and w.link("eth0", "web")["gso_ipv4_max_size"] == 30000),
        (dict(gro=130000), lambda: w.link("eth0", "web")["gro_max_size"] == 130000),
        (dict(address="10.1.0.3/24"), lambda: w.addresses("web0")[0] == "10.1.0.3/24"),
        (dict(peer_address="10.1.0.4/24"), lambda: "10.1.0.4/24" in w.addresses("eth0", "web")
            and "10.1.0.2/24" not in w.addresses("eth0", "web")),
        (dict(route="{to: 10.8.0.0/16, via: 10.1.0.1}"),
            lambda: w.ip("route", "show", "10.8.0.0/16", ns="web")
            and not w.ip("route", "show", "10.7.0.0/16", ns="web")),
        (dict(route="{to: 10.7.0.0/16, via: 10.1.0.77}"),
            lambda: w.ip("route", "show", "10.7.0.0/16", ns="web")[0]["gateway"] == "10.1.0.77"),
        (dict(neighbour="{ip: 10.1.0.9, mac: \"02:00:00:00:00:19\"}"),
            lambda: w.ip("neigh", "show", "10.1.0.9", ns="web")[0]["lladdr"][-2:] == "19"),
        (dict(rp=1), lambda: w.end("web0", "peer")["sysctls"][0]["value"] == "1"),
        (dict(programs=""), lambda: w.chain("web0", "primary") == []),
        (dict(programs="", policy="drop"), lambda: w.drops("web0", "primary")),
        (dict(peer_programs="acl, count"), lambda: w.chain("web0", "peer") == ["acl", "count"]),
        (dict(peer_programs="pass"), lambda: w.chain("web0", "peer") == ["pass"]),
    ]
    for values, done in changes:
        w.write(mutable(**values))
        w.until(done, f"{values} is carried out")
        w.ready("web0")
    w.settle()
    equal((w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]), before,
          "the devices are the same")
    equal(w.pair("web0")["summary"]["repairs"], 0, "a changed wish is not a repair")


@case
def change_immutable(w):
    w.netns("web")
    w.write(mutable())
    w.start()
    w.ready("web0")
    first = w.link("web0")["ifindex"]
    l3 = "pairs: {web0: {mode: l3, recreate: %s, peer: {netns: web}}}"
    w.write(l3 % "never")
    w.until(lambda: w.state("web0") == "blocked", "the pair is blocked")
    equal(w.link("web0")["ifindex"], first, "it is left alone")
    check("mode l2 becomes l3" in w.pair("web0")["summary"]["why"], "it says why")
    equal(w.ctl("status", "web0", ok=False).returncode, 1, "status's exit code")
    w.write(l3 % "auto")
    w.ready("web0")
    check(w.link("web0")["ifindex"] != first, "it was made anew")
    check("NOARP" in w.link("web0")["flags"], "in mode l3")
    w.settle()
    equal(w.pins(), [], "no pins are left of the old one")


@case
def namespace_comes_later(w):
    w.write("pairs: {web0: {peer: {netns: web, addresses: [10.1.0.2/24]}}}")
    w.start()
    equal(w.state("web0"), "waiting", "state")
    check("does not exist" in w.pair("web0")["summary"]["why"], "it says what it waits for")
    equal(w.link("web0"), None, "nothing is made")
    w.netns("web")
    w.ready("web0")
    equal(w.addresses("eth0", "web"), ["10.1.0.2/24"], "addresses")


@case
def namespace_deleted_and_made_again(w):
    w.netns("web")
    w.write("pairs: {web0: {programs: [count], peer: {netns: web, programs: [acl]}}}")
    w.start()
    w.ready("web0")
    w.netns_del("web")
    w.until(lambda: w.state("web0") == "waiting", "the pair waits")
    w.until(lambda: w.pins() == [], "defunct pins are removed")
    w.netns("web")
    w.ready("web0")
    equal(len(w.pins()), 2, "pins")
    equal(w.chain("web0", "peer"), ["acl"], "chain")


@case
def namespace_replaced_under_its_name(w):
    w.netns("web")
    w.write("pairs: {web0: {peer: {netns: web}}}")
    w.start()
    w.ready("web0")
    # Somebody inside keeps the old namespace alive.
    w.spawn("ip", "netns", "exec", "web", "sleep", "1000")
    w.until(lambda: run("ip", "netns", "pids", "web").stdout.strip(), "somebody is inside")
    first = w.link("web0")["ifindex"]
    w.netns_del("web")
    w.netns("web")
    w.until(lambda: w.link("eth0", "web"), "the peer is in the new namespace")
    w.ready("web0")
    check(w.link("web0")["ifindex"] != first, "it is a new pair")


@case
def namespace_by_path_and_pid(w):
    child = w.spawn("unshare", "--net", "sleep", "1000")
    me = os.readlink("/proc/self/ns/net")
    w.until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != me, "a process in its namespace")
    w.netns("there")
    os.makedirs(f"{w.dir}/ns")
    path = f"{w.dir}/ns/mine"
    w.write(f"pairs: {{a0: {{peer: {{netns: {{pid: {child.pid}}}}}}},"
            f" b0: {{peer: {{netns: {{path: {path}}}}}}}}}")
    w.start()
    w.ready("a0")
    equal(w.state("b0"), "waiting", "b0 waits for its path")
    open(path, "w").close()
    run("mount", "--bind", "/run/netns/there", path)
    w.ready("b0")
    child.kill()
    child.wait()
    w.until(lambda: w.state("a0") == "waiting", "the process is gone")
    check("gone" in w.pair("a0")["summary"]["why"], "it says so")
    run("umount", path)


@case
def pair_removed_from_configuration(w):
    w.netns("web")
    w.write("pairs: {web0: {programs: [count], peer: {netns: web}}, web1: {peer: {netns: web, name: eth1}}}")
    w.start()
    w.ready("web0", "web1")
    w.write("pairs: {web1: {peer: {netns: web, name: eth1}}}")
    w.until(lambda: w.link("web0") is None, "web0 is deleted")
    w.until(lambda: w.pair("web0") is None, "web0 is forgotten")
    equal(w.pins(), [], "pins")
    check(w.link("web1"), "web1 stays")
    os.unlink(f"{w.conf}/pairs.d/10-test.yaml")
    w.until(lambda: w.link("web1") is None, "web1 is deleted with its file")


@case
def settings_and_kinds(w):
    w.netns("web")
    w.write("pairs: {web0: {kind: netkit, scrub: none, headroom: 64, peer: {netns: web}}}")
    w.start()
    if KIND != "veth":
        w.ready("web0")
        equal(w.link("web0")["linkinfo"]["info_kind"], "netkit", "the kind asked for")
        return
    equal(w.state("web0"), "blocked", "state without a netkit driver")
    check("netkit" in w.pair("web0")["summary"]["why"], "it says why")
    w.write("pairs: {web0: {kind: auto, scrub: none, headroom: 64, peer: {netns: web}}}")
    w.ready("web0")
    check("scrub" in w.pair("web0")["limits"], "what veth cannot do is said")
    check("headroom" in w.pair("web0")["limits"], "what veth cannot do is said")


@case
def kind_meta(w):
    w.netns("web")
    w.write("pairs: {web0: {kind: meta, headroom: 64, tailroom: 32, peer: {netns: web}}}")
    w.start()
    if KIND != "meta":
        equal(w.state("web0"), "blocked", "state without a meta driver")
        check("CONFIG_META" in w.pair("web0")["summary"]["why"], "it says what is missing")
        w.write("pairs: {web0: {kind: auto, peer: {netns: web}}}")
        w.ready("web0")
        check("CONFIG_META" in w.ctl("status", "web0").stdout, "auto says why it is not meta")
        return
    w.ready("web0")
    equal(w.link("web0")["linkinfo"]["info_kind"], "meta", "the kind asked for")
    equal(w.pair("web0").get("limits", []), [], "what it cannot do")


@case
def policy_drop_without_programs(w):
    pair = ("pairs: {web0: {mode: l2, policy: %s, addresses: [10.1.0.1/24],"
            " peer: {netns: web, policy: %s, addresses: [10.1.0.2/24]}}}")
    w.netns("web")
    w.write(pair % ("drop", "forward"))
    w.start()
    w.ready("web0")
    check(w.drops("web0", "primary"), "the policy is in force")
    check(not w.pings("10.1.0.2", count=1), "nothing passes to the peer")
    w.write(pair % ("forward", "drop"))
    w.until(lambda: w.drops("web0", "peer"), "the policy is the peer's")
    w.ready("web0")
    check(not w.pings("10.1.0.2", count=1), "nothing passes from the peer")
    w.write(pair % ("forward", "forward"))
    w.until(lambda: not w.drops("web0", "peer"), "the policy is gone")
    w.until(lambda: w.pings("10.1.0.2"), "everything passes")


main()
