# SPDX-License-Identifier: GPL-2.0-only
"""The way off: all that metad made goes, from whatever state it is in, and nothing else does."""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import KIND, METAD, case, check, equal, main, run  # noqa: E402

GROUP, DOOMED = "0x6d657461", "0x6d657464"
KNOB = "/sys/kernel/rcu_expedited"
PAIRS = """
pools: {pods: {ipv4: 10.88.0.0/24}}
templates: {pod: {match: {netns: pod}, name: "m-{netns}", pool: pods,
  pair: {peer: {addresses: ["{ip}/32"]}}}}
pairs:
  web0:
    addresses: [192.0.2.1/32]
    routes: [{to: 10.1.0.2/32}]
    programs: [count]
    peer: {netns: web, policy: drop, addresses: [10.1.0.2/24], programs: [count, pass],
      routes: [{to: default, via: 169.254.1.1, onlink: true}]}
  db0: {policy: drop, peer: {netns: db}}
"""


def begin(w):
    w.netns("web", "db", "pod")
    w.write(PAIRS)
    w.settings("audit: never\n")
    os.makedirs(f"{w.runtime}/pairs.d")
    with open(f"{w.runtime}/pairs.d/late.yaml", "w") as file:
        file.write("pairs: {late0: {peer: {netns: web, name: eth9}}}")
    w.start()
    w.ready("web0", "db0", "m-pod", "late0")
    w.settle()


def cleanup(w, *more, code=0):
    done = run(*w.arguments(), "--cleanup", *more, ok=False)
    equal(done.returncode, code, f"exit code: {done.stdout}{done.stderr}")
    return done


def ours():
    return [line.split(":")[1].strip().split("@")[0] for group in (GROUP, DOOMED)
            for line in run("ip", "-o", "link", "show", "group", group).stdout.splitlines()]


def left(w):
    """Whatever of metad's is anywhere."""
    found = ours()
    for top in (f"{w.bpffs}/metad", w.state_dir, f"{w.runtime}/pairs.d", f"{w.conf}/pairs.d"):
        for folder, _, names in os.walk(top):
            found += [f"{folder}/{name}" for name in names]
    return sorted(set(found) - {f"{w.conf}/pairs.d/10-test.yaml"})


def tree(w):
    return sorted(os.path.join(folder, name) for top in (w.bpffs, w.state_dir, w.runtime, w.conf)
                  for folder, _, names in os.walk(top) for name in names if not name.endswith("lock"))


@case
def all_goes_and_nothing_else(w):
    begin(w)
    run("ip", "link", "add", "mine", "type", "veth", "peer", "name", "mine-too")
    os.mkdir(f"{w.bpffs}/mine")
    shutil.copy(f"{w.conf}/pairs.d/10-test.yaml", f"{w.runtime}/pairs.d/not-a-pair.txt")
    check(left(w) and ours(), "there is something")
    again = cleanup(w, code=71)
    check("metad is running already" in again.stderr, again.stderr)
    before = tree(w), ours()
    said = cleanup(w, "--dry-run").stdout.splitlines()
    equal((tree(w), ours()), before, "what is only said changes nothing")
    w.stop()
    check(w.pings("10.1.0.2"), "a stop leaves traffic")
    before = left(w)
    equal(cleanup(w, "--dry-run").stdout.splitlines(), said, "with metad and without")
    cleanup(w)
    for line in said:
        kind, name = line.split(None, 1)
        check(not os.path.exists(name) and not w.link(name), f"{kind} {name} has gone")
    gone = {line.split(None, 1)[1] for line in said}
    equal(sorted(gone & set(before)), sorted(set(before) - {f"{w.runtime}/pairs.d/not-a-pair.txt"}),
          "it was all said")
    equal(left(w), [f"{w.runtime}/pairs.d/not-a-pair.txt"], "what is left")
    check(w.link("mine") and w.link("mine-too") and os.path.isdir(f"{w.bpffs}/mine"), "somebody else's")
    check(not os.path.exists(f"{w.bpffs}/metad"), "its directory")
    equal(cleanup(w, "--dry-run").stdout, "nothing of metad's is here\n", "a second time")
    check("nothing of metad's is here" in cleanup(w).stderr, "nothing is there")
    w.start()
    w.ready("web0", "db0", "m-pod")
    equal(w.state("late0"), None, "what was to last until the next boot")


