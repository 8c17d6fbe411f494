# SPDX-License-Identifier: GPL-2.0-only
"""The units: what the hardening leaves possible, reload, watchdog, socket, journal, polkit."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from machine import (DROPINS, NAMES, PATIENCE, PAIRS, Ping, Skip, case, check, check_traffic, equal, ip,
                     kernel_state, link, main_pid, metactl, remove, run, say, show, status,
                     systemctl, systemd_version, undisturbed, until, until_ready, write)

EXTRA = f"{DROPINS}/50-extra.yaml"
BPF_DIR = "/usr/lib/metad/bpf"
SOCKET = "/run/metad/io.metad"
# Users with no rights, and with those of the group that may write.
NOBODY, MEMBER = "vmnobody", "vmmember"


@contextlib.contextmanager
def extra(text, *names):
    """With one more drop-in, and its pairs ready."""
    write(EXTRA, text)
    try:
        until_ready(*names)
        yield
    finally:
        remove(EXTRA)
        until(lambda: not any(link(name) for name in names), "the extra pairs are gone")


@contextlib.contextmanager
def override(text):
    """With other settings of the unit."""
    path = "/run/systemd/system/metad.service.d/vm.conf"
    write(path, text)
    systemctl("daemon-reload")
    try:
        systemctl("restart", "metad.service")
        until_ready()
        yield
    finally:
        remove(path)
        systemctl("daemon-reload")
        systemctl("restart", "metad.service")
        until_ready()


@contextlib.contextmanager
def namespace(name):
    run("ip", "netns", "add", name)
    try:
        yield
    finally:
        run("ip", "netns", "del", name)


# ---- hardening ----

@case
def unit_is_hardened():
    line = run("systemd-analyze", "security", "--no-pager", "metad.service").stdout
    score = float(line.strip().splitlines()[-1].split()[-3])
    say(f"systemd-analyze security metad.service: {score} (systemd {systemd_version()})")
    check(score <= 2.5, f"exposure: {score}")
    with open(f"/proc/{main_pid()}/status") as file:
        fields = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    equal((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"), "metad's own state")


@case
def namespaces_made_after_the_start_are_entered():
    """By name, by path and by process, of another user too."""
    pair = ("  {name}: {{policy: forward, addresses: [{ours}/32], routes: [{{to: {theirs}/32}}],"
            " peer: {{netns: {netns}, addresses: [{theirs}/24],"
            " routes: [{{to: {ours}/32}}], sysctls: {{net.ipv4.conf.eth0.rp_filter: 2,"
            " net.ipv4.ip_forward: 1}}}}}}\n")
    forwarding = open("/proc/sys/net/ipv4/ip_forward").read()
    os.makedirs("/srv/ns", exist_ok=True)
    open("/srv/ns/late", "w").close()
    run("unshare", "--net=/srv/ns/late", "true")
    child = subprocess.Popen(["unshare", "--net", "setpriv", "--reuid=65534", "--regid=65534",
                              "--clear-groups", "sleep", "1000"])
    try:
        until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net")
              and open(f"/proc/{child.pid}/comm").read().strip() == "sleep", "the process is there")
        with namespace("late"):
            ways = {"byname": "late", "bypath": "{path: /srv/ns/late}",
                    "bypid": f"{{pid: {child.pid}}}"}
            text = "pairs:\n"
            for i, (name, netns) in enumerate(ways.items()):
                text += pair.format(name=name, netns=netns, ours=f"10.5.{i}.1",
                                    theirs=f"10.5.{i}.2")
            with extra(text, *ways):
                for i in range(len(ways)):
                    run("ping", "-n", "-q", "-c", "1", "-W", "5", f"10.5.{i}.2")
                    enter = (["ip", "netns", "exec", "late"], ["nsenter", "--net=/srv/ns/late"],
                             ["nsenter", "--net", f"--target={child.pid}"])[i]
                    values = run(*enter, "sysctl", "-n", "net.ipv4.conf.eth0.rp_filter",
                                 "net.ipv4.ip_forward").stdout.split()
                    equal(values, ["2", "1"], f"sysctls of the {i + 1}th namespace")
        equal(open("/proc/sys/net/ipv4/ip_forward").read(), forwarding, "the machine's own sysctl")
    finally:
        child.kill()
        child.wait()
        run("umount", "/srv/ns/late", ok=False)


@case
def namespace_that_cannot_be_opened_holds_one_pair():
    """Root of the sandbox may not open what is not root's, as it may not what ip netns add begins with."""
    path = "/srv/ns/theirs"
    os.makedirs("/srv/ns", exist_ok=True)
    open(path, "w").close()
    os.chown(path, 65534, 65534)
    os.chmod(path, 0o600)
    text = (f"pairs:\n  theirs: {{peer: {{netns: {{path: {path}}}}}}}\n"
            "  fine: {peer: {netns: web, name: eth5}}\n")
    try:
        with extra(text, "fine"):
            said = until(lambda: [p for p in status() if p["name"] == "theirs" and p.get("why")][0],
                         "it waits")
            equal(said["state"], "waiting", f"state: {said}")
            check(f"cannot open {path}: Permission denied" in said["why"], f"why: {said}")
    finally:
        remove(path)


