# SPDX-License-Identifier: GPL-2.0-only
"""What cannot work says why: bad programs, missing objects, and machines that lack something."""

import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from world import BPF_DIR, KIND, METAD, case, check, equal, main, run  # noqa: E402

BAD = os.environ["METAD_TEST_BAD_OBJECT"]
WITHOUT = os.environ["METAD_TEST_WITHOUT"]


@case
def program_refused_by_the_verifier(w):
    w.netns("web")
    w.write(f"""
programs: {{bad: {{object: {BAD}}}}}
pairs:
  web0: {{peer: {{netns: web, name: eth0, addresses: [10.1.0.2/24], programs: [bad]}}}}
  web1: {{mode: l2, addresses: [10.2.0.1/24], peer: {{netns: web, name: eth1, addresses: [10.2.0.2/24], programs: [count]}}}}
""")
    w.start(settle=False)
    w.until(lambda: w.state("web0") == "failed", "web0 has failed")
    w.ready("web1")
    check(w.pings("10.2.0.2"), "the other pair works")
    equal(w.pair("web0")["summary"]["closed"], True, "closed")
    link = w.link("web0")
    check(link is None or "UP" not in link["flags"], "no traffic can pass")
    text = w.ctl("status", "web0", ok=False).stdout
    check("the verifier refused program bad" in text, f"words: {text}")
    check("invalid mem access" in text and "R0" in text, f"the verifier's log: {text}")
    # A good program in its place heals it.
    shutil.copy(f"{BPF_DIR}/count.o", f"{w.dir}/bad.o")
    w.write(f"""
programs: {{bad: {{object: {w.dir}/bad.o}}}}
pairs: {{web0: {{peer: {{netns: web, programs: [bad]}}}}}}
""")
    w.ready("web0")


@case
def bad_program_never_replaces_a_working_one(w):
    path = f"{w.dir}/p.o"
    shutil.copy(f"{BPF_DIR}/count.o", path)
    w.netns("web")
    w.write(f"programs: {{p: {{object: {path}}}}}\npairs: {{web0: {{programs: [p], peer: {{netns: web}}}}}}")
    w.start()
    w.ready("web0")
    before = w.end("web0", "primary")["chain"][0]
    shutil.copy(BAD, f"{path}.new")
    os.rename(f"{path}.new", path)
    w.ctl("reload")
    w.until(lambda: w.state("web0") == "failed", "the update fails")
    now = w.end("web0", "primary")["chain"][0]
    equal((now["programId"], now["linkId"]), (before["programId"], before["linkId"]),
          "the old program")
    check("UP" in w.link("web0")["flags"], "the pair stays open")


FLOOD = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try:
        s.sendto(b"leak", ("10.1.0.1", 9))
    except OSError:
        time.sleep(0)
