# SPDX-License-Identifier: GPL-2.0-only
"""metad.yaml: every setting does what it says, and a change of it counts without a restart."""

import glob
import grp
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import KIND, METACTL, case, check, equal, main, run  # noqa: E402

PAIR = "pairs: {web0: {peer: {netns: web}}}\n"
OTHER_KINDS = [kind for kind in ("meta", "netkit", "veth") if kind != KIND]


def begin(w, settings="", pairs=PAIR):
    w.netns("web")
    w.settings(settings)
    w.write(pairs)
    w.start()


@case
def kinds(w):
    begin(w, f"kinds: [{', '.join(OTHER_KINDS)}]")
    summary = w.pair("web0")["summary"]
    if summary["state"] == "blocked":
        check(f"{KIND}: the settings do not allow it" in summary["why"], summary)
    else:
        check(summary["kind"] in OTHER_KINDS, summary)
        w.write("")
        w.until(lambda: w.state("web0") is None, "web0 is gone")
        w.write(PAIR)
    w.settings(f"kinds: [{KIND}]")
    w.until(lambda: w.pair("web0")["summary"]["kind"] == KIND, "the allowed kind")
    w.ready("web0")
    # A pair that is there stays what it is.
    before = w.link("web0")["ifindex"]
    w.settings(f"kinds: [{', '.join(OTHER_KINDS)}]")
    w.ctl("reload")
    w.settle()
    equal(w.state("web0"), "ready", "state")
    equal(w.link("web0")["ifindex"], before, "the device")


@case
def defaults(w):
    begin(w, "defaults: {mtu: 1400, peer: {name: net0}}")
    w.ready("web0")
    equal(w.link("web0")["mtu"], 1400, "mtu of the primary")
    equal(w.link("net0", ns="web")["mtu"], 1400, "mtu of the peer")
    before = w.link("web0")["ifindex"]
    w.settings("defaults: {mtu: 1350, peer: {name: net0}}")
    w.until(lambda: w.link("web0")["mtu"] == 1350, "the new default")
    equal(w.link("web0")["ifindex"], before, "the device")


@case
def netns_dirs(w):
    other = f"{w.dir}/elsewhere"
    os.mkdir(other)
    begin(w, f"netns_dirs: [/run/netns, {other}]", PAIR + "  \n")
    w.ready("web0")
    # A name that only the second directory has; it comes later than the file.
    w.write("pairs: {web0: {peer: {netns: web}}, two0: {peer: {netns: two}}}")
    w.until(lambda: w.state("two0") == "waiting", "two0 waits")
    check(f"nor in {other}" in w.pair("two0")["summary"]["why"], w.pair("two0"))
    w.netns("aside")
    with open(f"{other}/two", "w"):
        pass
    run("mount", "--bind", "/run/netns/aside", f"{other}/two")
    try:
        w.ready("two0")
        check(w.link("eth0", ns="aside"), "the peer is there")
        # Without the directory the name is none; with it again it is.
        w.settings("netns_dirs: [/run/netns]")
        w.until(lambda: w.state("two0") == "waiting", "two0 waits again")
        w.settings(f"netns_dirs: [{other}, /run/netns]")
        w.ready("two0", "web0")
    finally:
        run("umount", f"{other}/two")


@case
def work_is_no_change_of_the_configuration(w):
    """As installed, metad has its own files in one of the directories that it reads."""
    arguments = [*w.arguments(), "--config-dir", w.runtime]
    w.arguments = lambda: arguments
    begin(w, pairs="")
    before = w.text().count("configuration read")
    names = [f"many{i}" for i in range(40)]
    w.write("pairs:\n" + "".join(
        f"  {name}: {{programs: [count, pass], peer: {{netns: web, name: e{name}, programs: [count]}}}}\n"
        for name in names))
    w.ready(*names)
    w.settle()
    time.sleep(0.5)
    equal(w.text().count("configuration read"), before + 1, "times the configuration was read")


@case
def audit(w):
    """Of a sysctl nothing tells that somebody has changed it."""
    begin(w, "audit: never", "pairs: {web0: {peer: {netns: web, sysctls: {net.ipv4.ip_forward: 1}}}}")

    def value():
        return run("ip", "netns", "exec", "web", "sysctl", "-n", "net.ipv4.ip_forward").stdout.strip()

    def disturb():
        run("ip", "netns", "exec", "web", "sysctl", "-q", "-w", "net.ipv4.ip_forward=0")

    w.ready("web0")
    disturb()
    time.sleep(0.5)
    equal(value(), "0", "what nobody looks at")
    w.settings("audit: 100ms")
    w.ctl("reload")
    w.until(lambda: value() == "1", "the reload has looked")
    w.settle()
    disturb()
    w.until(lambda: value() == "1", "an audit has looked")
    w.settings("audit: never")
    w.ctl("reload")
    w.settle()
    disturb()
    time.sleep(0.5)
    equal(value(), "0", "what nobody looks at any more")


