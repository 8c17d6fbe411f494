#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is long goes through a pager, on a terminal and nowhere else. Argument: metactl. The pagers are
scripts that write down what they were given and how they were called."""
import os
import pty
import shutil
import subprocess
import sys
import tempfile

METACTL = os.path.abspath(sys.argv[1])
CASES = []
PAGER = """#!/bin/sh
env >"$0.env"
echo "$*" >"$0.args"
cat >"$0.text"
"""


def case(function):
    CASES.append(function)
    return function


class Place:
    def __init__(self, top):
        self.top = top
        os.mkdir(f"{top}/conf")
        os.mkdir(f"{top}/conf/pairs.d")
        self.write("conf/pairs.d/10.yaml", "pairs: {web0: {peer: {netns: web}}}\n")
        self.write("faulty.yaml", "pears: {}\n")
        for name in "one", "less":
            self.write(name, PAGER)
            os.chmod(f"{top}/{name}", 0o755)

    def write(self, name, text):
        with open(f"{self.top}/{name}", "w") as file:
            file.write(text)

    def given(self, name, what="text"):
        """What a pager wrote down; None where it was not run."""
        path = f"{self.top}/{name}.{what}"
        if not os.path.exists(path):
            return None
        with open(path) as file:
            return file.read()

    def ctl(self, *arguments, code=0, environment=None, terminal=True):
        """What reaches the terminal, or a file."""
        environment = {"PATH": f"{self.top}:/usr/bin:/bin", "TERM": "xterm", **(environment or {})}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                environment[name] = value
        command = [METACTL, *arguments]
        if not terminal:
            done = subprocess.run(command, env=environment, capture_output=True, text=True,
                                  timeout=60, cwd=self.top)
            assert done.returncode == code, done
            return done.stdout
        master, slave = pty.openpty()
        with subprocess.Popen(command, env=environment, stdin=slave, stdout=slave, stderr=slave,
                              cwd=self.top) as process:
            os.close(slave)
            output = b""
            while True:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                output += data
        os.close(master)
        codes = code if isinstance(code, tuple) else (code,)
        assert process.returncode in codes, (arguments, process.returncode, output)
        return output.decode().replace("\r\n", "\n")


@case
def all_of_it_goes_there(place):
    text = place.ctl("help", environment={"METACTL_PAGER": "one -x  --yes"})
    assert text == "", text
    assert place.given("one") == place.ctl("help", terminal=False)
    assert place.given("one", "args") == "-x --yes\n", place.given("one", "args")
    environment = place.given("one", "env").splitlines()
    assert "LESS=FRSXMK" in environment and "LESSCHARSET=utf-8" in environment, environment
    assert not any(line.startswith("LESSSECURE") for line in environment), environment


@case
def colours_and_faults_go_there_too(place):
    text = place.ctl("--config-dir", "conf", "cat", "10", "none", code=1,
                     environment={"PAGER": "one"})
    assert text == "", text
    given = place.given("one")
    assert "\x1b[1m# conf/pairs.d/10.yaml\x1b[0m" in given, given
    assert given.endswith('metactl: there is no file and no pair "none"\n'), given


@case
def the_exit_status_is_the_commands(place):
    place.ctl("check", "faulty.yaml", code=1, environment={"PAGER": "one"})
    assert "faulty.yaml:1:1" in place.given("one")


@case
def which_one_is_asked(place):
    for environment in ({"METACTL_PAGER": "one", "SYSTEMD_PAGER": "false", "PAGER": "false"},
                        {"SYSTEMD_PAGER": "one", "PAGER": "false"}, {"PAGER": "one"}):
        place.ctl("help", environment=environment)
        assert place.given("one"), environment
        os.remove(f"{place.top}/one.text")


@case
def none_is_asked(place):
    for arguments, environment in (
            (["help"], {"METACTL_PAGER": "", "PAGER": "one"}), (["help"], {"METACTL_PAGER": "cat"}),
            (["help", "--no-pager"], {"PAGER": "one"}), (["version"], {"PAGER": "one"}),
            (["help"], {"PAGER": "one", "TERM": "dumb"})):
        text = place.ctl(*arguments, "--socket", "/nonexistent", environment=environment,
                         code=(0, 3))
        assert "metactl" in text, (arguments, environment)
    assert "metactl" in place.ctl("help", terminal=False, environment={"PAGER": "one"})
    assert place.given("one") is None


@case
def one_that_is_not_there(place):
    """The usual ones are tried then."""
    shutil.copy(f"{place.top}/one", f"{place.top}/pager")
    text = place.ctl("help", environment={"PAGER": "no-such-pager"})
    assert text == "" and place.given("pager"), text


@case
def no_pager_is_there(place):
    assert "Usage: metactl" in place.ctl("help", environment={"PATH": "/nonexistent"})


@case
def one_that_reads_nothing(place):
    place.ctl("help", code=(0, -13), environment={"PAGER": "true"})


@case
def rights_that_are_lent(place):
    """sudo metactl: no program of somebody's choice, and less must not run any."""
    for name in "SUDO_UID", "PKEXEC_UID", "DOAS_USER":
        text = place.ctl("help", environment={name: "1000", "PAGER": "one"})
        assert text == "" and place.given("one") is None, text
        assert "LESSSECURE=1\n" in place.given("less", "env")
        os.remove(f"{place.top}/less.env")


@case
def the_real_one(place):
    less = shutil.which("less", path="/usr/bin:/bin")
    if not less:
        print("# there is no less here: the real one is not tried")
        return
    os.remove(f"{place.top}/less")
    text = place.ctl("help", "version", environment={"PAGER": f"{less} --quit-if-one-screen"})
    assert "Usage: metactl version" in text, text


for run in CASES:
    with tempfile.TemporaryDirectory(prefix="mt") as directory:
        run(Place(directory))
print(f"{len(CASES)} cases")
