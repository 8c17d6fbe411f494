# SPDX-License-Identifier: GPL-2.0-only
"""The packages on a machine, from the first installation to the purge. Steps, in this order: each begins
with what the one before it has left. /metad-vm/packages/old and new have two versions."""

import glob
import os
import subprocess

from machine import (DROPINS, NAMES, PAIRS, Ping, check, check_traffic, equal, kernel_state, link, main_pid,
                     ours, pings, run, say, show, systemctl, until, until_ready, write)

PACKAGES = "/metad-vm/packages"
PINS = "/sys/fs/bpf/metad"
GROUP = "metad"
# What changes with any package, or with time.
OTHERS = ("/dev", "/metad-vm", "/proc", "/run", "/sys", "/tmp", "/var/cache", "/var/lib/apt", "/var/lib/dpkg",
          "/var/log", "/var/lib/systemd/catalog", "/var/lib/systemd/timers")
# Of those, what metad could leave.
RUNNING = ("/run/metad*", "/run/varlink/registry/*metad*", "/run/systemd/*/metad.*", "/run/systemd/*/*/metad.*",
           "/var/lib/dpkg/info/metad*", "/var/log/*metad*", "/sys/fs/bpf/*")

steps = []
before = {}


def step(fn):
    steps.append(fn)
    return fn


def apt(*args):
    return run("apt-get", "-y", *args)


def debs(version, *names):
    found = [path for name in names for path in glob.glob(f"{PACKAGES}/{version}/{name}_*.deb")]
    equal(len(found), len(names), f"packages of {version}")
    return found


def version(package):
    return run("dpkg-query", "--show", "--showformat=${Version}", package).stdout


def files():
    found = set()
    for top, dirs, names in os.walk("/"):
        dirs[:] = [name for name in dirs if os.path.join(top, name) not in OTHERS]
        found.update(os.path.join(top, name) for name in dirs + names)
    # Copies that the tools for users and groups make of what was.
    found -= {"/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-"}
    found.update(path for pattern in RUNNING for path in glob.glob(pattern)
                 if not path.startswith("/run/metad-vm"))
    return found


class Asking:
    """metactl, again and again; a call that fails is one too many."""

    def __init__(self):
        script = "while :; do metactl status >/dev/null || echo $?; echo asked; sleep 0.1; done"
        self.child = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)

    def failures(self):
        self.child.terminate()
        words = self.child.communicate()[0].splitlines()
        check(words.count("asked") > 5, f"too few calls to tell: {words}")
        return [line for line in words if line != "asked"]


@step
def installation_starts_nothing():
    before["files"] = files()
    before["links"] = sorted(os.listdir("/sys/class/net"))
    apt("install", *debs("old", "metad"))
    equal(show("metad.service", "ActiveState", "UnitFileState"), ["inactive", "disabled"], "metad")
    equal(show("metad.socket", "ActiveState", "UnitFileState"), ["inactive", "disabled"], "its socket")
    check(os.path.isdir(DROPINS), f"{DROPINS} is there")
    run("getent", "group", GROUP)


@step
def enabling_brings_pairs():
    apt("install", *debs("old", "metad-bpf"))
    for name, text in PAIRS.items():
        write(f"{DROPINS}/{name}", text)
    systemctl("enable", "--now", "metad")
    equal(show("metad.service", "ActiveState", "UnitFileState"), ["active", "enabled"], "metad")
    until_ready()
    check_traffic()
    equal(ours(), NAMES, "devices")


@step
def upgrade_loses_nothing():
    pid, state, old = main_pid(), kernel_state(), version("metad")
    traffic = [Ping("10.1.0.2"), Ping("192.0.2.1", ns="web")]
    asking = Asking()
    apt("install", *debs("new", "metad", "metad-bpf"))
    until(lambda: main_pid() not in (0, pid), "another metad runs")
    until_ready()
    check(version("metad") != old, "it is another version")
    equal(asking.failures(), [], "calls that failed")
    lost = [ping.lost() for ping in traffic]
    equal(lost, [0, 0], "packets lost across an upgrade")
    equal(kernel_state(), state, "devices, links and programs across an upgrade")
    equal(show("metad.service", "ActiveState", "UnitFileState"), ["active", "enabled"], "metad")
    say(f"upgrade {old} to {version('metad')} with traffic in both directions: {lost} lost")


@step
def removal_is_a_stop():
    state = kernel_state()
    ping = Ping("10.1.0.2")
    apt("remove", "metad")
    check(not os.path.exists("/usr/sbin/metad"), "metad is gone")
    equal(ours(), NAMES, "devices")
    check(os.path.isdir(PINS) and os.path.exists(f"{DROPINS}/10-web.yaml"), "pins and configuration stay")
    apt("install", *debs("new", "metad"))
    systemctl("start", "metad")
    until_ready()
    equal(ping.lost(), 0, "packets lost across removal and installation")
    equal(kernel_state(), state, "devices, links and programs")


@step
def purge_leaves_nothing():
    run("ip", "link", "add", "mine0", "type", "veth", "peer", "name", "mine1")
    os.mkdir("/sys/fs/bpf/mine")
    apt("purge", "metad", "metad-bpf")
    equal(ours(), [], "devices in metad's link group")
    equal(sorted(os.listdir("/sys/class/net")), sorted(before["links"] + ["mine0", "mine1"]), "devices")
    check(os.path.isdir("/sys/fs/bpf/mine"), "what is pinned by others stays")
    os.rmdir("/sys/fs/bpf/mine")
    run("ip", "link", "delete", "mine0")
    check(link("eth0", ns="web") is None and not pings("10.1.0.2", count=1), "the other ends are gone")
    equal(run("getent", "group", GROUP, ok=False).returncode, 2, "there is no such group")
    left, lost = sorted(files() - before["files"]), sorted(before["files"] - files())
    equal((left, lost), ([], []), "files that were left, and lost")
    say(f"purge: of {len(before['files'])} names in file systems none more, none less")