@case
def group_for_writes(w):
    name = grp.getgrgid(12345).gr_name if _has_gid(12345) else None
    group = name or grp.getgrall()[-1].gr_name
    gid = grp.getgrnam(group).gr_gid
    begin(w, f"group: {group}")
    os.chmod(w.dir, 0o755)

    def reload_by(*groups):
        ids = ["setpriv", "--reuid", "65534", *groups]
        return run(*ids, METACTL, "--socket", w.socket, "reload", ok=False).returncode

    equal(reload_by("--clear-groups"), 1, "nobody of no group")
    equal(reload_by("--groups", str(gid)), 0, "a member")
    equal(reload_by("--regid", str(gid), "--clear-groups"), 0, "a member by primary group")
    many = ",".join(str(gid + n) for n in range(200, 0, -1))
    equal(reload_by("--groups", f"{many},{gid}"), 0, "a member of many groups")
    equal(reload_by("--groups", many), 1, "a member of many others")
    w.settings('group: ""')
    w.ctl("reload")
    equal(reload_by("--groups", str(gid)), 1, "nobody may")
    w.settings("group: no-such-group")
    equal(w.ctl("reload", ok=False).returncode, 1, "a group that is not there is told")
    said = w.ctl("status", ok=False).stdout
    check('metad.yaml:1:8: group: there is no group "no-such-group"' in said, said)


def _has_gid(gid):
    try:
        grp.getgrgid(gid)
        return True
    except KeyError:
        return False


def others_count(w):
    """Whether somebody else on this machine has runs counted: by a file of theirs, or for everybody."""
    with open("/proc/sys/kernel/bpf_stats_enabled") as file:
        if file.read().strip() != "0":
            return True
    for link in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            if "bpf-stats" in os.readlink(link) and not link.startswith(f"/proc/{w.metad.pid}/"):
                return True
        except OSError:
            pass  # it ended, or is nobody to be looked at
    return False


@case
def statistics(w):
    begin(w, "statistics: false", "pairs: {web0: {addresses: [10.1.0.1/24], peer: {netns: web, "
          "addresses: [10.1.0.2/24], programs: [count]}}}")
    w.ready("web0")
    if others_count(w):
        print("# statistics: somebody else has runs counted on this machine; not told apart here")
        return

    def runs():
        check(w.pings("10.1.0.2"), "packets pass")
        return w.end("web0", "peer")["chain"][0]["runs"]

    equal(runs(), runs(), "runs while nothing is counted")
    w.settings("statistics: true")
    w.ctl("reload")
    before = runs()
    check(runs() > before, "runs are counted now")
    w.settings("statistics: false")
    w.ctl("reload")
    equal(runs(), runs(), "and no more")


@case
def log_level(w):
    begin(w)
    w.ready("web0")
    check("configuration read" in w.text(), w.text())
    w.settings("log_level: err")
    w.ctl("reload")
    before = w.text().count("configuration read")
    w.ctl("reload")
    equal(w.text().count("configuration read"), before, "lines while only errors are told")
    w.settings("log_level: info")
    w.ctl("reload")
    check(w.text().count("configuration read") > before, w.text())


@case
def limits(w):
    begin(w, "limits: {pairs: 1, connections_per_user: 2, connections: 16}",
          "pairs: {web0: {peer: {netns: web}}, web1: {peer: {netns: web, name: eth1}}}")
    w.ready("web0")
    equal(w.state("web1"), None, "the second pair")
    said = w.ctl("status", ok=False).stdout
    check("declare more than 1 pairs" in said, said)
    os.chmod(w.dir, 0o755)
    watch = [w.spawn("setpriv", "--reuid", "65534", "--clear-groups", METACTL, "--socket", w.socket,
                     "monitor", stdout=open(f"{w.dir}/monitor{i}", "w")) for i in range(2)]
    w.until(lambda: all("web0" in open(f"{w.dir}/monitor{i}").read() for i in range(2)),
            "two of a user are served")
    nobody = ["setpriv", "--reuid", "65534", "--clear-groups", METACTL, "--socket", w.socket]
    check(run(*nobody, "status", ok=False).returncode != 0, "a third is not")
    w.settings("limits: {pairs: 2}")
    w.ready("web1")
    equal(run(*nobody, "status", ok=False).returncode, 0, "with more room it is")
    for child in watch:
        child.terminate()


main()
