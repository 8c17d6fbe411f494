# SPDX-License-Identifier: GPL-2.0-only
"""Who is neither root nor of the group: polkit is asked, on a real bus, and nobody waits for it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import METACTL, case, check, equal, main, run  # noqa: E402

NOBODY = 65534
RELOAD = {"method": "io.metad.Reload"}
INTERACTIVE = {"method": "io.metad.Reload", "parameters": {"allowInteractiveAuthentication": True}}
DENIED = "org.varlink.service.PermissionDenied"
CONFIG = """<busconfig><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow receive_sender="*"/></policy></busconfig>"""

if not shutil.which("dbus-daemon"):
    print("skipped: dbus-daemon is not installed")
    sys.exit(77)


def accepts(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


class Bus:
    """A bus, and on it an authority that answers as it is told."""

    def __init__(self, w):
        path = f"{w.dir}/bus"
        self.address = f"unix:path={path}"
        self.said = []
        with open(f"{path}.conf", "w") as file:
            file.write(CONFIG.format(path=path))
        self.daemon = w.spawn("dbus-daemon", f"--config-file={path}.conf", "--nofork", "--nopidfile",
                              stderr=open(f"{path}.err", "w"))
        w.until(lambda: accepts(path), "the bus is there")
        self.log = open(f"{path}.log", "w+")
        self.authority = None
        self.w = w

    def appoint(self):
        self.authority = self.w.spawn(
            os.environ["METAD_TEST_AUTHORITY"], stdin=subprocess.PIPE, stdout=self.log,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address}, text=True)
        self.w.until(lambda: "here" in self.lines(), "the authority is there")

    def lines(self):
        with open(self.log.name) as file:
            return file.read().splitlines()

    def questions(self):
        return [line for line in self.lines() if line.startswith("unix-process")]

    def will(self, answer):
        n = self.lines().count(f"answer={answer}")
        self.authority.stdin.write(f"{answer}\n")
        self.authority.stdin.flush()
        self.w.until(lambda: self.lines().count(f"answer={answer}") > n, "the authority knows")


def begin(w, appoint=True):
    bus = Bus(w)
    if appoint:
        bus.appoint()
    w.start(env={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})
    os.chmod(w.dir, 0o755)
    return bus


class Caller:
    """Somebody with no rights, who has sent a call, or one after the other."""

    def __init__(self, w, message=RELOAD, uid=NOBODY, times=1, path=None):
        code = ("import socket, sys\n"
                "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                "for _ in range(int(sys.argv[3])):\n"
                "    s.sendall(sys.argv[2].encode() + b'\\0')\n"
                "    data = b''\n"
                "    while not data.endswith(b'\\0'):\n"
                "        more = s.recv(65536)\n"
                "        if not more: break\n"
                "        data += more\n"
                "sys.stdout.write(data.decode().rstrip('\\0'))\n")
        self.process = w.spawn("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups",
                               "python3", "-c", code, path or w.socket, json.dumps(message), str(times),
                               stdout=subprocess.PIPE, text=True)

    def answer(self):
        text = self.process.communicate(timeout=60)[0]
        return json.loads(text) if text else None

    def error(self):
        return self.answer().get("error")


def reads(w):
    return w.text().count("configuration read")


@case
def the_authority_decides(w):
    bus = begin(w)
    bus.will("yes")
    before = reads(w)
    caller = Caller(w)
    equal(caller.answer(), {"parameters": {"diagnostics": []}}, "the answer to who may")
    equal(reads(w), before + 1, "times the configuration was read")
    asked, = bus.questions()
    pid = caller.process.pid
    fields = dict(word.split("=") for word in asked.split()[1:])
    check(int(fields.pop("start-time")) > 0, asked)
    equal(fields.pop("pidfd", str(pid)), str(pid), "the process by its descriptor")
    equal(fields, {"pid": str(pid), "uid": str(NOBODY), "action": "io.metad.reload",
                   "verb": "Reload", "flags": "0"}, "what was asked")
    for answer, error in (("no", DENIED), ("error", DENIED),
                          ("challenge", "io.systemd.InteractiveAuthenticationRequired")):
        bus.will(answer)
        before = reads(w)
        equal(Caller(w).error(), error, f"the error after {answer}")
        equal(reads(w), before, "times the configuration was read")


@case
def it_is_told_what_a_call_is_about(w):
    # A front with a method that has a pair and a namespace in its parameters.
    bus = begin(w)
    path = f"{w.dir}/fake"
    fake = w.spawn(os.environ["METAD_TEST_FAKE"], path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                   env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address}, text=True)
    equal(fake.stdout.readline(), "ok\n", "what the front says")
    for answer, netns, wanted in [
        ("yes", None, None), ("yes", {"name": "blue"}, "blue"), ("no", {"path": "/a/b"}, "/a/b"),
        ("no", {"pid": 17}, "pid 17"), ("yes", {"path": None, "fileDescriptor": 0}, "fileDescriptor 0"),
    ]:
        bus.will(answer)
        message = {"method": "org.example.fake.Change", "parameters": {"pair": "web0", "netns": netns}}
        equal(Caller(w, message, path=path).error(), None if answer == "yes" else DENIED, netns)
        said = bus.questions()[-1].split(" action=")[1]
        equal(said, "io.metad.reload verb=Change pair=web0" + (f" netns={wanted}" if wanted else "") +
              " flags=0", "the question")
    fake.stdin.close()
    equal(fake.wait(timeout=30), 0, "how the front ends")


@case
def the_start_time_is_the_callers(w):
    bus = begin(w)
    bus.will("silence")
    caller = Caller(w)
    w.until(bus.questions, "the authority is asked")
    with open(f"/proc/{caller.process.pid}/stat") as file:
        wanted = file.read().rsplit(")", 1)[1].split()[19]
    check(f" start-time={wanted} " in bus.questions()[0], (bus.questions(), wanted))


@case
def who_may_anyway_is_not_asked_about(w):
    bus = begin(w)
    bus.will("no")
    w.ctl("reload")
    nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", METACTL,
              "--socket", w.socket]
    run(*nobody, "status")
    equal(bus.questions(), [], "questions")
    refused = run(*nobody, "reload", ok=False, stdin=subprocess.DEVNULL)
    equal((refused.returncode, len(bus.questions())), (1, 1), "reload by nobody")
    check("polkit's consent" in refused.stderr, refused.stderr)


@case
def a_person_may_be_asked(w):
    bus = begin(w)
    bus.will("yes")
    equal(Caller(w, INTERACTIVE).error(), None, "error")
    check(bus.questions()[0].endswith(" flags=1"), bus.questions())
    parameters = {"allowInteractiveAuthentication": False}
    equal(Caller(w, {**RELOAD, "parameters": parameters}).error(), None, "error")
    check(bus.questions()[1].endswith(" flags=0"), bus.questions())
    wrong = Caller(w, {**RELOAD, "parameters": {"allowInteractiveAuthentication": "yes"}}).answer()
    equal(wrong, {"error": "org.varlink.service.InvalidParameter",
                  "parameters": {"parameter": "allowInteractiveAuthentication"}}, "another type")
    wrong = Caller(w, {"method": "io.metad.Status",
                       "parameters": {"allowInteractiveAuthentication": True}}).error()
    equal(wrong, "org.varlink.service.InvalidParameter", "where nobody needs to be asked")
    # From a terminal metactl lets a person be asked.
    command = (f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups {METACTL}"
               f" --socket {w.socket} reload")
    run("script", "-qec", command, "/dev/null", stdin=subprocess.DEVNULL)
    check(bus.questions()[-1].endswith(" flags=1"), bus.questions())


@case
def nobody_waits_for_the_authority(w):
    bus = begin(w)
    bus.will("silence")
    waiting = [Caller(w) for _ in range(3)]
    w.until(lambda: len(bus.questions()) == 3, "it is asked about three")
    began = time.monotonic()
    w.ctl("reload")
    w.ctl("status", ok=False)
    check(time.monotonic() - began < 5, "others are served")
    # Who leaves is not asked about any more.
    waiting[0].process.kill()
    w.until(lambda: bus.lines().count("gone") == 1, "the question is taken back")
    w.until(lambda: len(established(w)) == 2, "with its connection")
    # An authority that is silent for good has said no.
    for caller in waiting[1:]:
        equal(caller.error(), DENIED, "after a long silence")
    w.until(lambda: not established(w), "no connection to the bus is left")
    bus.will("yes")
    equal(Caller(w).error(), None, "the next one")


def established(w):
    """metad's connections to the bus, by what ss says of who is at the other end."""
    lines = run("ss", "-xpH").stdout.splitlines()
    theirs = {line.split()[5] for line in lines if f"{w.dir}/bus " in line}
    return [line for line in lines if f"pid={w.metad.pid}," in line and line.split()[7] in theirs]


