#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""metactl edit, mask and unmask on directories of their own, with a terminal, and an editor that
does what a case says. Argument: metactl.

The editor runs, for its n-th turn, the n-th script of the case with the file as $1, and keeps what
it was shown as shown.N."""
import contextlib
import json
import os
import pty
import select
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

METACTL = os.path.abspath(sys.argv[1])
BASE = "pairs:\n  web0: {peer: {netns: web, name: eth0}}\n  web1: {peer: {netns: one, name: eth0}}\n"
DROPIN = "etc/pairs.d/50-web.yaml.d/override.yaml"
EDITOR = """#!/bin/sh
n=$(cat {top}/turn 2>/dev/null || echo 0)
echo $((n + 1)) >{top}/turn
for file; do :; done
cp "$file" "{top}/shown.$n"
[ $# = 1 ] || echo "$1" >{top}/option
exec sh "{top}/turn.$n" "$file"
"""
cases = []


def case(fn):
    cases.append(fn)
    return fn


def equal(got, wanted, what="got"):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, wanted {wanted!r}")


def has(text, *words):
    for word in words:
        if word not in text:
            raise AssertionError(f"no {word!r} in {text!r}")


class Place:
    """Directories etc, run and usr below a temporary one, and metactl on them."""

    def __init__(self, top):
        self.top = top
        self.user = None
        for path in ("etc/pairs.d", "run", "usr/pairs.d", "tmp"):
            os.makedirs(f"{top}/{path}")
        self.write("usr/pairs.d/50-web.yaml", BASE)
        self.write("editor", EDITOR.format(top=top))
        os.chmod(f"{top}/editor", 0o755)
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm",
                            "TMPDIR": f"{top}/tmp", "EDITOR": f"{top}/editor"}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                self.environment[name] = value

    def write(self, path, text):
        os.makedirs(os.path.dirname(f"{self.top}/{path}"), exist_ok=True)
        with open(f"{self.top}/{path}", "w") as file:
            file.write(text)

    def read(self, path):
        with open(f"{self.top}/{path}") as file:
            return file.read()

    def files(self):
        """All there is below the configuration directories."""
        found = set()
        for start in ("etc", "run", "usr"):
            for where, dirs, names in os.walk(f"{self.top}/{start}"):
                found |= {os.path.relpath(f"{where}/{n}", self.top) for n in names}
                found |= {os.path.relpath(f"{where}/{n}", self.top) for n in dirs
                          if os.path.islink(f"{where}/{n}") or not os.listdir(f"{where}/{n}")}
        return found - {"etc/pairs.d", "run", "usr/pairs.d/50-web.yaml"}

    def arguments(self, *args):
        return [METACTL, "--socket", f"{self.top}/socket", "--config-dir", "etc", "--config-dir",
                "run", "--config-dir", "usr", *args]

    def ctl(self, *args, stdin="", code=0, **kwargs):
        done = subprocess.run(self.arguments(*args), input=stdin, capture_output=True, text=True,
                              cwd=self.top, env=self.environment, timeout=60, user=self.user,
                              **kwargs)
        text = done.stdout + done.stderr
        if done.returncode != code:
            raise AssertionError(f"{args}: {done.returncode}: {text}")
        return text

    def turns(self, *scripts):
        for i, script in enumerate(scripts):
            self.write(f"turn.{i}", script)

    def n_turns(self):
        return int(self.read("turn")) if os.path.exists(f"{self.top}/turn") else 0

    def edit(self, *args, answers="", code=0, umask=0o022):
        """At a terminal. answers are typed one by one, each at its question; None ends input."""
        master, slave = pty.openpty()
        output, answers = b"", list(answers)
        with subprocess.Popen(self.arguments("edit", *args), stdin=slave, stdout=slave,
                              stderr=slave, cwd=self.top, env=self.environment, user=self.user,
                              umask=umask) as process:
            os.close(slave)
            end = time.monotonic() + 60
            while select.select([master], [], [], max(0, end - time.monotonic()))[0]:
                try:
                    output += os.read(master, 65536)
                except OSError:
                    break
                if output.endswith(b"(d)iscard? ") and answers:
                    answer = answers.pop(0)
                    os.write(master, b"\x04" if answer is None else f"{answer}\n".encode())
            else:
                process.kill()
        os.close(master)
        text = output.decode().replace("\r\n", "\n")
        equal((process.returncode, answers), (code, []), text)
        return text

    def kept(self):
        """What is left in TMPDIR, of an editor's file."""
        found = [f"tmp/{d}/{f}" for d in os.listdir(f"{self.top}/tmp")
                 for f in os.listdir(f"{self.top}/tmp/{d}")]
        return [self.read(path) for path in found]

    def clean(self):
        equal(os.listdir(f"{self.top}/tmp"), [], "left in TMPDIR")


def says(text):
    """A script that puts text between the marks of a sheet."""
    return f"cat >$1.new <<'END'\n{text}END\nsed -i '/^### and/{{\ne cat '$1.new'\n}}' $1\nrm $1.new\n"


@contextlib.contextmanager
def metad(place, reply):
    """Answers every call by reply; yields the calls."""
    calls = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{place.top}/socket")
        listener.listen()

        def serve():
            while True:
                try:
                    client = listener.accept()[0]
                except OSError:
                    return
                with client:
                    data = b""
                    while not data.endswith(b"\0"):
                        data += client.recv(65536)
                    calls.append(json.loads(data[:-1]))
                    client.sendall(json.dumps(reply).encode() + b"\0")
                    client.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield calls
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


# ---- what is saved ----

@case
def a_dropin(place):
    place.turns(says("pairs: {web0: {mtu: 1400}}\n"))
    text = place.edit("50-web", umask=0o077)
    has(text, f"saved {DROPIN}", "metad does not run")
    equal(place.read(DROPIN), "pairs: {web0: {mtu: 1400}}\n")
    equal(place.files(), {DROPIN})
    equal(oct(os.stat(f"{place.top}/{DROPIN}").st_mode), "0o100644", "mode")
    equal(oct(os.stat(f"{place.top}/etc/pairs.d/50-web.yaml.d").st_mode), "0o40755", "directory")
    has(place.read("shown.0"), f"### {DROPIN}", "### usr/pairs.d/50-web.yaml\n# pairs:\n#   web0:")
    place.clean()
    # Once more: what is there stands between the marks and not below them.
    place.turns("", "sed -i s/1400/1300/ $1")
    place.edit("web0")
    equal(place.read("shown.1").count("mtu: 1400"), 1, "how often it is shown")
    equal(place.read(DROPIN), "pairs: {web0: {mtu: 1300}}\n")


@case
def other_places(place):
    place.turns(*[says("pairs: {web0: {mtu: 1400}}\n")] * 3)
    place.edit("50-web.yaml", "--drop-in=20-mtu")
    place.edit("web1", "--runtime")
    place.edit("usr/pairs.d/50-web.yaml", "--drop-in", "30.yaml", "--runtime")
    equal(place.files(), {"etc/pairs.d/50-web.yaml.d/20-mtu.yaml",
                          "run/pairs.d/50-web.yaml.d/override.yaml",
                          "run/pairs.d/50-web.yaml.d/30.yaml"})
    # A drop-in by its own path.
    place.turns("", "", "", "sed -i s/1400/1300/ $1")
    place.edit("etc/pairs.d/50-web.yaml.d/20-mtu.yaml")
    equal(place.read("etc/pairs.d/50-web.yaml.d/20-mtu.yaml"), "pairs: {web0: {mtu: 1300}}\n")


@case
def all_of_a_file(place):
    place.turns("sed -i 's/netns: web,/netns: new,/' $1", "sed -i 's/netns: new,/netns: newer,/' $1")
    place.edit("--full", "50-web")
    equal(place.read("shown.0"), BASE)
    equal(place.read("etc/pairs.d/50-web.yaml"), BASE.replace("web,", "new,"))
    equal(place.read("usr/pairs.d/50-web.yaml"), BASE)
    os.chmod(f"{place.top}/etc/pairs.d/50-web.yaml", 0o640)
    owner = (1234, 2345) if os.getuid() == 0 else (os.getuid(), os.getgid())
    os.chown(f"{place.top}/etc/pairs.d/50-web.yaml", *owner)
    place.edit("50-web", "--full")
    st = os.stat(f"{place.top}/etc/pairs.d/50-web.yaml")
    equal((oct(st.st_mode), st.st_uid, st.st_gid), ("0o100640", *owner), "mode and owner")
    equal(place.read("etc/pairs.d/50-web.yaml"), BASE.replace("web,", "newer,"))
    equal(place.files(), {"etc/pairs.d/50-web.yaml"})


@case
def new_files(place):
    text = "pairs: {db0: {peer: {netns: db, name: eth0}}}\n"
    place.turns(":", f"echo '{text}' >$1", "echo 'audit: 5min' >$1")
    has(place.edit("60-db"), "unchanged: nothing is saved")
    has(place.read("shown.0"), "# A new file", "#   web0:")
    equal(place.files(), set())
    place.edit("60-db")
    has(place.read("etc/pairs.d/60-db.yaml"), text)
    place.edit("metad.yaml")
    equal(place.read("etc/metad.yaml"), "audit: 5min\n")
    has(place.read("shown.2"), "# audit: 120s")
    has(place.ctl("check"), "3 pairs, nothing wrong")


@case
def the_skeleton_is_valid(place):
    place.turns("sed -i '/new file/d; s/^# *$//; s/^# //' $1")
    place.write("usr/pairs.d/50-web.yaml", "")
    place.edit("60-web")
    has(place.ctl("check"), "1 pair, nothing wrong")


@case
def marks_that_are_gone(place):
    place.turns("sed -i -e '1i pairs: {web0: {mtu: 1400}}' -e '/^###/d' $1")
    place.edit("50-web")
    has(place.read(DROPIN), "pairs: {web0: {mtu: 1400}}\n")
    has(place.ctl("check"), "2 pairs, nothing wrong")


@case
def without_a_last_line_feed(place):
    place.turns("printf 'pairs: {web0: {mtu: 1400}}' >$1")
    place.edit("50-web")
    equal(place.read(DROPIN), "pairs: {web0: {mtu: 1400}}\n")


@case
def from_standard_input(place):
    text = "pairs: {web0: {mtu: 1400}}"
    has(place.ctl("edit", "web0", "--stdin", stdin=text), f"saved {DROPIN}")
    equal(place.read(DROPIN), text)
    found = json.loads(place.ctl("edit", "web0", "--stdin", "--json=short", stdin=text))
    equal(found, {"path": DROPIN, "diagnostics": None})
    for nothing in ("", "\n \n"):
        has(place.ctl("edit", "web0", "--stdin", stdin=nothing, code=1), "is empty", "not saved")
    equal(place.read(DROPIN), text)
    equal(place.n_turns(), 0, "runs of the editor")


# ---- what is not ----

@case
def faults_and_again(place):
    place.turns(says("pairs:\n  web0: {mtuu: 1400}\n"), "sed -i s/mtuu/mtu/ $1")
    text = place.edit("50-web", answers=["what", "e"])
    has(text, f"{DROPIN}:2:10: unknown key \"mtuu\"", "did you mean \"mtu\"?",
        "\n      web0: {mtuu: 1400}\n             \x1b[31m^", "1 fault more", "saved ")
    equal(place.read(DROPIN), "pairs:\n  web0: {mtu: 1400}\n")
    place.clean()


@case
def faults_and_enough(place):
    for answer in ("d", None):
        place.turns(*[says("pairs:\n  web0: {mtuu: 1400}\n")] * 2)
        has(place.edit("50-web", answers=[answer], code=1), "is not saved")
        equal(place.files(), set())
        place.clean()


@case
def faults_of_standard_input(place):
    text = place.ctl("edit", "web0", "--stdin", stdin="pairs: {web0: {mtuu: 1}}", code=1)
    has(text, f"{DROPIN}:1:16: unknown key", "\n                   ^\n", "is not saved")
    equal(place.files(), set())
    text = place.ctl("edit", "new", "--stdin", stdin="pairs: {n: {peer: {netns: web}}}", code=1)
    has(text, "pair \"n\": namespace web already has a peer", "at usr/pairs.d/50-web.yaml:2:3")
    has(place.ctl("edit", "new", "--stdin", stdin="pairs: [\0]", code=1), "not saved")
    has(place.ctl("edit", "new", "--stdin", stdin="#" * (1 << 24) + "#", code=1), "16 MiB")
    equal(place.files(), set())


@case
def faults_that_were_there_before(place):
    place.write("usr/pairs.d/40.yaml", "pairs: {old0: {mtuu: 1, peer: {netns: o}}}\n")
    place.ctl("edit", "50-web", "--stdin", stdin="pairs: {web0: {mtu: 1400}}")
    # One of two faults of a file is mended, and the other moves.
    place.write("etc/pairs.d/70.yaml", "pairs:\n  a: {mtuu: 1, peer: {netns: a}}\n  b: {peer: {netnss: b}}\n")
    text = "# mended\n\npairs:\n  a: {mtu: 1000, peer: {netns: a}}\n  b: {peer: {netnss: b}}\n"
    place.ctl("edit", "--full", "70", "--stdin", stdin=text)
    equal(place.read("etc/pairs.d/70.yaml"), text)
    has(place.ctl("edit", "--full", "70", "--stdin", stdin=text.replace("mtu:", "mto:"), code=1),
        "1 fault more")
    # The same conflict, with other places in its words.
    place.write("usr/pairs.d/80.yaml", "pairs:\n  web0: {peer: {netns: x}}\n")
    place.ctl("edit", "--full", "50-web", "--stdin", stdin="\n\n" + BASE)


@case
def nothing(place):
    place.write(DROPIN, "pairs: {web0: {mtu: 1400}}\n")
    place.turns(":", ">$1", "sed -i '/^pairs/d' $1", "touch $1~ $1.swp")
    has(place.edit("50-web"), "unchanged: nothing is saved", f"{DROPIN} remains")
    has(place.edit("50-web"), "empty: nothing is saved", f"{DROPIN} remains")
    has(place.edit("50-web"), "empty: nothing is saved")
    place.edit("50-web")
    equal(place.read(DROPIN), "pairs: {web0: {mtu: 1400}}\n")
    place.clean()


@case
def editors_that_fail(place):
    place.turns(says("pairs: {web0: {mtu: 1400}}\n") + "exit 3", "echo written >$1; kill -9 $$",
                "rm $1", "printf 'a\\0b' >$1")
    has(place.edit("50-web", code=1), "the editor ended with 3: not saved")
    place.clean()
    has(place.edit("50-web", code=1), "signal 9", "kept in")
    equal(place.kept(), ["written\n"])
    has(place.edit("50-web", code=1), "cannot read what was edited")
    has(place.edit("50-web", code=1), "NUL")
    place.environment["EDITOR"] = f"{place.top}/nowhere"
    has(place.edit("50-web", code=1), "no editor can be started")
    equal(place.files(), set())


@case
def choice_of_an_editor(place):
    place.turns(*[":"] * 4)
    editor = place.environment.pop("EDITOR")
    place.environment |= {"SYSTEMD_EDITOR": editor, "EDITOR": "false", "VISUAL": "false"}
    place.edit("50-web")
    place.environment |= {"SYSTEMD_EDITOR": "", "EDITOR": f"{editor} '-a b'"}
    place.edit("50-web")
    equal(place.read("option"), "-a b\n")
    place.environment |= {"EDITOR": "", "VISUAL": editor}
    place.edit("50-web")
    os.mkdir(f"{place.top}/bin")
    os.symlink(editor, f"{place.top}/bin/editor")
    place.environment |= {"VISUAL": "", "PATH": f"{place.top}/bin:{os.environ['PATH']}"}
    place.edit("50-web")
    equal(place.n_turns(), 4, "runs of the editor")


@case
def changed_by_somebody_else(place):
    place.turns(says("pairs: {web0: {mtu: 1400}}\n")
                + f"mkdir etc/pairs.d/50-web.yaml.d; echo '# theirs' >{DROPIN}")
    has(place.edit("50-web", code=1), "has been made by somebody else", "kept in")
    equal(place.read(DROPIN), "# theirs\n")
    has(place.kept()[0], "mtu: 1400")
    place.turns("", says("pairs: {web0: {mtu: 1400}}\n") + f"echo '# theirs too' >{DROPIN}")
    has(place.edit("50-web", code=1), "has been changed by somebody else", "kept in")
    equal(place.read(DROPIN), "# theirs too\n")
    place.turns("", "", says("pairs: {web0: {mtu: 1400}}\n") + f"rm {DROPIN}")
    has(place.edit("50-web", code=1), "has been changed by somebody else")
    equal(place.files(), {"etc/pairs.d/50-web.yaml.d"})


@case
def what_it_rests_on_is_judged_anew(place):
    place.turns(says("pairs: {web0: {mtu: 1400}}\n")
                + "echo 'pairs: {web1: {peer: {netns: one}}}' >usr/pairs.d/50-web.yaml")
    has(place.edit("50-web", answers="d", code=1), 'pair "web0" needs "peer:"')
    equal(place.files(), set())


@case
def links(place):
    place.write("elsewhere/50-web.yaml", BASE)
    os.symlink("../../elsewhere/50-web.yaml", f"{place.top}/etc/pairs.d/50-web.yaml")
    text = place.ctl("edit", "--full", "50-web", "--stdin", stdin="# new", code=1)
    has(text, "is a link to", f"{place.top}/elsewhere/50-web.yaml")
    equal(place.read("elsewhere/50-web.yaml"), BASE)
    equal(os.readlink(f"{place.top}/etc/pairs.d/50-web.yaml"), "../../elsewhere/50-web.yaml")
    # Beside itself it is followed.
    place.write("etc/pairs.d/real", BASE)
    os.unlink(f"{place.top}/etc/pairs.d/50-web.yaml")
    os.symlink("real", f"{place.top}/etc/pairs.d/50-web.yaml")
    place.ctl("edit", "--full", "50-web", "--stdin", stdin="# new")
    equal(place.read("etc/pairs.d/real"), "# new")
    equal(os.readlink(f"{place.top}/etc/pairs.d/50-web.yaml"), "real")
    os.unlink(f"{place.top}/etc/pairs.d/real")
    has(place.ctl("edit", "--full", "50-web", "--stdin", stdin="# new", code=1), "a link to real")
    os.unlink(f"{place.top}/etc/pairs.d/50-web.yaml")
    os.mkdir(f"{place.top}/etc/pairs.d/50-web.yaml")
    has(place.ctl("edit", "--full", "50-web", "--stdin", stdin="# new", code=1), "it is no file")
    # The whole directory elsewhere is somebody's arrangement.
    os.rmdir(f"{place.top}/etc/pairs.d/50-web.yaml")
    os.rename(f"{place.top}/etc/pairs.d", f"{place.top}/pairs")
    os.symlink("../pairs", f"{place.top}/etc/pairs.d")
    place.ctl("edit", "--full", "50-web", "--stdin", stdin="# new")
    equal(place.read("pairs/50-web.yaml"), "# new")


@case
def wrong_usage(place):
    place.write("etc/pairs.d/60.yaml", "pairs: {web0: {peer: {netns: two}}}\n")
    for args, words in {
            ("edit",): "NAME is missing", ("edit", "a", "b"): "\"b\" is too much",
            ("edit", "../a"): "cannot be the name", ("edit", ".a"): "cannot be the name",
            ("edit", ""): "cannot be the name", ("edit", "a" * 300): "cannot be the name",
            ("edit", "50-web", "--drop-in", "a/b"): "cannot be the name",
            ("edit", "50-web", "--drop-in", "a", "--full"): "either --drop-in or --full",
            ("mask",): "NAME is missing", ("mask", "a", "--stdin"): "--stdin is not for mask",
            ("cat", "--runtime"): "--runtime is not for cat",
            ("list", "--drop-in=x"): "is not for list",
            ("cat", "--config-dir", "nowhere"): "nowhere: there is no such directory",
    }.items():
        has(place.ctl(*args, code=64), words)
    done = subprocess.run([METACTL, "--config-dir", "etc", "edit", "a", "--runtime"], cwd=place.top,
                          capture_output=True, text=True)
    equal(done.returncode, 64)
    has(done.stderr, "there is only one")
    has(place.ctl("edit", "web0", "--stdin", code=1), "in several files", "  50-web.yaml\n  60.yaml")
    has(place.ctl("edit", "web1", code=1), "needs a terminal, or --stdin")


@case
def above_it(place):
    place.write(DROPIN, "pairs: {web0: {mtu: 1400}}\n")
    has(place.ctl("edit", "web0", "--runtime", "--stdin", stdin="#", code=1),
        f"run/pairs.d/50-web.yaml.d/override.yaml would say nothing: {DROPIN} is above it")
    place.write("etc/pairs.d/50-web.yaml", BASE)
    has(place.ctl("mask", "50-web", "--runtime", code=1), "would say nothing")


# ---- file systems that refuse ----

def as_nobody(place):
    if os.getuid() == 0:
        place.user = 65534
        for where, _, names in os.walk(place.top):
            os.chmod(where, 0o755)
        os.chmod(f"{place.top}/tmp", 0o1777)
    else:
        os.chmod(f"{place.top}/etc/pairs.d", 0o555)


@case
def directories_that_are_not_ours(place):
    as_nobody(place)
    try:
        # Said before anybody has written anything.
        has(place.edit("50-web", code=1), "etc/pairs.d: Permission denied")
        has(place.ctl("mask", "50-web", code=1), "Permission denied")
    finally:
        os.chmod(f"{place.top}/etc/pairs.d", 0o755)
    equal(place.n_turns(), 0, "runs of the editor")
    equal(place.files(), set())


def in_mount(place, options, *args, stdin):
    """What metactl says with etc/pairs.d on a file system with options, where it leaves nothing."""
    script = (f'mount -t tmpfs -o {options} t etc/pairs.d && "$@" >&2; r=$?; find etc/pairs.d; '
              f'exit $r')
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh",
                           *place.arguments(*args)], cwd=place.top, env=place.environment,
                          input=stdin, capture_output=True, text=True, timeout=60)
    equal((done.returncode, done.stdout), (1, "etc/pairs.d\n"), done.stderr)
    return done.stderr


