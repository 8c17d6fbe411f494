#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with an interface description is said with its line, and nothing is built of it.
Arguments: interface.py, a description that is right."""

import os
import subprocess
import sys
import tempfile

INTERFACE, RIGHT = sys.argv[1:3]
HEAD = "# comment\ninterface org.example.all\n"
WRONG = [
    ("", ":1: interface is expected here, but the file ends"),
    ("interface example\n", ":1: the name of an interface is expected here, not example"),
    (HEAD + "method lower() -> ()\n", ":3: the name of a method is expected here, not lower"),
    (HEAD + "method A()\nmethod B() -> ()\n", ":4: -> is expected here, not method"),
    (HEAD + "method A() -> (\n", ":4: the name of a field is expected here, not the end"),
    (HEAD + "method A(a: int, a: int) -> ()\n", ":3: a is there already"),
    (HEAD + "method A(a: int,) -> ()\n", ":3: a name is expected behind the comma"),
    (HEAD + "method A(a: int b: int) -> ()\n", ":3: , is expected here, not b"),
    (HEAD + "method A(a_: int) -> ()\n", ":3: the name of a field is expected here, not a_"),
    (HEAD + "method A(a: int;) -> ()\n", ":3: ';' is nothing that can stand here"),
    (HEAD + "method A(a, b) -> ()\n", ":3: fields have types"),
    (HEAD + "method A(a: (b, c: int)) -> ()\n", ":3: either every name has a type, or none has"),
    (HEAD + "method A(a: ??int) -> ()\n", ":3: ?? says no more than ?"),
    (HEAD + "method A(\n\ta: ?[]Nome\n) -> ()\n", ":4: there is no type Nome"),
    (HEAD + "method A(a: integer) -> ()\n", ":3: a type is expected here, not integer"),
    (HEAD + "type A (a: B)\ntype B (b: A)\n", "A holds itself"),
    (HEAD + "type A ()\n\nmethod A() -> ()\n", ":5: A is there already"),
    (HEAD + "# [Requires 'more']\nmethod A() -> ()\n", ":3: [Requires 'more'] is no flag"),
    (HEAD + "# [Requires 'more' flag]\n# [Supports 'more' flag]\nmethod A() -> ()\n",
     ":4: [Requires 'more' flag] has been said already"),
    (HEAD + "methods A() -> ()\n", ":3: type or method or error is expected here, not methods"),
    (HEAD + "error A (text: string) ()\n", ":3: type or method or error is expected here, not ("),
]


def make(directory, *paths):
    outputs = [f"{directory}/{name}" for name in ("out.h", "out.c")]
    done = subprocess.run([sys.executable, "-B", INTERFACE, *outputs, *paths], capture_output=True, text=True)
    assert done.returncode == (0 if all(map(os.path.exists, outputs)) else 1), done
    return done.stderr


with tempfile.TemporaryDirectory(prefix="mt") as directory:
    path = f"{directory}/a.varlink"
    for text, wanted in WRONG:
        with open(path, "w") as file:
            file.write(text)
        found = make(directory, path)
        assert found.startswith(path + ":") and wanted in found and "Traceback" not in found, (text, found, wanted)
        assert os.listdir(directory) == ["a.varlink"]
    assert "would both be called example_one" in make(directory, RIGHT, RIGHT)
    # Everything that a flag belongs to is right behind it.
    with open(path, "w") as file:
        file.write(HEAD + "# [Requires 'more' flag]\n\nmethod A() -> ()\n")
    assert make(directory, path) == ""
    with open(f"{directory}/out.c") as file:
        assert "INTERFACE_MORE_NONE" in file.read()
print(f"{len(WRONG)} faults are found")
