# SPDX-License-Identifier: GPL-2.0-only
"""Everybody asks for anything at any moment, and hangs up when they like. What was answered is so; files and
devices agree when all is quiet; nothing is kept. METAD_TEST_ROUNDS and METAD_TEST_SEED choose how much."""

import json
import os
import random
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(__file__))
from world import PATIENCE, call, case, check, equal, main, run  # noqa: E402

ROUNDS = int(os.environ.get("METAD_TEST_ROUNDS", "3"))
SEED = int(os.environ.get("METAD_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10 ** 9)
OPERATIONS = 40  # of each, in a round
N_ASKERS = 4
TRIAL = "50-trial.yaml"
GROUP = 0x6d657461
POD = """
pools:
  pods: {ipv4: 10.88.0.0/16}
templates:
  pod:
    name: "m-{netns:8}"
    pool: pods
    pair: {routes: [{to: "{ip}/32"}], peer: {addresses: ["{ip}/32"], programs: [count]}}
"""


def declared(mtu):
    return f"pairs:\n  t0: {{mtu: {mtu}, peer: {{netns: n0, name: t0}}}}\n"


class Peer:
    """A connection that may end at any moment. Replies are what they say, errors their names."""

    def __init__(self, path):
        self.path = path
        self.connect()

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE * 3)
        self.socket.connect(self.path)
        self.data = b""

    def send(self, method, flags, parameters):
        self.socket.sendall(json.dumps({"method": "io.metad." + method, "parameters": parameters,
                                        **flags}).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.data:
            more = self.socket.recv(65536)
            check(more, "metad does not hang up")
            self.data += more
        reply, self.data = self.data.split(b"\0", 1)
        reply = json.loads(reply)
        return reply["error"].rsplit(".", 1)[1] if "error" in reply else reply

    def ask(self, method, flags=None, **parameters):
        self.send(method, flags or {}, parameters)
        return self.receive()

    def hang_up(self):
        self.socket.close()
        self.connect()


class Actor(threading.Thread):
    """Does something a number of times, with dice of its own."""

    def __init__(self, w, number):
        super().__init__()
        self.w, self.number = w, number
        self.dice = random.Random(SEED * 100 + number)
        self.peer = Peer(w.socket)
        self.fault = None

    def run(self):
        try:
            for _ in range(OPERATIONS):
                self.act()
        except Exception as error:  # told by who waits for it
            self.fault = error


def is_there(w, name):
    return os.path.exists(f"{w.runtime}/pairs.d/runtime-{name}.yaml")


class Asker(Actor):
    """Has two names of its own, of which it knows how they are, and one that it shares with all others."""

    def __init__(self, w, number):
        super().__init__(w, number)
        self.known = {f"a{number}": False, f"b{number}": False}

    def parameters(self, name):
        parameters = {"pair": name, "netns": {"name": f"n{self.dice.randrange(3)}"}, "template": "pod",
                      "declaration": {"peer": {"name": name}}}
        kind = self.dice.randrange(10)
        if kind == 0:
            parameters["declaration"]["mtuu"] = 3
        elif kind == 1:
            parameters["declaration"]["peer"]["programs"] = ["no-such"]
        elif kind == 2:
            parameters["timeoutMs"] = self.dice.randrange(1, 60)
        elif kind == 3:
            parameters["declaration"]["peer"]["addresses"] = ["10.9.9.9/32"]
        elif kind == 4:
            parameters["netns"] = {"name": "nowhere"}
        elif kind == 5:
            parameters["netns"] = {"path": "/run/netns/flap"}
        return parameters

    def create(self, name):
        reply = self.peer.ask("Create", **self.parameters(name))
        if name not in self.known:
            return
        if not isinstance(reply, str):
            check(not self.known[name], f"{name} was not there")
            equal(reply["parameters"]["pair"]["summary"]["state"], "ready", f"the state of {name}")
            self.known[name] = True
        elif reply == "PairExists":
            check(self.known[name], f"{name} was there")
        else:
            check(reply in ("NotConverged", "InvalidDeclaration", "NoSuchNamespace"), f"{name}: {reply}")
        equal(is_there(self.w, name), self.known[name], f"whether there is a file of {name} after {reply}")

    def delete(self, name):
        reply = self.peer.ask("Delete", pair=name)
        if name not in self.known:
            return
        check(not isinstance(reply, str), f"Delete of {name}: {reply}")
        equal(reply["parameters"]["existed"], self.known[name], f"whether {name} existed")
        self.known[name] = False
        check(not is_there(self.w, name), f"the file of {name} is gone")
        check(run("ip", "link", "show", name, ok=False).returncode, f"{name} is gone when that is answered")

    def act(self):
        name = self.dice.choice([*self.known, "shared"])
        what = self.dice.randrange(12)
        if what < 6:
            self.create(name)
        elif what < 10:
            self.delete(name)
        else:
            method = self.dice.choice(("Create", "Delete"))
            parameters = self.parameters(name) if method == "Create" else {"pair": name}
            self.peer.send(method, {"oneway": True} if what == 10 else {}, parameters)
            if what == 11:
                self.peer.hang_up()
            else:
                self.peer.ask("Status")
            # What was begun goes on, and may meet what is asked for next: it is left alone for this round.
            self.known.pop(name, None)


class Trier(Actor):
    """The only one who begins trials."""

    def act(self):
        text = declared(self.dice.choice((1400, 1420, 1440, 1460, 3)))
        parameters = {"files": [{"name": TRIAL, "content": text}]}
        what = self.dice.randrange(5)
        if what:
            parameters["confirmTimeoutMs"] = self.dice.randrange(1, 200)
        flags = {"more": True} if what > 1 else {}
        if what > 2:
            parameters["revertOnDisconnect"] = True
        self.peer.send("Apply", flags, parameters)
        if what == 4 and self.dice.randrange(2):
            self.peer.hang_up()
            return
        reply = self.peer.receive()
        if what == 4:
            self.peer.hang_up()
            return
        if isinstance(reply, str):
            check(reply in ("InvalidDeclaration", "NotConverged", "TrialUnderWay"), f"Apply: {reply}")
        elif reply.get("continues"):
            reply = self.peer.receive()
            check(reply == "Reverted" or reply["parameters"]["stage"] == "confirmed", f"Apply: {reply}")
        if not isinstance(reply, str) and reply["parameters"]["stage"] == "confirmed":
            equal(open(f"{self.w.conf}/pairs.d/{TRIAL}").read(), text, "the file that was confirmed")


class Meddler(Actor):
    def act(self):
        what = self.dice.randrange(5)
        if what == 0:
            self.peer.ask("Reload")
        elif what == 1:
            self.peer.ask("Confirm")
        elif what == 2:
            self.peer.ask("Revert")
        elif what == 3:
            run("ip", "netns", "del", "flap", ok=False)
            run("ip", "netns", "add", "flap")
        else:
            run("ip", "link", "del", f"a{self.dice.randrange(N_ASKERS)}", ok=False)


def memory(w):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{w.metad.pid}/status").read()).group(1))


def n_fds(w):
    return len(os.listdir(f"/proc/{w.metad.pid}/fd"))


def check_quiet(w, askers):
    """Files, devices and what metad says are the same."""
    w.until(lambda: "trial" not in call(w.socket, {"method": "io.metad.Status"})["parameters"],
            "the trial is over")
    w.settle()
    files = {name[len("runtime-"):-len(".yaml")] for name in os.listdir(f"{w.runtime}/pairs.d")}
    for asker in askers:
        for name, known in asker.known.items():
            equal(name in files, known, f"whether there is a file of {name}")
    for name in files:
        w.until(lambda: w.state(name) == "ready", f"{name} is ready")
    devices = {link["ifname"] for link in w.ip("link", "show", "group", str(GROUP)) if link}
    equal(devices, files | {"t0"}, "the devices")
    mtu = re.search(r"mtu: (\d+)", open(f"{w.conf}/pairs.d/{TRIAL}").read()).group(1)
    equal(w.link("t0")["mtu"], int(mtu), "the mtu that the file says")
    equal(call(w.socket, {"method": "io.metad.Status"})["parameters"]["diagnostics"], [], "what is wrong")
    for asker in askers:
        asker.known = {f"{letter}{asker.number}": f"{letter}{asker.number}" in files for letter in "ab"}


@case
def anything(w):
    print(f"     METAD_TEST_SEED={SEED}")
    w.netns("n0", "n1", "n2", "flap")
    w.write(POD)
    w.write(declared(1500), name=TRIAL)
    os.makedirs(f"{w.runtime}/pairs.d")
    w.start()
    known = [{f"a{i}": False, f"b{i}": False} for i in range(N_ASKERS)]
    fds = held = None
    for turn in range(ROUNDS):
        actors = [Asker(w, i) for i in range(N_ASKERS)]
        for asker, before in zip(actors, known):
            asker.known = before
        actors += [Trier(w, N_ASKERS), Meddler(w, N_ASKERS + 1)]
        for actor in actors:
            actor.dice.seed(f"{SEED} {turn} {actor.number}")
            actor.start()
        for actor in actors:
            actor.join()
            actor.peer.socket.close()
        for actor in actors:
            if actor.fault:
                raise actor.fault
        check_quiet(w, actors[:N_ASKERS])
        known = [asker.known for asker in actors[:N_ASKERS]]
        if fds:
            w.until(lambda: n_fds(w) <= fds + 4, f"no descriptor is kept beside {fds}")
            # Sanitizers keep what was freed for a while.
            check(PATIENCE > 20 or memory(w) < held + 1024, f"memory grew from {held} to {memory(w)} kB")
        fds, held = fds or n_fds(w), held or memory(w)
    print(f"     {ROUNDS} rounds, {n_fds(w)} descriptors, {memory(w)} kB")


if __name__ == "__main__":
    main()