@case
def objects_of_programs_are_read_from_anywhere():
    places = ["/etc/metad/mine.o", "/opt/vm/mine.o", "/root/mine.o", "/home/vm/mine.o"]
    for path in places:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(f"{BPF_DIR}/count.o", path)
    text = "programs:\n"
    for i, path in enumerate(places):
        text += f"  mine{i}: {{object: {path}}}\n"
    chain = ", ".join(f"mine{i}" for i in range(len(places)))
    text += f"pairs:\n  mine: {{programs: [{chain}], peer: {{netns: web, name: eth5}}}}\n"
    with extra(text, "mine"):
        names = [s["program"] for s in status("mine")["ends"][0]["chain"]]
        equal(names, [f"mine{i}" for i in range(len(places))], "the chain")
    for path in places:
        os.remove(path)


@case
def configuration_is_written_and_nothing_beside_it():
    """As metad itself sees the machine's files."""
    inside = ["nsenter", f"--target={main_pid()}", "--mount", "touch"]
    for directory in (DROPINS, "/run/metad/pairs.d", "/var/lib/metad"):
        run(*inside, f"{directory}/.written")
        remove(f"{directory}/.written")
    for path in ("/etc/.written", "/usr/lib/metad/.written", "/var/lib/.written"):
        done = run(*inside, path, ok=False)
        check("Read-only file system" in done.stderr, f"{path}: {done.returncode} {done.stderr}")


@case
def pairs_made_by_hand_are_adopted():
    """Through the sandbox: its file is everybody's to read, and its links' pins change places."""
    path = f"{DROPINS}/hand0.yaml"
    with namespace("hand"):
        run("ip", "link", "add", "hand0", "type", "veth", "peer", "name", "eth0", "netns", "hand")
        number = link("hand0")["ifindex"]
        metactl("adopt", "hand0")
        until_ready("hand0")
        equal(os.stat(path).st_mode & 0o777, 0o644, "who may read its file")
        write(path, open(path).read().replace("kind: veth", "kind: veth\n    programs: [count]"))
        metactl("reload")
        until(lambda: status("hand0")["ends"][0]["chain"], "it has a program")
        metactl("release", "hand0")
        check(not os.path.exists(path), "its file is gone")
        equal(len(os.listdir("/sys/fs/bpf/metad-released/hand0")), 1, "pins")
        equal((link("hand0")["ifindex"], link("hand0")["group"]), (number, "default"), "the device")
        shutil.rmtree("/sys/fs/bpf/metad-released")


@case
def grace_periods_are_expedited_for_a_moment():
    knob = open("/sys/kernel/rcu_expedited")

    def read_knob():
        knob.seek(0)
        return knob.read().strip()

    equal(read_knob(), "0", "rcu_expedited before")
    text = "pairs:\n" + "".join(
        f"  many{i}: {{programs: [count, pass], peer: {{netns: web, name: m{i},"
        f" programs: [count]}}}}\n" for i in range(40))
    write(EXTRA, text)
    try:
        until_knob(read_knob)
        until_ready(*(f"many{i}" for i in range(40)))
    finally:
        remove(EXTRA)
        until(lambda: not link("many0") and not link("many39"), "the pairs are gone")
    until(lambda: read_knob() == "0", "rcu_expedited is off again")
    check(not os.path.exists("/run/metad/expedited"), "its marker is gone")


def until_knob(read_knob):
    end = time.monotonic() + PATIENCE
    while read_knob() != "1":
        check(time.monotonic() < end, "rcu_expedited was never on")


# ---- reload ----

@case
def reload_of_a_broken_file_fails_and_changes_nothing():
    path, since = f"{DROPINS}/10-web.yaml", int(time.time())

    def break_and_mend():
        pid = main_pid()
        write(path, PAIRS["10-web.yaml"].replace("policy: drop", "polcy: drop"))
        equal(systemctl("reload", "metad.service", ok=False).returncode != 0, True,
              "systemctl reload fails")
        text = run("journalctl", f"--since=@{since}", "--unit=metad.service", "--output=cat").stdout
        check("10-web.yaml:" in text and "polcy" in text, f"the journal names the place: {text}")
        equal((show("metad.service", "ActiveState"), main_pid()), ("active", pid), "metad")
        write(path, PAIRS["10-web.yaml"])
        systemctl("reload", "metad.service")
        until_ready()

    undisturbed("a reload of a broken file", break_and_mend)