"""


@case
def nothing_passes_before_the_programs_are_in(w):
    w.netns("web")
    # Somebody inside sends from the first moment on that there is a way.
    w.spawn("ip", "netns", "exec", "web", sys.executable, "-c", FLOOD)
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("0.0.0.0", 9))
    listener.setblocking(False)
    pair = ("pairs: {web0: {mode: %s, addresses: [10.1.0.1/24],"
            " peer: {netns: web, addresses: [10.1.0.2/24], programs: [%s]}}}")
    w.write(pair % ("l3", "drop"))
    w.start()
    for mode in ("l2", "l3") * 5:
        w.write(pair % (mode, "drop"))
        w.ctl("reload")
        w.until(lambda: w.pair("web0")["mode"] == mode and w.state("web0") == "ready"
                and ("NOARP" in w.link("web0")["flags"]) == (mode == "l3"), f"mode {mode}")
        # The sender is really sending: its packets reach the program.
        w.until(lambda: w.end("web0", "peer")["chain"][0]["runs"] > 0, "the program runs")
    leaked = 0
    try:
        while listener.recv(64):
            leaked += 1
    except BlockingIOError:
        pass
    equal(leaked, 0, "packets that came through")
    w.write(pair % ("l3", "count"))
    w.ready("web0")

    def arrives():
        try:
            return listener.recv(64)
        except BlockingIOError:
            return False
    w.until(arrives, "with another program they do come through")


@case
def object_that_is_not_there(w):
    w.netns("web")
    w.write("pairs: {web0: {programs: [nosuch], peer: {netns: web}}}")
    w.start()
    equal(w.state("web0"), "waiting", "state")
    check('no shipped object is called "nosuch"' in w.pair("web0")["summary"]["why"], "words")
    equal(w.link("web0"), None, "nothing is made")


@case
def object_without_that_program(w):
    w.netns("web")
    w.write("programs: {p: {object: acl, program: nosuch}}\n"
            "pairs: {web0: {programs: [p], peer: {netns: web}}}")
    w.start(settle=False)
    w.until(lambda: w.state("web0") == "failed", "it fails")
    check('has no program "nosuch"; it has: acl' in w.pair("web0")["summary"]["error"], "words")


@case
def route_that_the_kernel_refuses(w):
    w.netns("web")
    w.write("pairs: {web0: {peer: {netns: web, routes: [{to: 10.9.0.0/16, via: 10.8.0.1}]}}}")
    w.start(settle=False)
    w.until(lambda: w.state("web0") == "failed", "it fails")
    error = w.pair("web0")["summary"]["error"]
    check("peer: add route 10.9.0.0/16 via 10.8.0.1: " in error, f"words: {error}")
    check("gateway" in error, f"the kernel's own words: {error}")
    equal(w.pair("web0")["summary"]["closed"], True, "it stays closed")


def start_fails(w, code, words, *prefix, args=None):
    done = subprocess.run([*prefix, *(args or w.arguments())], capture_output=True, text=True,
                          timeout=60)
    equal(done.returncode, code, f"exit code ({done.stderr.strip()})")
    check(words in done.stderr, f"words: {done.stderr}")


@case
def machine_lacks_something(w):
    w.write("")
    start_fails(w, 72, "is not a BPF file system", args=[
        METAD, "--config-dir", w.conf, "--runtime-dir", w.runtime, "--bpffs", w.dir])
    start_fails(w, 72, "No such file", args=[
        METAD, "--config-dir", w.conf, "--runtime-dir", w.runtime, "--bpffs", f"{w.dir}/nosuch"])
    start_fails(w, 78, f"{w.dir}/nosuch: No such file", args=[
        METAD, "--config-dir", f"{w.dir}/nosuch", "--runtime-dir", w.runtime, "--bpffs", w.bpffs])
    start_fails(w, 77, "CAP_", "setpriv", "--bounding-set=-bpf,-sys_admin,-net_admin",
                "--inh-caps=-bpf,-sys_admin,-net_admin")
    if KIND == "veth":
        start_fails(w, 69, "this kernel has no tcx (CONFIG_NET_XGRESS, Linux 6.6)", WITHOUT, "tcx")
    start_fails(w, 64, "see metad --help", args=[METAD, "--nosuch"])
    start_fails(w, 64, "is not debug, info", args=[METAD, "--log-level", "loud"])
    check("\n" in run(METAD, "--help").stdout, "help")


@case
def client_says_what_is_wrong(w):
    done = w.ctl("status", ok=False)
    equal(done.returncode, 3, "without metad")
    check("is metad running?" in done.stderr, done.stderr)
    w.write("")
    w.start()
    done = w.ctl("status", "web9", ok=False)
    equal(done.returncode, 1, "an unknown pair")
    check('pair "web9" is not known to metad' in done.stderr, done.stderr)
    equal(w.ctl("nosuch", ok=False).returncode, 64, "an unknown command")
    equal(w.ctl("--nosuch", ok=False).returncode, 64, "an unknown option")
    equal(w.ctl("status").returncode, 0, "no pairs are no fault")
    uid = ["setpriv", "--reuid", "65534", "--clear-groups"]
    os.chmod(w.dir, 0o755)
    done = run(*uid, os.environ["METACTL"], "--socket", w.socket, "status", ok=False)
    equal(done.returncode, 0, f"everybody may read ({done.stderr})")
    done = run(*uid, os.environ["METACTL"], "--socket", w.socket, "reload", ok=False)
    equal(done.returncode, 1, "not everybody may reload")
    check("permission denied" in done.stderr, done.stderr)


main()