@case
def file_systems_that_refuse(place):
    if os.getuid() or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        print("# skipped: a full and a read-only file system: nobody may mount")
        return
    large = "pairs: {web0: {mtu: 1400}}\n" + "#" * 100000
    text = in_mount(place, "size=64k", "edit", "50-web", "--stdin", stdin=large)
    has(text, "cannot be saved: No space left on device")
    text = in_mount(place, "nr_inodes=2", "edit", "50-web", "--stdin", stdin="# small")
    has(text, "cannot be saved: No space left on device")
    text = in_mount(place, "ro", "edit", "50-web", "--stdin", stdin="# small")
    has(text, "etc/pairs.d: Read-only file system")
    has(in_mount(place, "ro", "mask", "50-web", stdin=""), "Read-only file system")


# ---- metad ----

@case
def metad_is_asked(place):
    fault = {"file": f"{place.top}/{DROPIN}", "line": 1, "column": 8, "text": "wrong"}
    text = "pairs: {web0: {mtu: 1400}}\n"
    with metad(place, {"parameters": {"diagnostics": [fault]}}) as calls:
        place.turns(says(text))
        found = place.edit("50-web", code=1)
        has(found, "saved", f"{DROPIN}:1:8: wrong", f"    {text}           \x1b[31m^")
        equal([call["method"] for call in calls], ["io.metad.Reload"])
        found = json.loads(place.ctl("mask", "60", "--json", code=1))
        equal(found, {"path": "etc/pairs.d/60.yaml", "gone": [], "diagnostics": [fault]})
    os.unlink(f"{place.top}/socket")
    with metad(place, {"parameters": {"diagnostics": []}}):
        has(place.ctl("edit", "50-web", "--stdin", stdin="# nothing"), "saved")
    os.unlink(f"{place.top}/socket")
    with metad(place, {"error": "org.varlink.service.PermissionDenied"}):
        has(place.ctl("edit", "50-web", "--stdin", stdin=text, code=1), "saved", "this needs root")


