# SPDX-License-Identifier: GPL-2.0-only
"""Files on trial: in force at once, written when all is well, gone when it is not."""

import json
import os
import pty
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import METACTL, call, case, check, equal, main, run  # noqa: E402

ONE = "pairs:\n  web0: {mtu: 1500, peer: {netns: web}}\n"
TWO = "pairs:\n  web0: {mtu: 1400, peer: {netns: web}}\n  web1: {peer: {netns: web, name: eth1}}\n"
BROKEN = "pairs:\n  web0: {mtu: 3, peer: {netns: web}}\n"
STUCK = "pairs:\n  web0: {mtu: 1400, peer: {netns: web}}\n  web1: {peer: {netns: nowhere}}\n"
NAME = "10-test.yaml"


def ask(w, method, **parameters):
    reply = call(w.socket, {"method": "io.metad." + method, "parameters": parameters}, timeout=30)
    if "error" in reply:
        return reply["error"].rsplit(".", 1)[1], reply.get("parameters", {})
    return reply["parameters"]


def apply(w, text, name=NAME, **parameters):
    return ask(w, "Apply", files=[{"name": name, "content": text}], **parameters)


def on_disk(w, name=NAME):
    path = f"{w.conf}/pairs.d/{name}"
    return open(path).read() if os.path.exists(path) else None


def begin(w):
    w.netns("web")
    w.write(ONE, name=NAME)
    w.start()


def is_before(w, why):
    """The kernel and the files are as they were before anything was applied."""
    w.settle()
    equal(on_disk(w), ONE, f"the file after {why}")
    equal(w.link("web0")["mtu"], 1500, f"the mtu after {why}")
    check(run("ip", "link", "show", "web1", ok=False).returncode, f"there is no web1 after {why}")
    check("trial" not in ask(w, "Status"), f"there is no trial after {why}")


@case
def without_confirmation(w):
    begin(w)
    ifindex = w.link("web0")["ifindex"]
    equal(apply(w, TWO), {"trial": 1, "stage": "confirmed"}, "the answer")
    equal(on_disk(w), TWO, "the file")
    equal(w.link("web0")["mtu"], 1400, "the mtu")
    equal(w.link("web0")["ifindex"], ifindex, "the device is the same")
    w.ready("web0", "web1")


@case
def confirmed(w):
    begin(w)
    answer = apply(w, TWO, confirmTimeoutMs=60000)
    equal((answer["trial"], answer["stage"]), (1, "trial"), "the answer")
    check(59000 < answer["confirmMs"] <= 60000, f"the time: {answer}")
    equal(on_disk(w), ONE, "the file on trial")
    w.ready("web0", "web1")
    trial = ask(w, "Status")["trial"]
    equal((trial["stage"], trial["files"]), ("trial", [NAME]), "what Status tells")
    check("trial 1 of 10-test.yaml: metactl confirm within" in w.ctl("status").stdout,
          "what status tells")
    w.ctl("reload")
    w.settle()
    equal(w.link("web0")["mtu"], 1400, "the mtu after a reload")
    equal(apply(w, ONE), ("TrialUnderWay", {"trial": 1}), "another meanwhile")
    equal(ask(w, "Confirm", trial=7), ("NoTrial", {}), "confirmation of another")
    equal(ask(w, "Confirm", trial=1), {"trial": 1}, "confirmation")
    equal(on_disk(w), TWO, "the file")
    equal(ask(w, "Confirm"), ("NoTrial", {}), "confirmation once more")
    equal(ask(w, "Revert"), ("NoTrial", {}), "too late")
    w.settle()
    equal(w.link("web0")["mtu"], 1400, "the mtu")


@case
def reverted(w):
    begin(w)
    apply(w, TWO, confirmTimeoutMs=60000)
    w.ready("web0", "web1")
    equal(ask(w, "Revert"), {"trial": 1}, "the answer")
    equal(w.link("web0")["mtu"], 1500, "the mtu when that is answered")
    is_before(w, "a revert")


