# SPDX-License-Identifier: GPL-2.0-only
"""What passes between metad and a service manager: readiness, status, watchdog, sockets, the journal.

The ends of the service manager and of the journal are sockets of the test at the real places, so
what arrives there is what they would get.
"""

import array
import contextlib
import ctypes
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import METACTL, PATIENCE, Failure, case, check, equal, main, run  # noqa: E402

PAIR = "pairs: {web0: {peer: {netns: web}}}\n"
UNIT = f"{os.path.dirname(__file__)}/../../systemd/metad.service.in"
CONNECTIONS = 1024  # metad.yaml's default
JOURNAL = "/run/systemd/journal/socket"
PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4206, 0x4207


class Manager:
    """A notification socket, and what has come to it."""

    def __init__(self, w):
        self.path = f"{w.dir}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.messages = []

    def drain(self):
        while True:
            try:
                self.messages.append((time.monotonic(), self.socket.recv(4096).decode()))
            except BlockingIOError:
                return self.messages

    def lines(self):
        return [line for _, text in self.drain() for line in text.splitlines()]

    def last(self, name):
        found = [line for line in self.lines() if line.startswith(f"{name}=")]
        return found[-1].split("=", 1)[1] if found else None

    def feedings(self):
        return [moment for moment, text in self.drain() if "WATCHDOG=1" in text]


def begin(w, settings="", pairs=PAIR, **more):
    w.netns("web")
    w.settings(settings)
    w.write(pairs)
    manager = Manager(w)
    w.start(env={"NOTIFY_SOCKET": manager.path, **more})
    return manager


# ---- how it is ----

@case
def ready_when_pairs_are(w):
    manager = begin(w, pairs="pairs: {web0: {peer: {netns: web}}, late0: {peer: {netns: late}}}")
    w.until(lambda: "READY=1" in manager.lines(), "metad says that it is ready")
    equal(manager.drain()[0][1], "READY=1\nSTATUS=2 pairs: 1 ready, 1 waiting", "the first message")
    equal(w.state("web0"), "ready", "web0, then")
    w.netns("late")
    w.until(lambda: manager.last("STATUS") == "2 pairs: 2 ready", "the status follows pairs")
    w.write(PAIR)
    w.until(lambda: manager.last("STATUS") == "1 pair: 1 ready", "and files")
    w.write("nonsense: 1", "20-bad.yaml")
    w.until(lambda: manager.last("STATUS") == "1 pair: 1 ready; 1 fault in the configuration",
            "and faults")
    n = len(manager.drain())
    w.ctl("reload", ok=False)
    w.settle()
    equal(len(manager.drain()), n, "messages, after nothing has changed")
    equal(manager.lines().count("READY=1"), 1, "times it became ready")


@case
def reload_by_a_signal(w):
    manager = begin(w)
    w.until(lambda: "READY=1" in manager.lines(), "metad is ready")
    before_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    w.metad.send_signal(signal.SIGHUP)
    w.until(lambda: manager.lines().count("READY=1") == 2, "metad is ready again")
    reloading = next(text for _, text in manager.drain() if "RELOADING=1" in text)
    at_us = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)[1])
    check(before_us <= at_us <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, reloading)
    check(manager.lines().index("RELOADING=1") < len(manager.lines()) - 1
          - manager.lines()[::-1].index("READY=1"), manager.lines())
    w.stop()
    equal(manager.lines()[-1], "STOPPING=1", "the last word")


@case
def a_start_that_fails_says_why(w):
    manager = Manager(w)
    run("umount", w.bpffs)
    done = run(*w.arguments(), ok=False, env={**os.environ, "NOTIFY_SOCKET": manager.path})
    equal(done.returncode, 72, "exit code without a BPF file system")
    equal(manager.last("ERRNO"), "2", "ERRNO")
    check(w.bpffs in manager.last("STATUS"), manager.lines())


# ---- the watchdog ----

@case
def watchdog_is_fed_in_peace(w):
    manager = begin(w, "audit: never", WATCHDOG_USEC="400000")
    # When those came that have waited here is not known.
    n = len(manager.feedings())
    w.until(lambda: len(manager.feedings()) >= n + 6, "it is fed")
    moments = manager.feedings()[n:]
    gaps = [b - a for a, b in zip(moments, moments[1:])]
    check(max(gaps) < 0.4, f"never later than the limit: {gaps}")
    check(min(gaps) > 0.1, f"nor all the time: {gaps}")


@case
def watchdog_is_for_its_own_process(w):
    manager = begin(w, "audit: never", WATCHDOG_USEC="400000", WATCHDOG_PID="1")
    time.sleep(1)
    equal(manager.feedings(), [], "feedings for somebody else")


def switches(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M)[1])