# ---- masks ----

@case
def masks(place):
    place.write("usr/pairs.d/60-db.yaml", "pairs: {db0: {peer: {netns: db}}}\n")
    text = place.ctl("mask", "50-web")
    has(text, "masked: etc/pairs.d/50-web.yaml", "pairs that go away: web0, web1\n")
    equal(os.readlink(f"{place.top}/etc/pairs.d/50-web.yaml"), "/dev/null")
    has(place.ctl("mask", "50-web.yaml"), "masked already")
    has(place.ctl("check"), "1 pair, nothing wrong")
    has(place.ctl("edit", "--full", "50-web", "--stdin", stdin=BASE, code=1), "metactl unmask")
    text = place.ctl("unmask", "50-web")
    has(text, "removed: etc/pairs.d/50-web.yaml", "pairs that come: web0, web1\n")
    has(place.ctl("unmask", "50-web", code=1), "is not masked")
    place.ctl("mask", "60-db", "--runtime")
    has(place.ctl("unmask", "60-db", code=1), "the mask is run/pairs.d/60-db.yaml", "--runtime")
    place.ctl("unmask", "60-db", "--runtime")
    # An empty file is one as well.
    place.write("etc/pairs.d/50-web.yaml", "")
    has(place.ctl("mask", "50-web"), "masked already")
    place.ctl("unmask", "50-web")
    place.write("etc/pairs.d/50-web.yaml", "# words")
    for verb in ("mask", "unmask"):
        has(place.ctl(verb, "50-web", code=1), "etc/pairs.d/50-web.yaml is no mask")
    equal(place.read("etc/pairs.d/50-web.yaml"), "# words")
    has(place.ctl("mask", "db0", code=1), "is a pair", "declared in 60-db.yaml")
    has(place.ctl("mask", "later"), "there is no later.yaml yet")
    equal(place.files(), {"usr/pairs.d/60-db.yaml", "etc/pairs.d/50-web.yaml",
                          "etc/pairs.d/later.yaml", "run/pairs.d"})