@case
def without_an_authority_the_answer_is_no(w):
    bus = begin(w, appoint=False)
    # Answers may come before the question has been sent off for good, or after.
    equal(Caller(w, times=500).error(), DENIED, "without an authority")
    bus.appoint()
    bus.will("yes")
    equal(Caller(w).error(), None, "with one")
    bus.will("silence")
    caller = Caller(w)
    w.until(lambda: len(bus.questions()) == 2, "it is asked")
    bus.authority.kill()
    equal(caller.error(), DENIED, "when it dies before it answers")
    bus.daemon.kill()
    bus.daemon.wait()
    equal(Caller(w).error(), DENIED, "without a bus")
    w.ctl("reload")


@case
def a_user_has_so_many_questions(w):
    bus = begin(w)
    bus.will("silence")
    waiting = [Caller(w) for _ in range(8)]
    w.until(lambda: len(bus.questions()) == 8, "eight questions")
    equal(Caller(w).error(), DENIED, "the ninth")
    equal(len(bus.questions()), 8, "questions")
    other = Caller(w, uid=NOBODY - 1)
    w.until(lambda: len(bus.questions()) == 9, "but another user's is asked")
    for caller in waiting + [other]:
        caller.process.kill()
    w.until(lambda: bus.lines().count("gone") == 9, "all are taken back")
    bus.will("yes")
    equal(Caller(w).error(), None, "and there is room again")


@case
def who_wants_no_answer_is_asked_about_too(w):
    bus = begin(w)
    oneway = {**RELOAD, "oneway": True}
    for answer, wanted in (("no", 0), ("yes", 1)):
        bus.will(answer)
        before, asked = reads(w), len(bus.questions())
        caller = Caller(w, oneway)
        w.until(lambda: len(bus.questions()) == asked + 1, "it is asked")
        w.until(lambda: reads(w) == before + wanted, "it is done")
        time.sleep(0.3)
        equal(reads(w), before + wanted, f"reads after {answer}")
        caller.process.kill()
        equal(caller.process.communicate()[0], "", "what a caller that wants no answer gets")


@case
def stopping_waits_for_nobody(w):
    bus = begin(w)
    bus.will("silence")
    caller = Caller(w)
    w.until(bus.questions, "it is asked")
    w.stop()
    equal(caller.answer(), None, "what it gets")
    w.until(lambda: "gone" in bus.lines(), "the question is taken back")


main()
