# SPDX-License-Identifier: GPL-2.0-only
"""The machine as its administrator sees it: systemd, metad as it was installed, devices, traffic.

Everything here is the machine's own, which ends with the tests. Cases are functions marked @case;
they find metad running with the pairs of PAIRS ready, and leave it so. They wait for conditions,
never for time to pass.
"""

import json
import os
import re
import signal
import subprocess
import time

# The machine is emulated.
PATIENCE = 60
OURS = "0x6d657461"
DROPINS = "/etc/metad/pairs.d"

PAIRS = {
    "10-web.yaml": """
pairs:
  web0:
    addresses: [192.0.2.1/32, "2001:db8::1/128"]
    routes: [{to: 10.1.0.2/32}, {to: "2001:db8::2/128"}]
    programs: [count]
    peer:
      netns: web
      policy: drop
      addresses: [10.1.0.2/24, "2001:db8::2/64"]
      routes: [{to: default, via: 169.254.1.1, onlink: true}, {to: "2001:db8::1/128"}]
      programs: [pass, count]
""",
    "20-db.yaml": """
pairs:
  db0:
    addresses: [192.0.2.2/32]
    routes: [{to: 10.2.0.2/32}]
    peer:
      netns: {path: /run/netns/db}
      addresses: [10.2.0.2/24]
      routes: [{to: 192.0.2.2/32}]
""",
    "30-l2.yaml": """
pairs:
  l20:
    mode: l2
    mac: 02:00:00:00:30:01
    addresses: [10.3.0.1/24]
    peer:
      netns: web
      name: eth1
      mac: 02:00:00:00:30:02
      addresses: [10.3.0.2/24]
      programs: [count]
""",
}
# Where the peers are, and their names.
PEERS = {"db0": ("db", "eth0"), "l20": ("web", "eth1"), "web0": ("web", "eth0")}
NAMES = sorted(PEERS)

# What answers on the machine when all is well.
ANSWERING = ["10.1.0.2", "2001:db8::2", "10.2.0.2", "10.3.0.2"]

cases = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def case(fn):
    cases.append(fn)
    return fn


def check(condition, words):
    if not condition:
        raise Failure(words)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def say(words):
    """What was found; a line that the tests' summary shows."""
    print(f"# {words}", flush=True)


def run(*args, ok=True, **kwargs):
    done = subprocess.run(args, capture_output=True, text=True, **kwargs)
    if ok and done.returncode:
        raise Failure(f"{' '.join(args)}: {done.returncode}: {done.stdout}{done.stderr}")
    return done


def until(condition, words, patience=PATIENCE):
    end = time.monotonic() + patience
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (IndexError, KeyError, TypeError, FileNotFoundError, json.JSONDecodeError) as error:
            last = error  # what is asked about is not there yet
        time.sleep(0.1)
    raise Failure(f"not within {patience} s: {words}; at last {last!r}")


# ---- systemd ----

def systemctl(*args, ok=True):
    return run("systemctl", *args, ok=ok)


def show(unit, *names):
    """The values of a unit's properties, one or a list."""
    text = systemctl("show", unit, *(f"--property={name}" for name in names)).stdout
    values = dict(line.split("=", 1) for line in text.splitlines())
    found = [values.get(name) for name in names]
    return found[0] if len(found) == 1 else found


def seconds(unit, name):
    """When that happened, after the start of the kernel."""
    return int(show(unit, f"{name}TimestampMonotonic")) / 1e6


def systemd_version():
    return int(re.match(r"systemd (\d+)", run("systemctl", "--version").stdout).group(1))


def write(path, text):
    """Puts a file in its place at once, as careful editors do."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def remove(path):
    if os.path.lexists(path):
        os.remove(path)


# ---- metad ----

def metactl(*args, ok=True):
    return run("metactl", *args, ok=ok)


def status(name=None):
    """All pairs' lines, or all about one; None when metad does not say."""
    done = metactl("--json=short", *(["status", name] if name else ["list"]), ok=False)
    return json.loads(done.stdout) if done.stdout else None


def states():
    return {pair["name"]: pair["state"] for pair in status()}


def until_ready(*names):
    wanted = {name: "ready" for name in names or NAMES}
    until(lambda: {n: s for n, s in states().items() if n in wanted} == wanted,
          f"{', '.join(wanted)} ready")


