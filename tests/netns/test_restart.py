# SPDX-License-Identifier: GPL-2.0-only
"""Restarts, crashes and updates: nothing is lost, doubled or left behind, and no packet misses."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import BPF_DIR, METAD, PATIENCE, Pinger, call, case, check, equal, main, run  # noqa: E402

PAIR = """
programs:
  filter: {object: %s}
pairs:
  web0:
    addresses: [192.0.2.1/32]
    routes: [{to: 10.1.0.2/32}]
    programs: [count, filter]
    peer:
      netns: web
      addresses: [10.1.0.2/24]
      routes: [{to: default, via: 169.254.1.1, onlink: true}]
      programs: [filter, count]
"""


def begin(w):
    w.object = f"{w.dir}/filter.o"
    shutil.copy(f"{BPF_DIR}/acl.o", w.object)
    w.netns("web")
    w.write(PAIR % w.object)
    w.start()
    w.ready("web0")


def kernel_state(w):
    """What must survive: devices, links and programs by their numbers."""
    ends = w.pair("web0")["ends"]
    return [(e["ifindex"], [(s["programId"], s["linkId"]) for s in e["chain"]]) for e in ends]


@case
def restart_and_crash_at_rest(w):
    begin(w)
    before = kernel_state(w)
    for how in (signal.SIGTERM, signal.SIGKILL):
        ping = Pinger(w, "10.1.0.2")
        w.stop(how)
        check(w.pings("10.1.0.2"), "traffic goes on without metad")
        w.start()
        w.ready("web0")
        equal(ping.lost(), 0, f"packets lost across {how.name} and a new start")
        equal(kernel_state(w), before, "devices, links and programs")
        equal(w.pair("web0")["summary"]["repairs"], 0, "repairs")
        check("created" not in w.text().split("listens at")[-1], "nothing was made again")


@case
def program_updated_in_place(w):
    begin(w)
    before = kernel_state(w)
    ping = Pinger(w, "10.1.0.2")
    for generation in range(5):
        with open(f"{w.object}.new", "wb") as new, open(f"{BPF_DIR}/acl.o", "rb") as old:
            # What follows the sections of an ELF file is ignored, but it is other content.
            new.write(old.read() + bytes([generation + 1]))
        os.rename(f"{w.object}.new", w.object)
        w.ctl("reload")
        w.until(lambda: kernel_state(w) != before, "the programs are other ones")
        w.ready("web0")
        now = kernel_state(w)
        equal([[link for _, link in chain] for _, chain in now],
              [[link for _, link in chain] for _, chain in before], "the links are the same")
        before = now
    equal(ping.lost(), 0, "packets lost across five updates")
    equal(w.pair("web0")["summary"]["repairs"], 0, "repairs")


@case
def order_changed_without_a_gap(w):
    begin(w)
    text = PAIR % w.object
    ping = Pinger(w, "10.1.0.2")
    for _ in range(3):
        w.write(text.replace("[count, filter]", "[filter, count]"))
        w.until(lambda: w.chain("web0", "primary") == ["filter", "count"], "turned")
        w.write(text)
        w.until(lambda: w.chain("web0", "primary") == ["count", "filter"], "turned back")
    equal(ping.lost(), 0, "packets lost across six changes of order")


@case
def counters_survive(w):
    begin(w)
    w.pings("10.1.0.2", count=20)

    def counted():
        maps = json.loads(run("bpftool", "-j", "map", "show").stdout)
        found = []
        for m in maps:
            if m.get("name") == "counted":
                dump = json.loads(run("bpftool", "-j", "map", "dump", "id", str(m["id"])).stdout)
                found.append(sum(v["value"]["packets"] for v in dump[0]["formatted"]["values"]))
        return max(found)

    before = counted()
    check(before >= 40, f"both chains count: {before}")
    text = PAIR % w.object
    w.write(text.replace("[count, filter]", "[filter, count]"))
    w.until(lambda: w.chain("web0", "primary") == ["filter", "count"], "turned")
    check(counted() >= before, "a moved program keeps its map")


def many(n):
    return "pairs:\n" + "".join(
        f"  p{i}: {{addresses: [10.{i // 256}.{i % 256}.1/32], programs: [count],"
        f" peer: {{netns: web, name: e{i}, policy: drop,"
        f" addresses: [10.{i // 256}.{i % 256}.2/32], programs: [acl]}}}}\n" for i in range(n))


@case
def crash_in_the_middle_of_200_pairs(w):
    n = 200
    w.netns("web")
    w.write(many(n))
    for pause in (0.05, 0.1, 0.2, 0.3):
        w.metad = subprocess.Popen(w.arguments(), stderr=w.log, stdout=w.log)
        time.sleep(pause)
        w.stop(signal.SIGKILL)
    w.start()
    w.until(lambda: json.loads(w.ctl("--json=short", "version").stdout)["settled"], "settled")
    states = {p["state"] for p in json.loads(w.ctl("--json=short", "list").stdout)}
    equal(states, {"ready"}, "states")
    equal(len([x for x in w.ip("link") if x["ifname"].startswith("p")]), n, "primaries")
    equal(len([x for x in w.ip("link", ns="web") if x["ifname"].startswith("e")]), n, "peers")
    equal(len(w.pins()), 2 * n, "pins of links")
    equal(len(w.pins("programs")), 2, "pins of programs")
    for i in (0, n // 2, n - 1):
        equal((w.chain(f"p{i}", "primary"), w.chain(f"p{i}", "peer")), (["count"], ["acl"]),
              "chains")
    equal(w.ctl("plan", ok=False).returncode, 0, "a second plan is empty")
    equal(os.path.exists(f"{w.runtime}/expedited"), False, "the marker of expedited grace periods")
    # The knob is the machine's: another metad may have it turned on for a moment.
    w.until(lambda: open("/sys/kernel/rcu_expedited").read().strip() == "0", "rcu_expedited is off")


def milliseconds(fn):
    began = time.monotonic()
    fn()
    return (time.monotonic() - began) * 1000


class Echo:
    """A process that does nothing but answer: how long the machine takes for that."""

    def __init__(self, w):
        self.ours, theirs = socket.socketpair()
        w.spawn(sys.executable, "-c",
                "import socket, sys\n"
                "s = socket.socket(fileno=int(sys.argv[1]))\n"
                "while data := s.recv(1): s.send(data)", str(theirs.fileno()),
                pass_fds=[theirs.fileno()])
        theirs.close()
        self.call()

    def call(self):
        self.ours.send(b"?")
        self.ours.recv(1)


@case
def socket_answers_while_1000_pairs_are_made(w):
    n = 1000
    w.netns("web")
    w.write(many(n))
    w.start(settle=False)
    echo = Echo(w)
    times, echo_times = [], []
    while not json.loads(w.ctl("--json=short", "version").stdout)["settled"]:
        for _ in range(20):
            times.append(milliseconds(
                lambda: call(w.socket, {"method": "org.varlink.service.GetInfo"})))
            echo_times.append(milliseconds(echo.call))
    p99, echo_p99 = (sorted(t)[len(t) * 99 // 100] for t in (times, echo_times))
    print(f"     {len(times)} calls while {n} pairs were made: median"
          f" {sorted(times)[len(times) // 2]:.2f} ms, p99 {p99:.2f} ms, slowest"
          f" {max(times):.1f} ms; p99 of an echo at the same time {echo_p99:.2f} ms")
    equal(len(w.pins()), 2 * n, "pins")
    # Waiting for a processor is the machine's business, and takes an echo as long.
    check(p99 < (5 if PATIENCE <= 20 else 50) + 3 * echo_p99,
          f"p99 {p99:.2f} ms, of an echo {echo_p99:.2f} ms")
    w.write("")
    w.until(lambda: w.pins() == [] and len(w.ip("link")) == 1, "all are deleted", PATIENCE * 3)


@case
def nothing_wakes_when_nothing_changes(w):
    begin(w)
    w.settle()

    def switches():
        total = 0
        for task in os.listdir(f"/proc/{w.metad.pid}/task"):
            with open(f"/proc/{w.metad.pid}/task/{task}/status") as status:
                total += sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)
        return total

    time.sleep(0.5)
    before = switches()
    time.sleep(3)
    equal(switches() - before, 0, "context switches in three idle seconds")


@case
def broken_file_keeps_its_last_good_content(w):
    begin(w)
    before = kernel_state(w)
    w.write("pairs: {web0: {polcy: drop, peer: {netns: web}}}")
    w.until(lambda: "polcy" in w.ctl("status", ok=False).stdout, "the fault is shown")
    text = w.ctl("status", ok=False).stdout
    check("10-test.yaml:1:16" in text and 'did you mean "policy"' in text, f"place: {text}")
    equal(kernel_state(w), before, "the pair is untouched")
    equal(w.ctl("reload", ok=False).returncode, 1, "reload's exit code")
    # Started on a broken file of which nothing is known, metad cannot tell whose pairs these are.
    w.stop()
    shutil.rmtree(w.state_dir)
    w.start()
    equal(w.state("web0"), "held", "state")
    check(w.pings("10.1.0.2"), "traffic goes on")
    w.write(PAIR % w.object)
    w.ready("web0")
    equal(kernel_state(w), before, "devices, links and programs")


@case
def moved_tree_finds_its_programs(w):
    """What is installed, moved as a whole: no variable says where programs are."""
    os.makedirs(f"{w.dir}/moved/sbin")
    os.makedirs(f"{w.dir}/moved/lib/metad/bpf")
    moved = shutil.copy(METAD, f"{w.dir}/moved/sbin/metad")
    shutil.copy(f"{BPF_DIR}/count.o", f"{w.dir}/moved/lib/metad/bpf/count.o")
    w.netns("web")
    w.write("pairs: {web0: {programs: [count], peer: {netns: web}}}")
    env = {name: value for name, value in os.environ.items() if name != "METAD_BPF_DIR"}
    w.metad = subprocess.Popen([moved] + w.arguments()[1:], stderr=w.log, stdout=w.log, env=env)
    w.until(w.answers, "metad answers")
    w.ready("web0")
    equal(w.chain("web0", "primary"), ["count"], "the chain")
    # Only these, whatever is installed where the tree was built for.
    w.write("pairs: {web0: {programs: [pass], peer: {netns: web}}}")
    w.until(lambda: w.state("web0") == "waiting", "there is no such object")
    check(f"{w.dir}/moved/lib/metad/bpf/pass.o" in w.ctl("status", "web0", ok=False).stdout,
          w.ctl("status", "web0", ok=False).stdout)


main()