@case
def masks_and_dropins(place):
    place.write("usr/pairs.d/50-web.yaml.d/10.yaml", "pairs: {web0: {mtu: 1400}}\n")
    text = place.ctl("mask", "50-web", code=1)
    has(text, 'usr/pairs.d/50-web.yaml.d/10.yaml:1:9: pair "web0" needs', "10.yaml still counts",
        "is not masked")
    place.ctl("mask", "50-web", "--drop-in=10")
    has(place.ctl("mask", "50-web"), "pairs that go away: web0, web1")
    equal(place.files(), {"usr/pairs.d/50-web.yaml.d/10.yaml", "etc/pairs.d/50-web.yaml",
                          "etc/pairs.d/50-web.yaml.d/10.yaml"})
    # What comes to light with a fault is told, and comes nevertheless.
    text = place.ctl("unmask", "50-web", "--drop-in=10", code=1)
    has(text, "removed: etc/pairs.d/50-web.yaml.d/10.yaml", 'pair "web0" needs')
    place.write("etc/pairs.d/60.yaml", "pairs: {a: {mtuu: 1}}\n")
    os.rename(f"{place.top}/etc/pairs.d/60.yaml", f"{place.top}/usr/pairs.d/60.yaml")
    has(place.ctl("mask", "60"), "60.yaml is broken; what is still in force of it goes")


@case
def a_pair_that_another_file_has_too_stays(place):
    place.write("usr/pairs.d/60.yaml", "pairs: {web0: {peer: {netns: other}}}\n")
    has(place.ctl("mask", "50-web"), "pairs that go away: web1\n")


def main():
    failed = 0
    for fn in cases:
        with tempfile.TemporaryDirectory(prefix="me") as top:
            os.chmod(top, 0o755)
            try:
                fn(Place(top))
            except Exception as fault:  # noqa: BLE001: of whatever kind, the next case runs
                failed += 1
                print(f"FAIL {fn.__name__}: {fault}")
    print(f"{len(cases)} cases, {failed} failed")
    sys.exit(1 if failed or not cases else 0)


main()