def until_settled():
    until(lambda: json.loads(metactl("--json=short", "version", ok=False).stdout)["settled"],
          "metad is settled")


def main_pid():
    return int(show("metad.service", "MainPID"))


def kernel_state():
    """What must survive: devices, links and programs by their numbers."""
    found = {}
    for name in NAMES:
        found[name] = [(e["ifindex"], [(s["programId"], s["linkId"]) for s in e["chain"]])
                       for e in status(name)["ends"]]
    return found


# ---- devices ----

def ip(*args, ns=None, ok=True):
    prefix = ["-n", ns] if ns else []
    done = run("ip", *prefix, "-j", "-d", *args, ok=ok)
    return json.loads(done.stdout or "[]") if done.returncode == 0 else []


def link(name, ns=None):
    found = ip("link", "show", "dev", name, ns=ns, ok=False)
    return found[0] if found else None


def ours(found=None):
    """The names of metad's devices; ip leaves an empty object for every other one."""
    found = ip("link", "show", "group", OURS) if found is None else found
    return sorted(x["ifname"] for x in found if x)


def addresses(name, ns=None):
    return sorted(f"{a['local']}/{a['prefixlen']}"
                  for found in ip("addr", "show", "dev", name, ns=ns)
                  for a in found.get("addr_info", []))


def settings(name, ns=None):
    """All that somebody could have changed of a device, in words."""
    found = {"addresses": addresses(name, ns)}
    shown = link(name, ns)
    for key in ("ifindex", "flags", "mtu", "group", "address", "operstate", "txqlen", "altnames",
                "inet6_addr_gen_mode", "master"):
        found[key] = shown.get(key)
    for family in ("-4", "-6"):
        prefix = ["ip", "netns", "exec", ns] if ns else []
        found[f"routes{family}"] = run(*prefix, "ip", family, "route", "show", "table", "all",
                                       "dev", name).stdout.splitlines()
        folder = f"/proc/sys/net/ipv{family[1]}/conf/{name}"
        text = run(*prefix, "grep", "-rs", "", folder, ok=False).stdout
        found[f"sysctls{family}"] = sorted(text.splitlines())
    return found


def differences(before, now):
    """In words; of lists only what is gone and what has come."""
    words = []
    for name in before:
        for key, old in before[name].items():
            new = now[name][key]
            if old != new and isinstance(old, list):
                old, new = [x for x in old if x not in new], [x for x in new if x not in old]
            if old != new:
                words.append(f"{name} {key}: {old} -> {new}")
    return words


class Ping:
    """A packet every ten milliseconds; lost() ends it and counts those that later ones overtook."""

    def __init__(self, address="10.1.0.2", ns=None):
        prefix = ["ip", "netns", "exec", ns] if ns else []
        self.path = f"/run/metad-vm-ping-{address}"
        self.out = open(self.path, "w")
        self.child = subprocess.Popen([*prefix, "ping", "-n", "-i", "0.01", address],
                                      stdout=self.out)
        until(lambda: len(self.seen()) > 10, f"{address} answers")

    def seen(self):
        with open(self.path) as file:
            return {int(n) for n in re.findall(r"icmp_seq=(\d+) ttl", file.read())}

    def lost(self, least=50):
        """Nothing counts that no answer followed, so what ends here is answered first."""
        have = len(self.seen())
        until(lambda: len(self.seen()) > have + 10, "answers")
        self.child.send_signal(signal.SIGINT)
        self.child.wait(timeout=PATIENCE)
        seen = self.seen()
        check(len(seen) > least, f"too few packets to tell: {len(seen)}")
        return max(seen) - len(seen)


def pings(address, ns=None, count=3):
    prefix = ["ip", "netns", "exec", ns] if ns else []
    return run(*prefix, "ping", "-n", "-q", "-c", str(count), "-i", "0.1", "-W", "2", address,
               ok=False).returncode == 0


def check_traffic():
    silent = [address for address in ANSWERING if not pings(address)]
    equal(silent, [], "addresses that do not answer")


def undisturbed(what, act):
    """Whether that loses a packet, or changes a device, a link or a program."""
    before = kernel_state()
    traffic = [Ping("10.1.0.2"), Ping("192.0.2.1", ns="web")]
    act()
    for ping in traffic:
        equal(ping.lost(), 0, f"packets lost across {what}")
    equal(kernel_state(), before, f"devices, links and programs across {what}")
