# SPDX-License-Identifier: GPL-2.0-only
"""Templates: a pair for each namespace that matches, with an address that is its own and stays so."""

import ipaddress
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import case, check, equal, main, run  # noqa: E402

POD = """
pools:
  pods: {ipv4: 10.88.0.0/16, ipv6: "fd00:88::/64"}
templates:
  pod:
    match: {netns: ["pod-*", "!pod-test-*"]}
    name: "m-{netns}"
    pool: pods
    pair:
      addresses: [169.254.1.1/32]
      routes: [{to: "{ip}/32"}, {to: "{ip6}/128"}]
      peer:
        policy: drop
        addresses: ["{ip}/32", "{ip6}/128"]
        routes: [{to: default, via: 169.254.1.1, onlink: true}]
        programs: [count]
"""
SMALL = POD.replace("10.88.0.0/16, ipv6: \"fd00:88::/64\"", "10.88.0.0/30").replace(
    ", {to: \"{ip6}/128\"}", "").replace(", \"{ip6}/128\"", "")


def pairs(w):
    done = w.ctl("--json=short", "list", ok=False)
    return {p["name"]: p for p in json.loads(done.stdout)}


def addresses_in(w, ns):
    return w.addresses("eth0", ns=ns)


@case
def namespaces_that_match_get_a_pair(w):
    w.netns("pod-early", "other", "pod-test-1")
    w.write(POD)
    w.start()
    w.ready("m-pod-early")
    equal(sorted(pairs(w)), ["m-pod-early"], "pairs")
    before = addresses_in(w, "pod-early")
    equal(len(before), 2, "addresses of both families")
    check(ipaddress.ip_interface(before[0]) in ipaddress.ip_network("10.88.0.0/16"), before)
    check(w.pings(before[0].split("/")[0]), "packets pass")
    w.netns("pod-late", "pod-test-2")
    w.ready("m-pod-late")
    check(addresses_in(w, "pod-late")[0] != before[0], "another address")
    w.netns_del("pod-late")
    w.until(lambda: "m-pod-late" not in pairs(w), "the pair goes with its namespace")
    equal(w.link("m-pod-late"), None, "and its device")
    # The file says something else: pairs follow.
    w.write(POD.replace('"pod-*", "!pod-test-*"', '"pod-test-*"'))
    w.until(lambda: sorted(pairs(w)) == ["m-pod-test-1", "m-pod-test-2"], "other namespaces")
    w.until(lambda: w.link("m-pod-early") is None, "what no longer matches goes")


@case
def addresses_stay(w):
    names = [f"pod-{i}" for i in range(20)]
    w.netns(*names)
    with open("/run/netns/pod-none", "w"):
        pass  # a file is no namespace
    # So few that hashes fall on the same: who came first has it, and nothing but memory tells.
    w.write(POD.replace("10.88.0.0/16", "10.88.0.0/27"))
    w.start()
    w.ready(*(f"m-{n}" for n in names))
    before = {n: addresses_in(w, n) for n in names}
    equal(len({a[0] for a in before.values()}), 20, "addresses are different")
    equal(len(pairs(w)), 20, "pairs")
    os.unlink("/run/netns/pod-none")
    # Over a restart, while namespaces come and go.
    w.stop()
    w.netns_del("pod-3")
    w.netns("pod-a", "pod-b", "pod-c")
    w.start()
    w.ready("m-pod-a", "m-pod-b", "m-pod-c")
    names.remove("pod-3")
    equal({n: addresses_in(w, n) for n in names}, {n: before[n] for n in names}, "addresses")
    # And one that comes back has its own again.
    w.netns("pod-3")
    w.ready("m-pod-3")
    equal(addresses_in(w, "pod-3"), before["pod-3"], "its address")
    # A reboot: nothing is there, all come again, in another order.
    w.stop()
    for name in [*names, "pod-3", "pod-a", "pod-b", "pod-c"]:
        w.netns_del(name)
    w.start()
    equal(pairs(w), {}, "no namespaces, no pairs")
    for name in reversed(names):
        w.netns(name)
    w.ready(*(f"m-{n}" for n in names))
    equal({n: addresses_in(w, n) for n in names}, {n: before[n] for n in names}, "addresses")