@case
def nobody_is_woken_without_a_watchdog(w):
    manager = begin(w, "audit: never")
    w.until(lambda: "READY=1" in manager.lines(), "metad is ready")
    w.settle()
    time.sleep(0.5)
    before = switches(w.metad.pid)
    time.sleep(2)
    equal(switches(w.metad.pid), before, "wakeups of an idle metad")


class Held:
    """One thread of a process, stopped by the kernel as long as this lasts."""

    def __init__(self, tid):
        self.tid = tid
        self.libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(self, request):
        if self.libc.ptrace(ctypes.c_long(request), ctypes.c_long(self.tid), None, None) < 0:
            raise Failure(f"ptrace: {os.strerror(ctypes.get_errno())}")

    def __enter__(self):
        self.ptrace(PTRACE_SEIZE)
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, 0x40000000)  # __WALL

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH)


@case
def a_worker_that_hangs_is_not_fed_for(w):
    manager = begin(w, "audit: never", WATCHDOG_USEC="400000")
    w.until(lambda: manager.feedings(), "it is fed")
    worker, = [int(tid) for tid in os.listdir(f"/proc/{w.metad.pid}/task")
               if int(tid) != w.metad.pid]
    with Held(worker):
        time.sleep(0.4)  # what was on its way
        before, woken = len(manager.feedings()), switches(w.metad.pid)
        time.sleep(1.5)
        equal(len(manager.feedings()), before, "feedings while the worker hangs")
        check(switches(w.metad.pid) - woken < 10, "the loop does not spin meanwhile")
        equal(w.ctl("version", ok=False).returncode, 0, "the main thread answers")
    w.until(lambda: len(manager.feedings()) > before + 2, "it is fed again")


# ---- the socket ----

def listener(w, name, kind=socket.SOCK_STREAM, listen=True):
    path = f"{w.dir}/{name}"
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(path)
    if listen:
        s.listen()
    return s, path


def open_files(w):
    """Without those that are closed meanwhile."""
    found = []
    for fd in os.listdir(f"/proc/{w.metad.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{w.metad.pid}/fd/{fd}"))
    return found


@case
def socket_is_taken_by_its_name(w):
    other, other_path = listener(w, "other")
    given, path = listener(w, "given")
    wrong, _ = listener(w, "wrong", socket.SOCK_DGRAM, listen=False)
    inode = os.stat(path).st_ino
    w.socket = path
    for attempt in range(2):
        w.start(fds={"other": other, "varlink": given, "wrong": wrong})
        fds = open_files(w)
        for s, wanted in ((given, True), (other, False), (wrong, False)):
            equal(f"socket:[{os.fstat(s.fileno()).st_ino}]" in fds, wanted, "what metad keeps")
        w.stop()
        equal(os.stat(path).st_ino, inode, "the socket file after a stop")
    check(not os.path.exists(f"{w.runtime}/io.metad"), "no other socket was made")
    for name in ("other", "wrong"):
        check(f"a file descriptor is named {name}, not varlink: closed" in w.text(), w.text())


@case
def a_socket_that_cannot_be_listened_at_is_refused(w):
    datagrams, _ = listener(w, "datagrams", socket.SOCK_DGRAM, listen=False)
    w.start(fds={"varlink": datagrams})
    check("named varlink is no listening stream socket: closed" in w.text(), w.text())
    check(os.path.exists(f"{w.runtime}/io.metad"), "metad has made its own")


def files_limit():
    """As systemd sets it: by the unit, or its own."""
    with open(UNIT) as file:
        said = re.search(r"^LimitNOFILE=(\d+)$", file.read(), re.M)
    return int(said[1]) if said else 1024


@case
def connections_leave_room_for_work(w):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    w.netns("web", "late")
    w.write(PAIR)
    w.start()
    w.ready("web0")
    run("prlimit", f"--pid={w.metad.pid}", f"--nofile={min(files_limit(), hard)}:")
    with contextlib.ExitStack() as crowd:
        for _ in range(CONNECTIONS - 1):
            crowd.enter_context(socket.socket(socket.AF_UNIX)).connect(w.socket)
        w.write("pairs: {web0: {peer: {netns: web}}, late0: {peer: {netns: late}}}")
        w.ready("late0")


# ---- the journal ----

