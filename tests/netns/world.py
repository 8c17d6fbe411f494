# SPDX-License-Identifier: GPL-2.0-only
"""A world for one run of metad: the real daemon, real devices, nothing of the machine's own.

The test runs in a network and a mount namespace of its own (tests/netns/in-world), so /run, the
namespaces, the BPF file system and every device end with it. Cases are functions marked @case that
take a fresh World; they wait for conditions, never for time to pass.
"""

import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

METAD = os.environ["METAD"]
METACTL = os.environ["METACTL"]
BPF_DIR = os.environ["METAD_BPF_DIR"]
# A sanitized daemon is several times slower, and so is a machine that is emulated.
PATIENCE = (float(os.environ.get("METAD_TEST_PATIENCE", "20"))
            * float(os.environ.get("METAD_TEST_SLOWER", "1")))

cases = []


def case(fn):
    cases.append(fn)
    return fn


class Failure(Exception):
    pass


def check(condition, words):
    if not condition:
        raise Failure(words)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def run(*args, ok=True, **kwargs):
    done = subprocess.run(args, capture_output=True, text=True, **kwargs)
    if ok and done.returncode:
        raise Failure(f"{' '.join(args)}: {done.returncode}: {done.stdout}{done.stderr}")
    return done


def best_kind():
    """The kind that "auto" has to choose: the best that this kernel can make."""
    for kind in ("meta", "netkit"):
        if run("ip", "link", "add", "kind0", "type", kind, ok=False).returncode == 0:
            run("ip", "link", "del", "kind0")
            return kind
    return "veth"


KIND = best_kind()
if os.environ.get("METAD_TEST_KIND", KIND) != KIND:
    sys.exit(f"FAIL: this kernel is to have kind {os.environ['METAD_TEST_KIND']}, not {KIND}")


# linux/bpf.h; the number of the call is that of x86-64.
SYS_BPF, BPF_OBJ_GET, BPF_PROG_ATTACH = 321, 7, 8
BPF_TCX_EGRESS, BPF_NETKIT_PRIMARY = 47, 54
PRIMARY_HOOK = BPF_TCX_EGRESS if KIND == "veth" else BPF_NETKIT_PRIMARY