@case
def an_empty_pool_is_told(w):
    w.netns("pod-1", "pod-2", "pod-3")
    w.write(SMALL)
    w.start()
    w.settle()
    states = {n: p["state"] for n, p in pairs(w).items()}
    equal(sorted(states.values()), ["blocked", "ready", "ready"], "states")
    [blocked] = [n for n, s in states.items() if s == "blocked"]
    why = pairs(w)[blocked]["why"]
    check("pool pods has no free" in why and "2" in why, why)
    equal(w.ctl("status", ok=False).returncode, 1, "status")
    # Room, by one that goes.
    gone = next(n for n, s in states.items() if s == "ready")
    w.netns_del(gone[2:])
    w.ready(blocked)
    # Or by a larger pool, where nobody moves.
    kept = {n: addresses_in(w, n[2:]) for n in pairs(w)}
    w.netns("pod-4")
    w.until(lambda: w.state("m-pod-4") == "blocked", "another is blocked")
    w.write(SMALL.replace("10.88.0.0/30", "10.88.0.0/28"))
    w.ready("m-pod-4")
    equal({n: addresses_in(w, n[2:]) for n in kept}, kept, "addresses of the others")


@case
def labels_of_pairs(w):
    w.netns("one", "two")
    w.write("""
templates:
  web:
    match: {labels: {app: "web*", tier: "!test"}}
    name: "w-{netns:8}"
    pair: {peer: {name: web0}}
""")
    w.start()
    w.write("pairs: {r1: {labels: {app: website}, peer: {netns: one}}, "
            "r2: {labels: {app: website, tier: test}, peer: {netns: two}}}", "90-runtime.yaml")
    w.ready("r1", "r2", "w-one")
    equal(sorted(pairs(w)), ["r1", "r2", "w-one"], "pairs")
    check(w.link("web0", ns="one"), "the peer by the template")
    w.write("pairs: {r2: {labels: {app: website}, peer: {netns: two}}}", "90-runtime.yaml")
    w.ready("w-two")
    w.until(lambda: sorted(pairs(w)) == ["r2", "w-two"], "labels decide")


@case
def a_directory_of_names_that_cannot_be_listed(w):
    other = f"{w.dir}/names"
    os.mkdir(other)
    w.netns("pod-1", "aside")
    with open(f"{other}/pod-2", "w"):
        pass
    run("mount", "--bind", "/run/netns/aside", f"{other}/pod-2")
    w.settings(f"netns_dirs: [/run/netns, {other}]")
    w.write(POD)
    w.start()
    w.ready("m-pod-1", "m-pod-2")
    w.stop()
    os.rename(other, f"{other}.aside")
    os.symlink("names", other)  # a link to itself
    w.start()
    said = w.ctl("status", ok=False).stdout
    check(f"cannot list {other}" in said, said)
    w.netns("pod-3")
    w.ready("m-pod-3")
    equal(w.state("m-pod-2"), "held", "what may be wanted")
    check(w.link("m-pod-2"), "its device")
    os.unlink(other)
    os.rename(f"{other}.aside", other)
    w.ctl("reload")
    w.ready("m-pod-1", "m-pod-2", "m-pod-3")
    run("umount", f"{other}/pod-2")