@case
def not_confirmed_in_time(w):
    begin(w)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(w.socket)
        s.sendall(json.dumps({"method": "io.metad.Apply", "more": True, "parameters": {
            "files": [{"name": NAME, "content": TWO}], "confirmTimeoutMs": 1500}}).encode() + b"\0")
        replies = s.makefile("rb")
        first = json.loads(read_message(replies))
        check(first["continues"] and first["parameters"]["stage"] == "trial", f"the first: {first}")
        equal(w.link("web0")["mtu"], 1400, "the mtu on trial")
        second = json.loads(read_message(replies))
        equal(second, {"error": "io.metad.Reverted", "parameters": {"trial": 1}}, "the second reply")
    is_before(w, "the time")


def read_message(stream):
    data = b""
    while not data.endswith(b"\0"):
        more = stream.read(1)
        check(more, "the connection is there")
        data += more
    return data[:-1]


@case
def whoever_asked_goes_away(w):
    """With revertOnDisconnect, before and after the first reply; without it, it goes on."""
    begin(w)
    for wait in (False, True):
        s = socket.socket(socket.AF_UNIX)
        s.connect(w.socket)
        s.sendall(json.dumps({"method": "io.metad.Apply", "more": True, "parameters": {
            "files": [{"name": NAME, "content": TWO}], "confirmTimeoutMs": 60000,
            "revertOnDisconnect": True}}).encode() + b"\0")
        if wait:
            read_message(s.makefile("rb"))
            equal(w.link("web0")["mtu"], 1400, "the mtu on trial")
        s.close()
        w.until(lambda: "trial" not in ask(w, "Status"), "the trial is over")
        is_before(w, f"a disconnect, {'after' if wait else 'before'} the first reply")
    s = socket.socket(socket.AF_UNIX)
    s.connect(w.socket)
    s.sendall(json.dumps({"method": "io.metad.Apply", "more": True, "parameters": {
        "files": [{"name": NAME, "content": TWO}], "confirmTimeoutMs": 60000}}).encode() + b"\0")
    s.close()
    w.until(lambda: ask(w, "Status").get("trial", {}).get("stage") == "trial", "it is on all the same")
    ask(w, "Revert")
    equal(ask(w, "Apply", files=[{"name": NAME, "content": TWO}], revertOnDisconnect=True)[0],
          "ExpectedMore", "without more it makes no sense")


@case
def what_is_wrong_is_never_in_force(w):
    begin(w)
    error, parameters = apply(w, BROKEN)
    equal(error, "InvalidDeclaration", "the error")
    fault = parameters["diagnostics"][0]
    equal((fault["line"], fault["column"]), (2, 15), "its place")
    check(fault["file"].endswith(NAME) and "mtu: 3" in fault["text"], f"the fault: {fault}")
    is_before(w, "a broken file")
    error, parameters = apply(w, ONE, name="20-other.yaml")
    equal(error, "InvalidDeclaration", "of a pair that another file declares")
    is_before(w, "a conflict")
    for name in ("x", ".x.yaml", "../x.yaml", "a/b.yaml", ""):
        equal(apply(w, TWO, name=name)[0], "InvalidDeclaration", f"the name {name!r}")
    equal(ask(w, "Apply", files=[])[0], "InvalidParameter", "no files")
    equal(ask(w, "Apply", files=[{"name": NAME, "content": TWO}] * 2)[0], "InvalidDeclaration", "twice")
    is_before(w, "wrong names")


@case
def what_does_not_converge_is_reverted(w):
    begin(w)
    error, parameters = apply(w, STUCK, timeoutMs=2000)
    equal((error, parameters["pair"]), ("NotConverged", "web1"), "the error")
    check("waiting" in parameters["why"] and "nowhere" in parameters["why"], f"why: {parameters}")
    is_before(w, "a pair that waits")