@case
def broken_states_go_too(w):
    begin(w)
    w.stop(signal.SIGKILL)
    # A device without pins, pins without a device, a namespace gone, and what a crash leaves.
    for pin in w.pins():
        if pin.startswith("web0:"):
            os.unlink(f"{w.bpffs}/metad/links/{pin}")
    run("ip", "link", "del", "db0")
    w.netns_del("pod")
    run("ip", "link", "add", "half0", "group", GROUP, "type", "veth", "peer", "name", "half1")
    run("ip", "link", "add", "doom0", "group", DOOMED, "type", "veth", "peer", "name", "doom1")
    for place in (f"{w.conf}/pairs.d", f"{w.state_dir}", w.conf):
        with open(f"{place}/.metad-abc123", "w") as file:
            file.write("half of a f")
    with open(f"{w.conf}/pairs.d/.metad-notours", "w") as file:
        file.write("mine")
    cleanup(w)
    equal(left(w), [f"{w.conf}/pairs.d/.metad-notours"], "what is left")
    check(not w.link("half1") and not w.link("doom1"), "peers")


@case
def file_system_of_pins_is_gone(w):
    begin(w)
    w.stop()
    run("umount", w.bpffs)
    done = cleanup(w)
    check("is no BPF file system" in done.stderr, done.stderr)
    equal(ours(), [], "devices")
    run("mount", "-t", "bpf", "bpf", w.bpffs)


@case
def what_others_put_among_pins_stays(w):
    begin(w)
    w.stop()
    for name in ("links/theirs", "programs/theirs", "theirs"):
        os.mkdir(f"{w.bpffs}/metad/{name}")
    done = cleanup(w)
    equal(done.stderr.count("is not metad's, and stays"), 3, done.stderr)
    check(os.path.isdir(f"{w.bpffs}/metad/links/theirs"), "it stays")
    equal(left(w), [], "what is left of metad's")
    w.start()
    w.ready("web0")


@case
def foreign_kinds_in_the_group_stay(w):
    """The mark is of metad's kinds of devices only."""
    if run("ip", "link", "add", "br0", "group", GROUP, "type", "bridge", ok=False).returncode:
        print("# foreign_kinds_in_the_group_stay: this kernel has no bridges")
        return
    equal(cleanup(w, "--dry-run").stdout, "nothing of metad's is here\n", "what is said")
    cleanup(w)
    check(w.link("br0"), "the bridge")
    run("ip", "link", "del", "br0")


@case
def grace_periods_are_put_back(w):
    try:
        with open(KNOB) as knob:
            before = knob.read()
    except OSError:
        print(f"# grace_periods_are_put_back: this kernel has no {KNOB}")
        return
    if before.strip() != "0":
        print("# grace_periods_are_put_back: somebody else has turned it on")
        return
    try:
        open(f"{w.runtime}/expedited", "w").close()
        with open(KNOB, "w") as knob:
            knob.write("1")
        check("knob" in cleanup(w, "--dry-run").stdout, "it is said")
        cleanup(w)
        equal((open(KNOB).read(), os.path.exists(f"{w.runtime}/expedited")), (before, False), "afterwards")
    finally:
        with open(KNOB, "w") as knob:
            knob.write(before)


@case
def who_may_not_is_told(w):
    begin(w)
    w.stop()
    os.chmod(w.dir, 0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", METAD]
    nobody += w.arguments()[1:] + ["--cleanup"]
    done = subprocess.run(nobody + ["--dry-run"], capture_output=True, text=True)
    if "Permission denied" in done.stderr and done.returncode in (126, 127):
        print("# who_may_not_is_told: nobody else may run what was built here")
        return
    equal(done.returncode, 77, f"exit code: {done.stderr}")
    check("Permission denied" in done.stderr and "web0" in done.stdout, f"{done}")
    done = subprocess.run(nobody, capture_output=True, text=True)
    equal(done.returncode, 77, f"exit code without --dry-run: {done.stderr}")
    check(w.link("web0") and w.pins(), "nothing has happened")
    equal(run(METAD, "--dry-run", ok=False).returncode, 64, "without --cleanup")
    # What cannot be removed keeps nothing else from going.
    run("mount", "--bind", w.state_dir, w.state_dir)
    run("mount", "-o", "remount,bind,ro", w.state_dir)
    done = cleanup(w, code=71)
    check("leases is left: Read-only file system" in done.stderr, done.stderr)
    equal(ours(), [], "devices")
    run("umount", w.state_dir)


main()