@case
def names_that_are_taken(w):
    w.netns("pod-1")
    w.write(POD)
    w.write("pairs: {m-pod-1: {peer: {netns: pod-1, name: own}}}", "20-own.yaml")
    w.start()
    w.ready("m-pod-1")
    check(w.link("own", ns="pod-1"), "the declared pair")
    said = w.ctl("status", ok=False).stdout
    check("10-test.yaml" in said and "20-own.yaml:1" in said, said)
    # A conflict that a namespace brings is in the log, too.
    w.write("pairs: {m-pod-1: {peer: {netns: pod-1, name: own}}, m-pod-2: {peer: {netns: pod-1}}}",
            "20-own.yaml")
    w.ready("m-pod-2")
    w.netns("pod-2")
    w.until(lambda: 'namespace "pod-2" would be called' in w.text(), "the conflict is logged")
    w.netns_del("pod-2")
    w.until(lambda: 'pod-2' not in w.ctl("status", ok=False).stdout.split("metad 0")[1], "and ends")
    os.unlink(f"{w.conf}/pairs.d/20-own.yaml")
    w.until(lambda: w.link("eth0", ns="pod-1"), "the template's, now that the name is free")
    # A long name is cut, and is the same one again.
    long = "pod-" + "x" * 60
    w.netns(long)
    w.until(lambda: len(pairs(w)) == 2, "a pair for the long name")
    [name] = [n for n in pairs(w) if n != "m-pod-1"]
    check(len(name) <= 15 and name.startswith("m-pod-"), name)
    w.ready(name)
    w.stop()
    w.start()
    w.ready(name)


@case
def pairs_laid_over_a_template(w):
    """One that is declared has what its template says, but for what it says itself, and follows."""
    w.netns("web")
    w.write(POD, name="10-pod.yaml")
    w.write("pairs:\n  web0: {template: pod, mtu: 1400, peer: {netns: web, addresses: [10.9.9.9/32]}}\n",
            name="20-web.yaml")
    w.start()
    w.ready("web0")
    equal(w.link("web0")["mtu"], 1400, "the pair's own mtu")
    equal(addresses_in(w, "web"), ["10.9.9.9/32"], "its own address")
    check("169.254.1.1/32" in w.addresses("web0"), "the template's address of the primary")
    equal(w.chain("web0", "peer"), ["count"], "the template's chain")
    ifindex = w.link("web0")["ifindex"]
    w.write(POD.replace("programs: [count]", "programs: []"), name="10-pod.yaml")
    w.settle()
    w.until(lambda: "count" not in w.chain("web0", "peer"),
            "the chain follows the template")
    equal(w.link("web0")["ifindex"], ifindex, "the device is the same")
    w.write("", name="10-pod.yaml")
    w.settle()
    w.until(lambda: w.state("web0") == "blocked", "without its template it is blocked")
    check("no file declares template pod" in w.pair("web0")["summary"]["why"], "and says why")
    equal(w.link("web0")["ifindex"], ifindex, "and stays as it is")


@case
def a_burst_of_a_thousand(w):
    # An emulated machine takes minutes for what a real one does in seconds.
    n = 1000 if "METAD_TEST_SLOWER" not in os.environ else 200
    w.write(POD)
    w.start()
    w.settle()
    names = [f"pod-{i}" for i in range(n)]
    w.namespaces.update(names)
    began = time.monotonic()
    subprocess.run(["ip", "-batch", "-"], check=True, text=True,
                   input="".join(f"netns add {name}\n" for name in names))
    made = time.monotonic()
    w.until(lambda: sum(p["state"] == "ready" for p in pairs(w).values()) == n,
            "every namespace has its pair", patience=120, pause=0.25)
    done = time.monotonic()
    found = {a for p in pairs(w).values() for a in p["addresses"] if ":" not in a}
    print(f"# {n} namespaces made in {made - began:.2f} s, all pairs ready {done - made:.2f} s later")
    peers = subprocess.run(["sh", "-c", "for n in /run/netns/pod-*; do ip -n ${n##*/} -4 -br addr "
                            "show dev eth0; done"], capture_output=True, text=True).stdout
    given = [line.split()[2] for line in peers.splitlines()]
    equal((len(given), len(set(given))), (n, n), "addresses, all different")
    check(found, "status has addresses")


main()