class Journal:
    """The journal's socket, and the entries that came to it (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

    def __init__(self):
        os.makedirs(os.path.dirname(JOURNAL), exist_ok=True)
        if os.path.exists(JOURNAL):
            os.unlink(JOURNAL)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(JOURNAL)
        self.socket.setblocking(False)
        self.entries = []

    @staticmethod
    def parse(data):
        entry = {}
        while data:
            line, data = data.split(b"\n", 1)
            if b"=" in line:
                name, value = line.split(b"=", 1)
            else:
                size, = struct.unpack_from("<Q", data)
                name, value, data = line, data[8:8 + size], data[9 + size:]
            entry[name.decode()] = value.decode()
        return entry

    def drain(self):
        fds = array.array("i")
        while True:
            try:
                data, control, _, _ = self.socket.recvmsg(1 << 18, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return self.entries
            for _, _, payload in control:
                fds.frombytes(payload)
            if fds:
                with os.fdopen(fds.pop(), "rb") as file:
                    file.seek(0)
                    data = file.read()
            self.entries.append(self.parse(data))

    def wait(self, w, name, **fields):
        ident = IDS[name]

        def found():
            return next((e for e in self.drain() if e.get("MESSAGE_ID") == ident
                         and all(e.get(k) == v for k, v in fields.items())), None)
        w.until(found, f"the journal has {name} {fields}")
        return found()


def read_ids():
    with open(os.environ["METAD_TEST_MESSAGE_IDS"]) as file:
        return dict(re.findall(r'#define MESSAGE_(\w+) "(\w+)"', file.read()))


IDS = read_ids()


@case
def journal_gets_types_and_fields(w):
    journal = Journal()
    stderr = os.fstat(w.log.fileno())
    w.netns("web")
    w.write(PAIR)
    w.start(env={"JOURNAL_STREAM": f"{stderr.st_dev}:{stderr.st_ino}"})
    journal.wait(w, "STARTED", PRIORITY="6")
    journal.wait(w, "CONFIG_READ", MESSAGE="configuration read: 1 pair")
    journal.wait(w, "KINDS")
    journal.wait(w, "PAIR_CREATED", METAD_PAIR="web0", METAD_NETNS="web", INTERFACE="web0")
    ready = journal.wait(w, "PAIR_READY", METAD_PAIR="web0", MESSAGE="ready")
    equal(int(ready["METAD_GENERATION"]), w.pair("web0")["summary"]["sequence"], "its generation")

    run("ip", "link", "set", "web0", "down")
    journal.wait(w, "PAIR_REPAIRED", METAD_PAIR="web0", METAD_STEP="up")
    w.ready("web0")
    w.write("pairs: {web0: {mtu: 1400, peer: {netns: web}}}")
    journal.wait(w, "PAIR_CHANGED", METAD_PAIR="web0")
    w.write("pairs: {web0: {mtu: 1400, peer: {netns: web}}, late0: {peer: {netns: late}}}")
    journal.wait(w, "PAIR_WAITING", METAD_PAIR="late0", METAD_NETNS="late")

    run("ip", "link", "add", "taken0", "type", "veth", "peer", "name", "taken1")
    w.write("pairs: {taken0: {peer: {netns: web, name: eth1}}}", "20-taken.yaml")
    journal.wait(w, "PAIR_CONFLICT", METAD_PAIR="taken0", PRIORITY="4")
    w.write("pairs: {refused0: {programs: [bad], peer: {netns: web, name: eth2}}}\n"
            f"programs: {{bad: {{object: {os.environ['METAD_TEST_BAD_OBJECT']}}}}}\n", "20-taken.yaml")
    failed = journal.wait(w, "PAIR_FAILED", METAD_PAIR="refused0", PRIORITY="3")
    check(int(failed["ERRNO"]) > 0, failed)

    w.write("pairs:\n  - oh\n", "20-taken.yaml")
    broken = journal.wait(w, "CONFIG_BROKEN", PRIORITY="3")
    equal(broken["CONFIG_FILE"], f"{w.conf}/pairs.d/20-taken.yaml", "the broken file")
    equal(broken["CONFIG_LINE"], "2", "the line in it")
    w.write("", "20-taken.yaml")
    journal.wait(w, "CONFIG_SOUND")
    w.write(PAIR)
    w.write("", "10-test.yaml")
    journal.wait(w, "PAIR_DELETED", METAD_PAIR="web0")
    os.chmod(w.dir, 0o755)
    nobody = w.spawn("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", METACTL, "--socket",
                     w.socket, "reload", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    equal(nobody.wait(), 1, "what a reload by nobody ends with")
    journal.wait(w, "REFUSED", METAD_UID="65534", METAD_PID=str(nobody.pid), METAD_VERB="Reload",
                 PRIORITY="5")
    w.stop()
    journal.wait(w, "STOPPED")
    check(all(e.get("MESSAGE_ID") for e in journal.entries if "METAD_PAIR" in e),
          "what is about a pair is of a type")
    check(all(e.get("SYSLOG_IDENTIFIER") == "metad" for e in journal.entries), "whose they are")
    equal([line for line in w.text().splitlines() if line], [], "lines beside the journal")


main()
