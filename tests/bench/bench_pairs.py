# SPDX-License-Identifier: GPL-2.0-only
"""Figures of metad on this machine, each with what to hold it against from the same run.

Machines are noisy: compare the ratios, not the milliseconds. BENCH_PAIRS sets how many (1000).
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "netns"))
from world import case, main, run  # noqa: E402

N = int(os.environ.get("BENCH_PAIRS", "1000"))


def address(i, end):
    return f"10.{i // 256}.{i % 256}.{end}/32"


def pairs(programs):
    chain = "programs: [count]," if programs else ""
    peer = "programs: [acl]," if programs else ""
    return "pairs:\n" + "".join(
        f"  p{i}: {{{chain} addresses: [\"{address(i, 1)}\"],"
        f" peer: {{netns: web, name: e{i}, {peer} addresses: [\"{address(i, 2)}\"]}}}}\n"
        for i in range(N))


def processor_ms(w):
    with open(f"/proc/{w.metad.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def resident_kb(w):
    with open(f"/proc/{w.metad.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def timed(fn):
    began = time.monotonic()
    fn()
    return (time.monotonic() - began) * 1000


def gone(w):
    w.until(lambda: w.pins() == [] and len(w.ip("link")) == 1, "all are deleted", 120)


def by_ip_batch():
    """The same bare pairs by ip -batch: the fastest a script gets."""
    host = "".join(f"link add p{i} type veth peer name e{i} netns web\n"
                   f"addr add {address(i, 1)} dev p{i}\nlink set p{i} up\n" for i in range(N))
    peer = "".join(f"addr add {address(i, 2)} dev e{i}\nlink set e{i} up\n" for i in range(N))
    run("ip", "-batch", "-", input=host)
    run("ip", "-n", "web", "-batch", "-", input=peer)


@case
def bare_pairs(w):
    w.netns("web")
    script = timed(by_ip_batch)
    w.netns_del("web")
    w.until(lambda: len(w.ip("link")) == 1, "the script's pairs are gone", 120)
    w.netns("web")
    w.write("")
    w.start()
    small = resident_kb(w)
    w.write(pairs(programs=False))
    took = timed(lambda: (w.ctl("reload"), w.settle()))
    print(f"{N} bare pairs: {took:.0f} ms, ip -batch {script:.0f} ms, ratio {took / script:.2f}")
    print(f"memory: {small} kB without pairs, {(resident_kb(w) - small) / N:.2f} kB a pair")
    w.write("")
    print(f"deleting them: {timed(lambda: gone(w)):.0f} ms")


@case
def pairs_with_two_programs(w):
    w.netns("web")
    for expedite in ("auto", "never"):
        w.settings(f"expedite: {expedite}\naudit: never\n")
        w.write("")
        w.start()
        n = N
        w.write(pairs(programs=True))
        took = timed(lambda: (w.ctl("reload"), w.until(w.settle_once, "settled", 300)))
        print(f"{n} pairs with two programs, expedite {expedite}: {took:.0f} ms")
        if expedite == "auto":
            before = processor_ms(w)
            wall = timed(lambda: [repair(w, i) for i in range(50)]) / 50
            print(f"repairing an address among them: {wall:.1f} ms,"
                  f" {(processor_ms(w) - before) / 50:.1f} ms of processor time")
            w.stop()
            print(f"starting again and adopting them: {timed(w.start):.0f} ms,"
                  f" {processor_ms(w):.0f} ms of processor time")
        w.write("")
        gone(w)
        w.stop()


def repair(w, i):
    w.ip("addr", "del", address(i, 2), "dev", f"e{i}", ns="web")
    w.until(lambda: address(i, 2) in w.addresses(f"e{i}", "web"), "the address is back")


main()