@case
def what_was_broken_is_as_before(w):
    """A broken file has its last good content in force, and that is what a revert goes back to."""
    begin(w)
    w.write(BROKEN, name=NAME)
    w.settle()
    equal(w.link("web0")["mtu"], 1500, "the mtu of the last good content")
    equal(apply(w, TWO, confirmTimeoutMs=60000)["stage"], "trial", "the trial of what is right")
    equal(w.link("web0")["mtu"], 1400, "the mtu on trial")
    equal(ask(w, "Revert"), {"trial": 1}, "the answer")
    equal(w.link("web0")["mtu"], 1500, "the mtu after the revert")
    equal(apply(w, STUCK, timeoutMs=2000)[0], "NotConverged", "one that is undone")
    equal(w.link("web0")["mtu"], 1500, "the mtu after that")
    equal(apply(w, BROKEN)[0], "InvalidDeclaration", "one that is as broken")
    w.settle()
    equal(w.link("web0")["mtu"], 1500, "the mtu after all")
    equal([d["line"] for d in ask(w, "Status")["diagnostics"]], [2], "what is wrong is told")
    equal(apply(w, TWO)["stage"], "confirmed", "once it is right")
    equal((w.link("web0")["mtu"], ask(w, "Status")["diagnostics"]), (1400, []), "it is in force")


@case
def over_a_mask(w):
    """A mask is a link to a device that everybody may write to; the file that takes its place is not."""
    begin(w)
    os.symlink("/dev/null", f"{w.conf}/pairs.d/20-mask.yaml")
    text = "pairs:\n  web1: {peer: {netns: web, name: eth1}}\n"
    equal(apply(w, text, name="20-mask.yaml")["stage"], "confirmed", "the stage")
    equal(oct(os.lstat(f"{w.conf}/pairs.d/20-mask.yaml").st_mode), "0o100644", "the file's mode")
    os.chmod(f"{w.conf}/pairs.d/{NAME}", 0o640)
    equal(apply(w, ONE)["stage"], "confirmed", "one whose mode somebody has chosen")
    equal(oct(os.lstat(f"{w.conf}/pairs.d/{NAME}").st_mode), "0o100640", "that mode")


@case
def programs_that_others_use(w):
    """What the file changes of others counts as well: a definition that all of them use."""
    w.netns("web")
    w.write("programs:\n  c: {object: count}\n", name="05-programs.yaml")
    w.write("pairs:\n  web0: {programs: [c], peer: {netns: web}}\n", name=NAME)
    w.start()
    error, parameters = apply(w, "programs:\n  c: {object: nothing-like-it}\n",
                              name="05-programs.yaml", timeoutMs=5000)
    equal((error, parameters["pair"]), ("NotConverged", "web0"), "the error")
    w.settle()
    equal(w.state("web0"), "ready", "the pair")
    equal(w.chain("web0", "primary"), ["c"], "its chain")
    w.write("programs:\n  c: {object: nothing-like-it}\n", name="05-programs.yaml")
    w.settle()
    w.until(lambda: "as it is declared" in w.pair("web0").get("limits", ""), "status tells it, too")


@case
def several_files_and_removal(w):
    begin(w)
    equal(ask(w, "Apply", files=[
        {"name": NAME}, {"name": "20-new.yaml", "content": TWO},
        {"name": "metad.yaml", "content": "audit: 1min\n"}])["stage"], "confirmed", "the stage")
    equal(on_disk(w), None, "the one that was removed")
    equal(on_disk(w, "20-new.yaml"), TWO, "the new one")
    equal(open(f"{w.conf}/metad.yaml").read(), "audit: 1min\n", "the settings")
    w.ready("web0", "web1")


@case
def metad_that_ends_has_reverted(w):
    begin(w)
    apply(w, TWO, confirmTimeoutMs=60000)
    w.ready("web1")
    w.stop(signal.SIGKILL)
    w.start()
    is_before(w, "the end of metad")


