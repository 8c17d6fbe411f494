# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of adopting and releasing share: pairs as an administrator makes them, and what they have."""

import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import KIND, METAD, World, case, check, equal, run  # noqa: E402

GROUP = 0x6d657461


class Hands(World):
    """With files that last until the next boot."""

    def arguments(self):
        os.makedirs(f"{self.runtime}/pairs.d", exist_ok=True)
        return [METAD, "--config-dir", self.conf, "--config-dir", self.runtime,
                "--runtime-dir", self.runtime, "--state-dir", self.state_dir, "--bpffs", self.bpffs]


def hand_case(fn):
    def with_hands(w):
        w.__class__ = Hands
        fn(w)
    with_hands.__name__ = fn.__name__
    return case(with_hands)


def attribute(number, payload):
    return struct.pack("=HH", 4 + len(payload), number) + payload + bytes(-len(payload) % 4)


def add_link(name, peer, netns, mode="l2", policies=None):
    """As "ip link add" does it, for kinds that this one may not know, too. netns: a path."""
    ifname, linkinfo, netns_fd = 3, 18, 28  # linux/if_link.h
    nothing = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
    with open(netns) as file, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        data = attribute(1, nothing + attribute(ifname, peer.encode() + b"\0") +
                         attribute(netns_fd, struct.pack("=I", file.fileno())))
        if KIND != "veth":
            data += attribute(5, struct.pack("=I", {"l2": 0, "l3": 1}[mode]))
        for number, policy in zip((3, 4), policies or ()):
            data += attribute(number, struct.pack("=I", {"forward": 0, "drop": 2}[policy]))
        body = (nothing + attribute(ifname, name.encode() + b"\0") +
                attribute(linkinfo, attribute(1, KIND.encode()) + attribute(2, data)))
        # RTM_NEWLINK; NLM_F_REQUEST, ACK, EXCL, CREATE.
        kernel.send(struct.pack("=IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
        error = struct.unpack_from("=i", kernel.recv(4096), 16)[0]
    check(error == 0, f"{name} cannot be made: {os.strerror(-error)}")


def make_pair(w, name="web0", ns="web", peer="eth0"):
    """As an administrator does it."""
    w.netns(ns)
    add_link(name, peer, f"/run/netns/{ns}")
    for device, where in ((name, None), (peer, ns)):
        w.ip("link", "set", device, "mtu", "1400", "up", ns=where)
    w.ip("link", "set", "lo", "up", ns=ns)


def furnish(w):
    """All that a declaration can say, and what none can."""
    w.ip("addr", "add", "10.1.0.1/24", "dev", "web0")
    w.ip("addr", "add", "2001:db8::1/64", "dev", "web0", "nodad")
    w.ip("addr", "add", "10.1.0.2/24", "dev", "eth0", ns="web")
    w.ip("addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad", ns="web")
    w.ip("addr", "add", "10.1.0.77/24", "dev", "eth0", "valid_lft", "5000", "preferred_lft", "5000",
         ns="web")
    w.ip("route", "add", "10.9.0.0/16", "dev", "web0")
    w.ip("route", "add", "10.8.0.0/16", "via", "10.1.0.2", "metric", "7", "table", "77")
    w.ip("-6", "route", "add", "2001:db8:9::/48", "via", "2001:db8::2")
    w.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink", ns="web")
    w.ip("route", "add", "10.7.0.0/16", "dev", "eth0", "proto", "bird", ns="web")
    w.ip("-6", "route", "add", "default", "via", "2001:db8::1", ns="web")
    w.ip("neigh", "add", "10.1.0.9", "lladdr", "02:00:00:00:00:09", "dev", "web0", "nud",
         "permanent")


def belongings(w, name, ns=None):
    """Addresses, routes and neighbours, without whose they are."""
    found = sorted(w.addresses(name, ns))
    for family in ("-4", "-6"):
        prefix = ["ip", "-n", ns] if ns else ["ip"]
        for line in run(*prefix, family, "route", "show", "dev", name, "table", "all").stdout.splitlines():
            words = line.split()
            # The kernel's own, some of which come when an address has proved to be unique.
            if "local" in words:
                continue
            while "proto" in words:
                at = words.index("proto")
                del words[at:at + 2]
            found.append(" ".join(words))
    for line in run(*(["ip", "-n", ns] if ns else ["ip"]), "neigh", "show", "dev", name, "nud",
                    "permanent").stdout.splitlines():
        found.append(line.split(" proto")[0].strip())
    return sorted(found)


def state_of(w):
    """What must be the same device, with the same belongings."""
    return {(name, ns): (w.link(name, ns)["ifindex"], w.link(name, ns)["address"],
                         w.link(name, ns)["mtu"], belongings(w, name, ns))
            for name, ns in (("web0", None), ("eth0", "web"))}


def protocols(w, family, name, ns=None):
    """Of routes by their destination."""
    routes = w.ip(family, "route", "show", "dev", name, "table", "all", ns=ns)
    return {r["dst"]: r.get("protocol") for r in routes if r.get("type", "unicast") == "unicast"}


def is_ours(w, name="web0"):
    return w.link(name).get("group") in (GROUP, hex(GROUP), str(GROUP))


def plan(w):
    return json.loads(w.ctl("--json=short", "plan", ok=False).stdout)


def expect_refusal(w, *args, words):
    done = w.ctl("adopt", *args, ok=False)
    equal(done.returncode, 1, f"adopt {' '.join(args)}: {done.stdout}{done.stderr}")
    check(words in done.stderr, f"adopt {' '.join(args)}: {done.stderr}")


def files(w):
    """Without those that a crash kept from getting their name."""
    return sorted(n for d in (w.conf, w.runtime) for n in os.listdir(f"{d}/pairs.d")
                  if not n.startswith("."))