# ---- watchdog ----

@case
def watchdog_is_fed_and_bites():
    check(show("metad.service", "WatchdogUSec") not in ("0", "infinity"), "there is a watchdog")
    with override("[Service]\nWatchdogSec=5\nTimeoutAbortSec=3\n"):
        before = int(show("metad.service", "NRestarts"))
        # Nothing can be waited for where nothing is to happen.
        time.sleep(16)
        equal(int(show("metad.service", "NRestarts")), before, "restarts of a metad that is well")

        def hang():
            os.kill(main_pid(), signal.SIGSTOP)
            until(lambda: show("metad.service", "ActiveState", "NRestarts") ==
                  ["active", str(before + 1)], "metad is started again")
            until_ready()

        undisturbed("a hang that the watchdog ends", hang)


# ---- socket ----

@case
def socket_starts_the_service():
    systemctl("stop", "metad.service")
    equal(show("metad.socket", "ActiveState", "SubState"), ["active", "listening"], "metad.socket")
    equal(show("metad.service", "ActiveState"), "inactive", "metad.service")
    until_ready()
    equal(show("metad.service", "ActiveState"), "active", "metad.service after a call")
    inode = os.stat(SOCKET).st_ino
    systemctl("restart", "metad.service")
    equal(os.stat(SOCKET).st_ino, inode, "the socket across a restart")
    until_ready()


@case
def socket_is_varlink():
    equal(os.path.realpath("/run/varlink/registry/io.metad"), SOCKET, "the registry's link")
    if systemd_version() < 255:
        raise Skip(f"systemd {systemd_version()} has no varlinkctl")
    said = run("varlinkctl", "info", SOCKET).stdout
    check("io.metad" in said and "org.varlink.service" in said, f"varlinkctl info: {said}")
    said = run("varlinkctl", "introspect", SOCKET, "io.metad").stdout
    check("method List" in said, f"varlinkctl introspect: {said}")
    said = run("varlinkctl", "call", "--more", SOCKET, "io.metad.List", "{}").stdout
    check('"web0"' in said, f"varlinkctl call: {said}")


# ---- journal ----

def entries(*matches):
    text = run("journalctl", "--boot", "--output=json", "--no-pager", *matches).stdout
    return [json.loads(line) for line in text.splitlines()]


@case
def journal_has_fields_and_explanations():
    found = entries("METAD_PAIR=web0")
    check(found, "there are entries about web0")
    ids = {entry.get("MESSAGE_ID") for entry in found}
    check(None not in ids, f"all have a MESSAGE_ID: {[e for e in found if 'MESSAGE_ID' not in e][:1]}")
    for ident in ids:
        said = run("journalctl", "--catalog", "--boot", "--no-pager", f"MESSAGE_ID={ident}").stdout
        check("Subject:" in said and "Defined-By: metad" in said, f"the catalog of {ident}: {said[:400]}")
    say(f"journal: {len(found)} entries about web0, {len(ids)} kinds of messages, all explained")


# ---- who may ----

def as_user(user, *args):
    return run("setpriv", f"--reuid={user}", "--regid=100", "--init-groups", *args, ok=False)


@contextlib.contextmanager
def users():
    run("useradd", "--no-create-home", NOBODY)
    run("useradd", "--no-create-home", "--groups", "metad", MEMBER)
    try:
        yield
    finally:
        run("userdel", NOBODY)
        run("userdel", MEMBER)


@case
def group_may_write():
    with users():
        equal(as_user(NOBODY, "metactl", "status").returncode, 0, "everybody may read")
        refused = as_user(NOBODY, "metactl", "reload")
        equal(refused.returncode, 1, f"not everybody may write: {refused}")
        check("may not" in refused.stderr or "ermission" in refused.stderr, f"it says why: {refused}")
        equal(as_user(MEMBER, "metactl", "reload").returncode, 0, "the group may write")


@case
def polkit_rules_decide():
    rule = "/etc/polkit-1/rules.d/10-metad-vm.rules"
    with users():
        equal(as_user(NOBODY, "metactl", "reload").returncode, 1, "without a rule")
        write(rule, f"""
polkit.addRule(function(action, subject) {{
    if (action.id.indexOf("io.metad.") == 0 && subject.user == "{NOBODY}")
        return polkit.Result.YES;
}});
""")
        try:
            # polkitd watches its directory.
            until(lambda: as_user(NOBODY, "metactl", "reload").returncode == 0, "a rule allows it", 20)
            equal(as_user("nobody", "metactl", "reload").returncode, 1, "to that user only")
        finally:
            remove(rule)
        until(lambda: as_user(NOBODY, "metactl", "reload").returncode == 1, "no more", 20)
