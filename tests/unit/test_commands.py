#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The table of commands and what is made from it: each command's help, what it takes, what it refuses.
Argument: metactl."""
import json
import os
import subprocess
import sys

METACTL = os.path.abspath(sys.argv[1])
WIDTH = 80


def metactl(*arguments, code=0):
    done = subprocess.run([METACTL, "--socket", "/nonexistent", *arguments], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def check_width(text, what):
    for line in text.splitlines():
        assert len(line) <= WIDTH, f"{what}: more than {WIDTH} columns: {line}"


def check_option(option, known):
    """getopt is told once of each name, for all commands."""
    name = option["name"]
    shape = (option.get("letter"), option.get("value") is None, option["mayLackValue"])
    assert known.setdefault(name, shape) == shape, f"--{name} is different in two commands"
    assert option.get("value") or option.get("kind") is None, name
    assert (option.get("kind") in ("one-of", "some-of")) == bool(option.get("words")), name
    assert option["help"], name


def check_letters(known):
    letters = [letter for letter, _, _ in known.values() if letter]
    assert len(letters) == len(set(letters)), f"two options have the same letter: {letters}"


def sample(what):
    """A word that may stand there."""
    return what["words"][0] if what.get("kind") == "one-of" else "x"


def check_arguments(command):
    name, arguments = command["name"], command["arguments"]
    words = [sample(argument) for argument in arguments]
    least = sum(not argument["optional"] for argument in arguments)
    if least:
        text = metactl(name, *words[:least - 1], code=64)
        assert f"{arguments[least - 1]['name']} is missing; usage: {command['usage']}" in text, text
    for argument in arguments[:-1]:
        assert not argument["repeated"], f"{name}: only the last argument can be repeated"
    if not any(argument["repeated"] for argument in arguments):
        text = metactl(name, *words, "much", code=64)
        assert f'"much" is too much; usage: {command["usage"]}' in text, text


def check_command(command, common, names):
    name = command["name"]
    text = metactl(name, "--help")
    assert text == metactl("help", name) == metactl("--help", name), name
    assert command["usage"] in text and (command.get("details") or "") in text, text
    for option in [*command["options"], *common]:
        assert f"--{option['name']}" in text, f"{name} --help says nothing of --{option['name']}"
    check_width(text, name)
    assert json.loads(metactl("help", name, "--json")) == command, name
    own = {option["name"] for option in [*command["options"], *common]}
    for other in sorted(names - own):
        assert f"--{other} is not for {name}" in metactl(name, f"--{other}", *values[other], code=64)
    assert "there is no option" in metactl(name, "--xyzzyxyzzy", code=64), name
    check_arguments(command)


table = json.loads(metactl("help", "--json=short"))
known = {}
for option in [*table["options"], *(o for c in table["commands"] for o in c["options"])]:
    check_option(option, known)
check_letters(known)
# config-dir is looked at at once.
values = {option["name"]: [sample(option)] if option.get("value") else []
          for command in table["commands"] for option in command["options"]
          if option["name"] != "config-dir"}
overview = metactl("--help")
check_width(overview, "--help")
assert overview == metactl("help") == metactl(code=64)
for command in table["commands"]:
    assert f"  {command['name']} " in overview and command["help"] in overview, command["name"]
    check_command(command, table["options"], set(values))
assert len(table["commands"]) > 10
print(f"{len(table['commands'])} commands, {len(known)} options")
