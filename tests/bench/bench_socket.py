# SPDX-License-Identifier: GPL-2.0-only
"""The socket under load: calls a second beside a bare echo server, and many clients at once while pairs
are made. What monitors hear is judged, and that memory comes to an end; figures are printed.
BENCH_PAIRS sets how many pairs (1000)."""

import json
import os
import selectors
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "netns"))
from world import case, check, equal, main, run  # noqa: E402

N = int(os.environ.get("BENCH_PAIRS", "1000"))
LISTERS, WATCHERS = 200, 50


@case
def calls_a_second(w):
    w.netns("web")
    w.write("pairs: {web0: {programs: [count], peer: {netns: web, programs: [acl]}}}")
    w.start()
    w.ready("web0")
    for name, parameters in (("io.metad.Describe", {"pair": "web0"}), ("io.systemd.service.Ping", {})):
        for clients in (1, 16):
            said = run(os.environ["METAD_TEST_RATE"], w.socket,
                       json.dumps({"method": name, "parameters": parameters}), str(clients), "400")
            print(f"{name}, {clients} clients: {said.stdout}", end="")


class Client:
    """A connection that makes its call again when it is answered, or follows a monitor."""

    def __init__(self, path, method):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.method, self.buffer = method, b""
        self.known, self.synced, self.last = {}, False, 0
        self.n_resyncs = self.n_answers = self.n_lists = 0
        self.call()

    def call(self):
        self.socket.sendall(json.dumps({"method": self.method, "more": True}).encode() + b"\0")

    def read(self):
        data = self.socket.recv(1 << 20)
        check(data, f"{self.method}: the connection ended")
        *messages, self.buffer = (self.buffer + data).split(b"\0")
        for message in messages:
            self.n_answers += 1
            if self.method == "io.metad.Monitor":
                self.hear(json.loads(message)["parameters"])
            elif b'"continues"' not in message:
                self.n_lists += 1
                self.call()

    def hear(self, change):
        if self.synced:
            check(change["sequence"] > self.last or change.get("resync"), f"{change} after {self.last}")
            self.last = change["sequence"]
        if change.get("resync"):
            self.known, self.synced, self.n_resyncs = {}, False, self.n_resyncs + 1
        elif change.get("synced"):
            self.synced, self.last = True, change["sequence"]
        elif "gone" in change:
            check(self.known.pop(change["gone"], None), f"{change}: who was that?")
        else:
            self.known[change["pair"]["name"]] = change["pair"]


def pairs(n):
    return "pairs: {}\n" if not n else "pairs:\n" + "".join(
        f"  p{i}: {{addresses: [\"10.{i // 256}.{i % 256}.1/32\"], peer: {{netns: web, name: e{i}}}}}\n"
        for i in range(n))


def resident_kb(w):
    with open(f"/proc/{w.metad.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def serve(clients, selector, until, seconds):
    """Reads what comes until the condition holds, which is asked now and then."""
    end, ask = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for key, _ in selector.select(0.05):
            key.data.read()
        if time.monotonic() > ask:
            if until():
                return
            ask = time.monotonic() + 0.2
    raise AssertionError("it takes too long")


def round_of(w, n):
    """Pairs come to be n while everybody lists and watches."""
    selector = selectors.DefaultSelector()
    clients = [Client(w.socket, "io.metad.Monitor") for _ in range(WATCHERS)]
    clients += [Client(w.socket, "io.metad.List") for _ in range(LISTERS)]
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    watchers = clients[:WATCHERS]
    serve(clients, selector, lambda: all(c.synced for c in watchers), 60)
    began = time.monotonic()
    w.write(pairs(n))

    def is_over():
        return all(len(c.known) == n and all(p["state"] == "ready" for p in c.known.values())
                   for c in watchers)
    serve(clients, selector, is_over, 300)
    took = time.monotonic() - began
    w.until(w.settle_once, "settled", 60)
    serve(clients, selector, lambda: True, 1)
    wanted = {p["name"]: p["sequence"]
              for p in json.loads(w.ctl("--json=short", "list").stdout or "[]")}
    for c in watchers:
        equal({name: p["sequence"] for name, p in c.known.items()}, wanted, "what a monitor knows")
    equal([c.n_resyncs for c in watchers], [0] * WATCHERS, "times that a monitor was too slow")
    lists = sum(c.n_lists for c in clients)
    answers = sum(c.n_answers for c in clients)
    print(f"{n} pairs while {LISTERS} list and {WATCHERS} watch: {took * 1000:.0f} ms, {lists} lists,"
          f" {answers / took:.0f} replies/s")
    for client in clients:
        client.socket.close()


@case
def many_at_once(w):
    w.netns("web")
    w.settings("audit: never\n")
    w.write(pairs(0))
    w.start()
    sizes = []
    for _ in range(3):
        round_of(w, N)
        round_of(w, 0)
        time.sleep(0.5)
        sizes.append(resident_kb(w))
    print(f"memory after each round, without pairs and clients: {sizes} kB")
    check(sizes[2] < sizes[0] * 1.1 + 512, f"memory grows: {sizes}")


main()