@case
def nothing_can_be_written(w):
    """The trial that asked for it is reverted; one that is confirmed goes on."""
    begin(w)
    run("mount", "--bind", w.conf, w.conf)
    run("mount", "-o", "remount,ro,bind", w.conf)
    try:
        error, parameters = apply(w, TWO)
        equal(error, "StorageFailed", "the error")
        check("Read-only file system" in parameters["why"], f"why: {parameters}")
        is_before(w, "a write that failed")
        apply(w, TWO, confirmTimeoutMs=60000)
        equal(ask(w, "Confirm")[0], "StorageFailed", "of the confirmation")
        equal(ask(w, "Status")["trial"]["stage"], "trial", "the stage")
        check("confirmMs" in ask(w, "Status")["trial"], "it still ends")
    finally:
        run("umount", w.conf)
    equal(ask(w, "Confirm"), {"trial": 2}, "once it can")
    equal(on_disk(w), TWO, "the file")


@case
def in_the_runtime_directory(w):
    begin(w)
    equal(apply(w, "pairs:\n  web1: {peer: {netns: web, name: eth1}}\n", name="50-more.yaml",
                runtime=True)["stage"], "confirmed", "the stage")
    check(os.path.exists(f"{w.runtime}/pairs.d/50-more.yaml"), "it is there")
    w.ready("web1")


def at_a_terminal(w, words):
    """metactl apply --confirm at a terminal; words are typed once it asks. What it said, and its code."""
    path = f"{w.dir}/{NAME}"
    with open(path, "w") as file:
        file.write(TWO)
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(METACTL, [METACTL, "--socket", w.socket, "apply", "--confirm", "30s", path], os.environ)
    said = b""
    while b"as before. " not in said:
        try:
            said += os.read(fd, 4096)
        except OSError:
            check(False, f"it asks, instead of ending with {said!r}")
    os.write(fd, words)
    try:
        while True:
            more = os.read(fd, 4096)
            if not more:
                break
            said += more
    except OSError:
        pass
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return said.decode(), status


@case
def at_the_terminal(w):
    begin(w)
    said, status = at_a_terminal(w, b"\x03")
    w.until(lambda: "trial" not in ask(w, "Status"), "the trial is over")
    is_before(w, "Ctrl-C")
    said, status = at_a_terminal(w, b"\x04")
    check(os.WEXITSTATUS(status) == 1 and "not confirmed" in said, f"Ctrl-D: {status} {said!r}")
    is_before(w, "Ctrl-D")
    said, status = at_a_terminal(w, b"\n")
    equal(status, 0, f"the exit code after Enter: {said!r}")
    check("the files are written" in said, f"what it said: {said!r}")
    equal(on_disk(w), TWO, "the file")


@case
def commands(w):
    begin(w)
    path = f"{w.dir}/{NAME}"
    with open(path, "w") as file:
        file.write(TWO)
    check("metactl confirm within 60 s" in w.ctl("apply", "--confirm", "60s", path).stdout, "apply --confirm")
    check("trial 1 is over: all is as before" in w.ctl("revert").stdout, "revert")
    is_before(w, "metactl revert")
    w.ctl("apply", "--confirm=5min", path)
    check("trial 2 is confirmed" in w.ctl("confirm").stdout, "confirm")
    equal(on_disk(w), TWO, "the file")
    done = w.ctl("revert", ok=False)
    check(done.returncode == 1 and "there is no trial" in done.stderr, "revert without a trial")
    with open(path, "w") as file:
        file.write(BROKEN)
    done = w.ctl("apply", path, ok=False)
    check(done.returncode == 1 and "mtu: 3 is not between" in done.stdout + done.stderr,
          f"a broken file: {done}")
    w.ctl("apply", "--remove", NAME)
    equal(on_disk(w), None, "the file that was removed")
    w.netns("other")
    said = w.ctl("create", "x0", "--netns", "other", "--set", "mtu=1400",
                 "--set", "peer.addresses=[10.7.0.2/24]").stdout
    check("x0 is ready" in said and "10.7.0.2/24" in said, f"create: {said}")
    equal(w.link("x0")["mtu"], 1400, "its mtu")
    w.ctl("delete", "x0")
    check("there was none of this name" in w.ctl("delete", "x0").stdout, "delete once more")


if __name__ == "__main__":
    main()
