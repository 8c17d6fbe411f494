#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""metactl doctor: machines that lack something. Each is this one with something taken away, in mount
and network namespaces of its own. systemd alone is not here: a script answers for systemctl."""
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.dirname(__file__))
import world  # noqa: E402
from world import BPF_DIR, METACTL, check, equal, main, run  # noqa: E402

WIDTH = 80
RELEASE = os.uname().release
mounts = []
WAITING = "pairs: {late0: {peer: {netns: late}}}\n"


def doctor(w, *prefix, env=None, code=None, arguments=()):
    """{what it is about: [(verdict, what, how)]}"""
    done = subprocess.run([*prefix, METACTL, "--socket", w.socket, "doctor", "--config-dir", w.conf,
                           "--json=short", *arguments], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})})
    check(done.returncode in ((0, 1) if code is None else (code,)) and not done.stderr, f"{done}")
    found = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["about"], []).append(
            (finding["verdict"], finding["what"], finding.get("how", "")))
    fails = [f for findings in found.values() for f in findings if f[0] == "fail"]
    equal(done.returncode, 1 if fails else 0, f"exit code with {fails}")
    return found


def holds(found, about, verdict, words="", how=""):
    check(any(f[0] == verdict and words in f[1] and how in f[2] for f in found.get(about, [])),
          f"{about}: no {verdict} with {words!r} and {how!r} in {found.get(about)}")


def is_not(found, about, verdict):
    check(not any(f[0] == verdict for f in found.get(about, [])), f"{about}: {found.get(about)}")


def mount(*arguments):
    """Until the case is over."""
    run("mount", *arguments)
    mounts.append(arguments[-1])


def mount_tmpfs(path):
    mount("-t", "tmpfs", "doctor", path)


def case(fn):
    def whole(w):
        try:
            fn(w)
        finally:
            if w.metad:
                w.stop()
            while mounts:
                run("umount", mounts.pop())
            for name in "systemd", "udev":
                shutil.rmtree(f"/run/{name}", ignore_errors=True)

    whole.__name__ = fn.__name__
    return world.case(whole)


def called(w, name):
    """A process of that name, in this network namespace."""
    path = f"{w.dir}/{name}"
    shutil.copy(shutil.which("sleep"), path)
    process = subprocess.Popen([path, "60"])
    w.until(lambda: open(f"/proc/{process.pid}/comm").read().strip() == name[:15], f"it is {name}")
    w.children.append(process)
    return process


def end(process):
    process.kill()
    process.wait()


# ---- metad ----

@case
def all_is_well(w):
    w.start()
    mounted = run("stat", "-f", "-c", "%T", "/sys/fs/bpf").stdout.strip() == "bpf_fs"
    if not mounted:
        mount("-t", "bpf", "bpf", "/sys/fs/bpf")
    found = doctor(w, code=0)
    holds(found, "kernel", "ok", RELEASE)
    holds(found, "kinds", "ok", "works")
    holds(found, "bpffs", "ok")
    holds(found, "capabilities", "ok", "metad has")
    holds(found, "libbpf", "ok", "version 1.")
    holds(found, "programs", "ok", BPF_DIR)
    holds(found, "socket", "ok", w.socket)
    holds(found, "configuration", "ok")
    holds(found, "pairs", "ok", "all 0")
    check("features" in found, f"{found.keys()}")
    check("metad" not in found, f"{found.get('metad')}")


@case
def metad_does_not_run(w):
    found = doctor(w, code=1)
    holds(found, "socket", "fail", "nobody listens there", "start metad")
    holds(found, "kinds", "ok", "nothing is against it")
    holds(found, "configuration", "ok")
    holds(found, "capabilities", "ok", "withheld")
    check("features" not in found and "pairs" not in found, f"{found.keys()}")


@case
def pairs_wait(w):
    w.write(WAITING)
    w.start()
    holds(doctor(w), "pairs", "note", "1 of 1 are not ready", "metactl status")


@case
def files_are_broken(w):
    w.write("pairs: {web0: {mtuu: 1}}\n")
    holds(doctor(w, code=1), "configuration", "fail", "1 thing is wrong", "metactl check")
    w.start()
    holds(doctor(w, code=1), "configuration", "fail", "1 thing is wrong", "metactl status")


@case
def several_of_metad(w):
    w.start()
    other = called(w, "metad")
    holds(doctor(w, code=1), "metad", "fail", "2 of it run")
    # One that has ended, but that nobody has waited for yet, does not run.
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    check("metad" not in doctor(w), "the other one has ended")
    end(other)
    check("metad" not in doctor(w), "there is one only")


# ---- the kernel ----

@case
def an_old_kernel(w):
    found = doctor(w, "setarch", "--uname-2.6", code=1)
    holds(found, "kernel", "fail", "older than 6.6", "linux-image-")
    check("veth: this kernel is too old" in [f[1] for f in found["kinds"]], f"{found['kinds']}")
    # What works is not too old, whatever it says of itself.
    w.start()
    found = doctor(w, "setarch", "--uname-2.6")
    holds(found, "kernel", "ok")
    is_not(found, "kinds", "fail")


@case
def a_kernel_without(w):
    """A configuration as distributions keep it, of a kernel that lacks some things."""
    if os.path.exists("/proc/config.gz"):
        mount("--bind", "/dev/null", "/proc/config.gz")
    os.makedirs("/boot", exist_ok=True)
    mount_tmpfs("/boot")
    found = doctor(w)
    holds(found, "options", "note", f"/boot/config-{RELEASE}")
    for name in "/lib/modules", "/sys/module":
        if os.path.exists(name):
            mount_tmpfs(name)
    with open(f"/boot/config-{RELEASE}", "w") as file:
        file.write("# CONFIG_NETKIT is not set\nCONFIG_NET_NS=y\nCONFIG_INET=y\nCONFIG_VETH=m\n"
                   "CONFIG_NET_XGRESS=y\nCONFIG_BPF_SYSCALL_X=y\n")
    found = doctor(w, code=1)
    holds(found, "options", "fail", f"CONFIG_BPF_SYSCALL is not set in /boot/config-{RELEASE}")
    equal(len(found["options"]), 1, "options that are not there")
    holds(found, "kinds", "fail", "netkit: this kernel is built without it", "CONFIG_NETKIT=y")
    holds(found, "kinds", "fail", "veth: its module is not installed")
    with open(f"/boot/config-{RELEASE}", "a") as file:
        file.write("CONFIG_NETKIT=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_VETH=y\n")
    found = doctor(w)
    holds(found, "options", "ok", f"/boot/config-{RELEASE}")
    holds(found, "kinds", "ok", "netkit: nothing is against it")
    holds(found, "kinds", "note", "meta: ", "driver/README.md")


@case
def no_bpf_file_system(w):
    mount_tmpfs("/sys/fs/bpf")
    holds(doctor(w, code=1), "bpffs", "fail", "no BPF file system", "mount -t bpf")
    # metad has another one here.
    w.start()
    holds(doctor(w), "bpffs", "note", "--bpffs")
    w.stop()
    mount("-t", "bpf", "bpf", "/sys/fs/bpf")
    holds(doctor(w), "bpffs", "ok")


@case
def knobs(w):
    def put(path, text):
        with open(f"{w.dir}/knob", "w") as file:
            file.write(text)
        mount("--bind", f"{w.dir}/knob", path)

    put("/proc/sys/kernel/unprivileged_bpf_disabled", "0\n")
    holds(doctor(w), "privileges", "note", "every user", "unprivileged_bpf_disabled=2")
    if os.path.exists("/sys/kernel/btf/vmlinux"):
        mount_tmpfs("/sys/kernel/btf")
    holds(doctor(w), "types", "note", "No such file", "CONFIG_DEBUG_INFO_BTF")


# ---- the system ----

@case
def a_machine_that_withholds(w):
    found = doctor(w, "setpriv", "--bounding-set", "-sys_admin,-net_admin", code=1)
    holds(found, "capabilities", "fail", "withholds CAP_NET_ADMIN, CAP_SYS_ADMIN")


@case
def no_libbpf(w):
    path = re.search(r"libbpf\.so\.1 => (\S+)", run("ldd", world.METAD).stdout)[1]
    mount("--bind", "/dev/null", os.path.realpath(path))
    holds(doctor(w, code=1), "libbpf", "fail", "not installed", "libbpf1/bookworm-backports")


@case
def programs_are_missing(w):
    place = {"METAD_BPF_DIR": f"{w.dir}/objects"}
    os.mkdir(place["METAD_BPF_DIR"])
    holds(doctor(w, env=place, code=1), "programs", "fail", "drop.o: No such file", "package metad")
    shutil.copy(f"{BPF_DIR}/drop.o", place["METAD_BPF_DIR"])
    holds(doctor(w, env=place), "programs", "note", "acl.o: No such file", "package metad-bpf")


@case
def namespaces(w):
    check(not os.path.exists("/run/netns"), "none has a name here")
    holds(doctor(w), "namespaces", "note", "none", "ip netns add")
    w.netns("one")
    holds(doctor(w), "namespaces", "ok", "1 in /run/netns")


@case
def groups(w):
    w.settings("group: nobodys-group\n")
    holds(doctor(w), "group", "note", '"nobodys-group"')
    w.settings("group: root\n")
    holds(doctor(w), "group", "ok", '"root"')
    w.settings('group: ""\n')
    holds(doctor(w), "group", "ok", "only root")


@case
def other_managers(w):
    for path in "/etc/udev", "/usr/lib/udev", "/etc/systemd", "/usr/lib/systemd":
        if os.path.isdir(path):
            mount_tmpfs(path)
    holds(doctor(w), "managers", "ok", "no other one")
    manager = called(w, "NetworkManager")
    holds(doctor(w, code=1), "managers", "fail", "there is no udev/rules.d/70-metad.rules")
    os.makedirs("/run/udev/rules.d")
    shutil.copy(os.path.join(os.path.dirname(__file__), "../../systemd/70-metad.rules"),
                "/run/udev/rules.d")
    holds(doctor(w, code=1), "managers", "fail", "udev, by which it is told", "start systemd-udevd")
    udev = called(w, "systemd-udevd")
    holds(doctor(w), "managers", "ok", "NetworkManager leaves")
    os.makedirs("/etc/udev/rules.d")
    os.symlink("/dev/null", "/etc/udev/rules.d/70-metad.rules")
    holds(doctor(w, code=1), "managers", "fail", "there is no udev/rules.d/70-metad.rules")
    os.unlink("/etc/udev/rules.d/70-metad.rules")
    end(manager)
    networkd = called(w, "systemd-networkd")
    holds(doctor(w, code=1), "managers", "fail", "there is no systemd/network/05-metad.network")
    os.makedirs("/run/systemd/network")
    shutil.copy(os.path.join(os.path.dirname(__file__), "../../systemd/05-metad.network"),
                "/run/systemd/network")
    holds(doctor(w), "managers", "ok", "systemd-networkd leaves")
    for process in networkd, udev:
        end(process)
    connman = called(w, "connmand")
    holds(doctor(w), "managers", "note", "ConnMan runs")
    end(connman)


SYSTEMCTL = """#!/bin/sh
# show -P PROPERTY UNIT
case $3:$4 in
LoadState:metad.service) echo {load} ;;
UnitFileState:metad.service) echo {enabled} ;;
ActiveState:metad.service) echo {active} ;;
ActiveState:metad.socket) echo {socket} ;;
esac
"""


@case
def units(w):
    def answers(load="loaded", enabled="enabled", active="active", socket="inactive"):
        with open(f"{w.dir}/systemctl", "w") as file:
            file.write(SYSTEMCTL.format(load=load, enabled=enabled, active=active, socket=socket))
        os.chmod(f"{w.dir}/systemctl", 0o755)
        return doctor(w, env={"PATH": f"{w.dir}:{os.environ['PATH']}"})

    holds(doctor(w), "service", "note", "systemd does not run here")
    os.makedirs("/run/systemd/system")
    holds(answers(load="not-found", active="inactive"), "service", "fail", "no metad.service")
    holds(answers(enabled="disabled"), "service", "note", "not started at boot", "enable metad")
    holds(answers(enabled="masked", active="inactive"), "service", "fail", "masked", "unmask")
    holds(answers(active="failed"), "service", "fail", "has failed", "journalctl -u metad")
    holds(answers(active="inactive"), "service", "fail", "is inactive", "systemctl start metad")
    found = answers()
    equal(found["service"], [("ok", "metad.service is active", "")], "service")
    holds(found, "socket", "fail", "nobody listens", "systemctl enable --now metad")
    w.start()
    holds(answers(active="inactive"), "service", "note", "runs, but not as metad.service")


# ---- for people ----

@case
def it_fits_a_terminal(w):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    with subprocess.Popen([METACTL, "--socket", w.socket, "--no-pager", "doctor"], stdout=slave,
                          stderr=slave, env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"}) as done:
        os.close(slave)
        text = b""
        while True:
            try:
                text += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    equal(done.returncode, 1, "exit code")
    lines = text.decode().replace("\r\n", "\n").splitlines()
    for line in lines:
        check(len(line) <= WIDTH, f"more than {WIDTH} columns: {line}")
    check(any(line.startswith("× socket         metad does not answer") for line in lines), lines)
    check(any(line == " " * 17 + "→ start metad" for line in lines), lines)
    check(" fail" in lines[-1] and " note" in lines[-1], lines[-1])


main()
