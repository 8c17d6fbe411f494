# SPDX-License-Identifier: GPL-2.0-only
"""Many clients while a thousand pairs are made: whoever watches misses nothing, and what clients
cost is given back when they are gone. A fifth of all on machines that are slower."""

import json
import os
import selectors
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import case, check, equal, main  # noqa: E402

# An emulated processor would be at it for many minutes.
PART = 5 if "METAD_TEST_SLOWER" in os.environ else 1
N_PAIRS, N_LISTERS, N_WATCHERS = 1000 // PART, 200 // PART, 50 // PART
LIST = b'{"method":"io.metad.List","more":true}\0'
MONITOR = b'{"method":"io.metad.Monitor","more":true}\0'


class Client:
    def __init__(self, path, request):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.request, self.rest = request, b""
        self.ask()

    def ask(self):
        self.socket.send(self.request)

    def read(self):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        check(data, "metad keeps the connection")
        *messages, self.rest = (self.rest + data).split(b"\0")
        for message in messages:
            self.take(message)


class Lister(Client):
    """Asks for all pairs again and again."""
    n_answers = 0

    def take(self, message):
        if b'"continues":true' not in message:
            check(b'"error"' not in message, f"no error: {message}")
            self.n_answers += 1
            self.ask()


class Watcher(Client):
    """Knows all pairs from what it is told."""

    def __init__(self, path):
        self.pairs, self.sequence, self.seen_ready = {}, 0, set()
        self.synced, self.resyncs = False, 0
        super().__init__(path, MONITOR)

    def take(self, message):
        told = json.loads(message)["parameters"]
        if told.get("resync"):
            self.pairs, self.synced = {}, False
            self.resyncs += 1
        elif told.get("synced"):
            self.synced = True
        elif "gone" in told:
            del self.pairs[told["gone"]]
        else:
            pair = told["pair"]
            if self.synced:
                check(told["sequence"] > self.sequence, "sequence numbers grow")
            self.pairs[pair["name"]] = pair
            if pair["state"] == "ready":
                self.seen_ready.add(pair["name"])
        if self.synced:
            self.sequence = max(self.sequence, told["sequence"])


def resident_kb(w):
    with open(f"/proc/{w.metad.pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmRSS:")).split()[1])


def is_sanitized(w):
    with open(f"/proc/{w.metad.pid}/maps") as maps:
        return "asan" in maps.read()


def all_pairs(w):
    return {p["name"]: p for p in json.loads(w.ctl("--json=short", "list", ok=False).stdout)}


def declare(w, n):
    w.write("pairs:\n" + "".join(f"  p{i}: {{peer: {{netns: web, name: p{i}}}}}\n" for i in range(n))
            if n else "pairs: {}\n")


def until_ready(w, n, clients):
    """Serves clients until n pairs are ready, and nothing more is told for a while."""
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    watchers = [c for c in clients if isinstance(c, Watcher)]
    deadline = time.monotonic() + 120
    while any(sum(p["state"] == "ready" for p in c.pairs.values()) != n or len(c.pairs) != n
              for c in watchers):
        check(time.monotonic() < deadline, "all watchers see all pairs ready in time")
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            for key, _ in selector.select(0.05):
                key.data.read()
    selector.close()


def sequences(pairs):
    return {name: pair["sequence"] for name, pair in pairs.items()}


def until_known(w, watchers):
    """What each watcher knows is what there is."""
    def all_know():
        for watcher in watchers:
            watcher.read()
        there = sequences(all_pairs(w))
        return all(sequences(watcher.pairs) == there for watcher in watchers)

    w.until(all_know, "every watcher is told the last of each pair", patience=30, pause=0.1)


def storm(w):
    """The pairs are made while all clients are there; what watchers saw is what there is."""
    clients = [Watcher(w.socket) for _ in range(N_WATCHERS)]
    clients += [Lister(w.socket, LIST) for _ in range(N_LISTERS)]
    began = time.monotonic()
    declare(w, N_PAIRS)
    until_ready(w, N_PAIRS, clients)
    took = time.monotonic() - began
    watchers, listers = clients[:N_WATCHERS], clients[N_WATCHERS:]
    answers = sum(c.n_answers for c in listers)
    check(answers > N_LISTERS, f"lists were answered meanwhile: {answers}")
    for lister in listers:
        lister.socket.close()
    until_known(w, watchers)
    pairs = all_pairs(w)
    for watcher in watchers:
        check(watcher.seen_ready == set(pairs), "each pair was seen to become ready")
        watcher.socket.close()
    print(f"     {N_PAIRS} pairs in {took:.1f} s beside {answers} lists and {N_WATCHERS} watchers, "
          f"{sum(c.resyncs for c in watchers)} resyncs")


@case
def nothing_is_missed_and_nothing_is_kept(w):
    w.netns("web")
    w.start()
    sizes = []
    for _ in range(2):
        storm(w)
        w.until(lambda: len(os.listdir(f"/proc/{w.metad.pid}/fd")) < 60, "connections are closed")
        w.settle()
        sizes.append(resident_kb(w))
        declare(w, 0)
        w.until(lambda: not all_pairs(w), "all pairs are gone", patience=60)
    print(f"     resident after each storm: {sizes} kB")
    # A sanitizer keeps what is freed for a while.
    check(is_sanitized(w) or sizes[1] - sizes[0] < 1024, f"memory grows: {sizes} kB")


if __name__ == "__main__":
    main()