class World:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="w", dir="/run")
        self.conf = f"{self.dir}/conf"
        self.bpffs = f"{self.dir}/bpf"
        self.runtime = f"{self.dir}/run"
        self.state_dir = f"{self.dir}/state"
        for path in (f"{self.conf}/pairs.d", self.bpffs, self.runtime):
            os.makedirs(path)
        run("mount", "-t", "bpf", "bpf", self.bpffs)
        self.socket = f"{self.runtime}/io.metad"
        self.log = open(f"{self.dir}/log", "w+")
        self.metad = None
        self.namespaces = set()
        self.children = []

    # ---- the daemon ----

    def arguments(self):
        return [METAD, "--config-dir", self.conf, "--runtime-dir", self.runtime,
                "--state-dir", self.state_dir, "--bpffs", self.bpffs]

    def start(self, settle=True, env=None, fds=None):
        """env: variables beside the test's own. fds: what a service manager hands over, by name."""
        arguments = self.arguments()
        if fds:
            env = {**(env or {}), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": ":".join(fds)}
            arguments = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"] + arguments
        taken = [os.dup(s.fileno()) for s in (fds or {}).values()]

        def place():
            # Behind all others first: 3 and those that follow may be among them.
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in taken]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        self.metad = subprocess.Popen(arguments, stderr=self.log, stdout=self.log,
                                      env={**os.environ, **(env or {})},
                                      pass_fds=range(3, 3 + len(taken)), preexec_fn=place)
        for fd in taken:
            os.close(fd)
        self.until(lambda: self.answers(), "metad answers")
        if settle:
            self.settle()

    def answers(self):
        if self.metad.poll() is not None:
            raise Failure(f"metad ended with {self.metad.returncode}")
        return self.ctl("version", ok=False).returncode == 0

    def stop(self, how=signal.SIGTERM):
        self.metad.send_signal(how)
        code = self.metad.wait(timeout=PATIENCE)
        self.metad = None
        if how == signal.SIGTERM:
            equal(code, 0, "metad's exit code")

    def settle_once(self):
        status = json.loads(self.ctl("--json=short", "version").stdout)
        return status["settled"] and status["loaded"]

    def settle(self):
        self.until(self.settle_once, "metad is settled")

    def ctl(self, *args, ok=True):
        return run(METACTL, "--socket", self.socket, *args, ok=ok)

    def pair(self, name):
        return json.loads(self.ctl("--json=short", "status", name, ok=False).stdout or "null")

    def state(self, name):
        pair = self.pair(name)
        return pair["summary"]["state"] if pair else None

    def end(self, name, side):
        return next(e for e in self.pair(name)["ends"] if e["side"] == side)

    def ready(self, *names):
        for name in names:
            self.until(lambda: self.state(name) == "ready", f"{name} is ready")

    def text(self):
        self.log.flush()
        with open(f"{self.dir}/log") as log:
            return log.read()

    # ---- the world around it ----

    def write(self, text, name="10-test.yaml"):
        """Puts a drop-in in its place at once, as careful editors do."""
        path = f"{self.conf}/pairs.d/{name}"
        with open(f"{path}.new", "w") as file:
            file.write(text)
        os.rename(f"{path}.new", path)

    def settings(self, text):
        with open(f"{self.conf}/metad.yaml", "w") as file:
            file.write(text)

    def netns(self, *names):
        for name in names:
            run("ip", "netns", "add", name)
            self.namespaces.add(name)

    def netns_del(self, name):
        run("ip", "netns", "del", name)
        self.namespaces.discard(name)

    def ip(self, *args, ns=None, ok=True):
        prefix = ["-n", ns] if ns else []
        done = run("ip", *prefix, "-j", "-d", *args, ok=ok)
        return json.loads(done.stdout) if done.stdout.strip().startswith("[") else done

    def link(self, name, ns=None):
        links = self.ip("link", "show", "dev", name, ns=ns, ok=False)
        return links[0] if isinstance(links, list) and links else None

    def addresses(self, name, ns=None):
        return sorted(f"{a['local']}/{a['prefixlen']}"
                      for link in self.ip("addr", "show", "dev", name, ns=ns)
                      for a in link.get("addr_info", []))

    def spawn(self, *args, **kwargs):
        child = subprocess.Popen(args, **kwargs)
        self.children.append(child)
        return child

    def pins(self, kind="links"):
        return sorted(os.listdir(f"{self.bpffs}/metad/{kind}"))

    def drops(self, name, side):
        """Whether what meets no program is dropped: by the driver, or by a stand-in on a veth."""
        if KIND == "veth":
            return self.chain(name, side) == ["+drop"]
        return self.end(name, side)["policy"] == "drop" and self.chain(name, side) == []

    def chain(self, name, side):
        return [slot.get("program", slot["function"]) for slot in self.end(name, side)["chain"]]

    def pings(self, address, ns=None, count=3, interval="0.01"):
        prefix = ["ip", "netns", "exec", ns] if ns else []
        return run(*prefix, "ping", "-n", "-q", "-c", str(count), "-i", interval, "-W", "1",
                   address, ok=False).returncode == 0

    def until(self, condition, words, patience=PATIENCE, pause=0.01):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except (IndexError, KeyError, TypeError, FileNotFoundError):
                pass  # what is asked about is not there yet
            time.sleep(pause)
        raise Failure(f"not within {patience:.0f} s: {words}")

    def close(self):
        if self.metad and self.metad.poll() is None:
            # Killed in the middle of work it would leave the machine with rcu_expedited on.
            self.metad.send_signal(signal.SIGCONT)
            self.metad.terminate()
            try:
                self.metad.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self.metad.kill()
                self.metad.wait()
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        for name in list(self.namespaces):
            run("ip", "netns", "del", name, ok=False)
        for link in self.ip("link"):
            if link.get("linkinfo", {}).get("info_kind") in ("veth", "dummy", "ifb"):
                run("ip", "link", "del", link["ifname"], ok=False)
        run("umount", self.bpffs, ok=False)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Pinger:
    """A packet a millisecond; lost() ends it and counts those that later ones have overtaken."""

    def __init__(self, w, address):
        self.out = open(f"{w.dir}/ping", "w+")
        self.child = w.spawn("ping", "-n", "-i", "0.001", address, stdout=self.out, text=True)
        w.until(self.seen, "a packet has come back")
        self.until = w.until

    def seen(self):
        with open(self.out.name) as file:
            return {int(n) for n in re.findall(r"icmp_seq=(\d+) ttl", file.read())}

    def lost(self):
        """A machine that has much to do takes longer to send enough of them."""
        self.until(lambda: len(self.seen()) > 50, "packets come back")
        self.child.send_signal(signal.SIGINT)
        self.child.wait(timeout=PATIENCE)
        seen = self.seen()
        check(len(seen) > 50, f"too few packets to tell: {len(seen)}")
        return max(seen) - len(seen)


def bpf(command, layout, *values):
    """bpf(2), for what bpftool has no word for."""
    attr = struct.pack(layout, *values).ljust(128, b"\0")
    result = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, command, attr, len(attr))
    check(result >= 0, f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return result


def attach_foreign(w, name):
    """At the tail of the primary's chain, without a link."""
    path = ctypes.create_string_buffer(f"{w.bpffs}/{name}".encode())
    program = bpf(BPF_OBJ_GET, "QII", ctypes.addressof(path), 0, 0)
    bpf(BPF_PROG_ATTACH, "IIII", w.link("web0")["ifindex"], program, PRIMARY_HOOK, 0)
    os.close(program)


def call(path, message, timeout=5):
    """One raw varlink exchange; returns the first reply."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(path)
        s.sendall(json.dumps(message).encode() + b"\0")
        data = b""
        while b"\0" not in data:
            more = s.recv(65536)
            if not more:
                return None
            data += more
    return json.loads(data.split(b"\0")[0])


def main():
    wanted = sys.argv[1:]
    failed = 0
    for fn in cases:
        if wanted and fn.__name__ not in wanted:
            continue
        world = World()
        began = time.monotonic()
        try:
            fn(world)
            print(f"ok   {fn.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL {fn.__name__}: {error}")
            if not isinstance(error, Failure):
                traceback.print_exc(file=sys.stdout)
            print("     metad said:")
            print("\n".join("     | " + line for line in world.text().splitlines()[-40:]),
                  flush=True)
        finally:
            world.close()
    sys.exit(1 if failed else 0)
