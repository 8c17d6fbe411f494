#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""interface.py HEADER SOURCE FILE.varlink…: interface descriptions as tables of C.

SOURCE has the texts as they are, and of each method what it takes; HEADER declares what must be
there to carry it out, and names the errors. What is wrong with a description is said as
FILE:LINE: and nothing is written. front/interface.h says what the tables mean.

A comment before a method may have lines of their own:
    [Requires 'more' flag], [Supports 'more' flag]    as systemd writes them
    [Takes file descriptors]                          they may come with the call
"""

import json
import pathlib
import re
import sys

TOKEN = re.compile(r"(?P<blank>[ \t\r]+)|(?P<line>\n)|(?P<comment>#[^\n]*)"
                   r"|(?P<mark>->|\[\]|\[string\]|[?:(),])|(?P<word>[A-Za-z][A-Za-z0-9_.-]*)")
INTERFACE = re.compile(r"[A-Za-z](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+")
MEMBER = re.compile(r"[A-Z][A-Za-z0-9]*")
FIELD = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
PLAIN = ("bool", "int", "float", "string", "object", "any")
FLAGS = {"[Requires 'more' flag]": "more", "[Supports 'more' flag]": "more",
         "[Takes file descriptors]": "descriptors"}


class Fault(Exception):
    pass


class Fields(dict):
    """Of a struct, by their names; comments has the lines above each."""

    def __init__(self):
        super().__init__()
        self.comments = {}


class Description:
    """One file: its types, methods and errors, in their order; comments has the lines above each."""

    def __init__(self, path):
        self.path, self.text = path, pathlib.Path(path).read_text()
        self.tokens = list(self.split())
        self.types, self.methods, self.errors = {}, {}, {}
        self.uses, self.above, self.comments = [], [], {}
        self.comment = [text for text, _ in self.skip_comments()]
        self.expect("interface")
        self.name = self.take_word(INTERFACE, "the name of an interface")
        comment = self.skip_comments()
        while self.tokens[0][0]:
            self.read_member(comment)
            comment = self.skip_comments()
        for line, name in self.uses:
            if name not in self.types:
                self.fail(f"there is no type {name}", line)
        for name in self.types:
            self.check_finite(name, [])

    def fail(self, text, line=None):
        raise Fault(f"{self.path}:{line or self.tokens[0][2]}: {text}")

    def split(self):
        """(text, sort, line); the last has no text."""
        line = at = 0
        while at < len(self.text):
            match = TOKEN.match(self.text, at)
            if not match:
                raise Fault(f"{self.path}:{line + 1}: {self.text[at]!r} is nothing that can stand here")
            if match.lastgroup != "blank":
                yield match[0], match.lastgroup, line + 1
            line += match.lastgroup == "line"
            at = match.end()
        yield "", "end", line + 1

    # ---- tokens ----

    def skip_comments(self):
        """The comment right before what comes next, kept in above: an empty line ends one."""
        lines, empty = [], True
        if self.tokens[0][1] not in ("line", "comment"):
            return []
        while self.tokens[0][1] in ("line", "comment"):
            text, sort, number = self.tokens.pop(0)
            if sort == "comment":
                lines.append((text[1:].strip(), number))
            elif empty:
                lines = []
            empty = sort == "line"
        self.above = lines
        return lines

    def take(self):
        self.skip_comments()
        self.above = []
        return self.tokens.pop(0)

    def peek(self):
        self.skip_comments()
        return self.tokens[0][0]

    def expect(self, *wanted):
        text, _, line = self.take()
        if text not in wanted:
            found = f"not {text}" if text else "but the file ends"
            self.fail(f"{' or '.join(wanted)} is expected here, {found}", line)
        return text

    def take_word(self, pattern, what):
        text, _, line = self.take()
        if not pattern.fullmatch(text):
            self.fail(f"{what} is expected here, not {text or 'the end'}", line)
        return text

    # ---- grammar ----

    def read_member(self, comment):
        line = self.tokens[0][2]
        sort = self.expect("type", "method", "error")
        name = self.take_word(MEMBER, f"the name of a {sort}")
        if name in self.types or name in self.methods or name in self.errors:
            self.fail(f"{name} is there already", line)
        self.comments[name] = [text for text, _ in comment]
        if sort == "type":
            self.types[name] = self.read_group()
        elif sort == "error":
            self.errors[name] = self.read_struct()
        else:
            taken = self.read_struct()
            self.expect("->")
            self.methods[name] = {"input": taken, "output": self.read_struct(),
                                  "flags": self.read_flags(comment)}

    def read_flags(self, comment):
        found = {}
        for text, line in comment:
            if not re.fullmatch(r"\[.*\]", text):
                continue
            sort = FLAGS.get(text)
            if not sort:
                self.fail(f"{text} is no flag; there are: {', '.join(FLAGS)}", line)
            if sort in found:
                self.fail(f"{found[sort]} has been said already", line)
            found[sort] = text
        return set(found.values())

    def read_struct(self):
        kind = self.read_group()
        if kind[0] != "struct":
            self.fail("fields have types: NAME: TYPE")
        return kind

    def read_group(self):
        """What parentheses hold: a struct, or the words of an enumeration."""
        self.expect("(")
        names, fields = [], Fields()
        while self.peek() != ")":
            line, comment = self.tokens[0][2], self.above
            name = self.take_word(FIELD, "the name of a field")
            if name in names:
                self.fail(f"{name} is there already", line)
            names.append(name)
            if self.peek() == ":":
                self.take()
                fields[name] = self.read_type()
                fields.comments[name] = [text for text, _ in comment]
            if fields and len(fields) != len(names):
                self.fail("either every name has a type, or none has", line)
            if self.peek() != ")":
                self.expect(",")
                if self.peek() == ")":
                    self.fail("a name is expected behind the comma")
        self.take()
        return ("enum", names) if names and not fields else ("struct", fields)

    def read_type(self):
        """(sort, what it is of); "?" stands before whatever may be missing."""
        if self.peek() == "?":
            self.take()
            kind = self.read_type()
            if kind[0] == "?":
                self.fail("?? says no more than ?")
            return ("?", kind)
        if self.peek() in ("[]", "[string]"):
            return ("array" if self.take()[0] == "[]" else "map", self.read_type())
        if self.peek() == "(":
            return self.read_group()
        if self.peek() in PLAIN:
            return (self.take()[0], None)
        line = self.tokens[0][2]
        name = self.take_word(MEMBER, "a type")
        self.uses.append((line, name))
        return ("named", name)

    def check_finite(self, name, above):
        """A struct that must hold itself has no value."""
        if name in above:
            self.fail(f"{name} holds itself, which has no end; ? would be one")
        sort, of = self.types[name]
        for kind in of.values() if sort == "struct" else ():
            if kind[0] == "named":
                self.check_finite(kind[1], [*above, name])


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Tables:
    """The C of all descriptions. Types refer to each other by their place, so they may be recursive."""

    def __init__(self, descriptions):
        self.descriptions = descriptions
        self.types, self.fields, self.words = [], [], []
        self.places = {}
        prefixes = [self.prefix(d) for d in descriptions]
        for prefix in prefixes:
            if prefixes.count(prefix) > 1:
                raise Fault(f"two interfaces would both be called {prefix} in C")
        self.methods = [(d, name, method, self.place(d, method["input"]))
                        for d in descriptions for name, method in d.methods.items()]

    @staticmethod
    def prefix(description):
        """"metad" of io.metad, "varlink" of org.varlink.service."""
        return description.name.split(".")[1].replace("-", "_").lower()

    def place(self, description, kind, nullable=False):
        """Where in types this one is."""
        sort, of = kind
        if sort == "?":
            return self.place(description, of, True)
        key = (description.name, of, nullable) if sort == "named" else None
        if sort == "named":
            if key in self.places:
                return self.places[key]
            sort, of = description.types[of]
        at = len(self.types)
        if key:
            self.places[key] = at
        self.types.append(None)
        members = [f".sort = INTERFACE_{sort.upper()}"]
        members += [".nullable = true"] * nullable
        if sort in ("array", "map"):
            members.append(f".of = &types[{self.place(description, of)}]")
        elif sort == "enum":
            members += [f".words = &words[{len(self.words)}]", f".n = {len(of)}"]
            self.words += of
        elif sort == "struct" and of:
            first = len(self.fields)
            self.fields += [None] * len(of)
            for i, (name, field) in enumerate(of.items()):
                place = self.place(description, field)
                self.fields[first + i] = f'{{ "{name}", &types[{place}] }}'
            members += [f".fields = &fields[{first}]", f".n = {len(of)}"]
        self.types[at] = "{ " + ", ".join(members) + " }"
        return at

    def header(self):
        lines = ["/* Made by front/interface.py. */", "#pragma once", "", '#include "front/method.h"', ""]
        for d, name, _, _ in self.methods:
            lines.append(f"extern const struct method {self.prefix(d)}_{snake(name)};")
        lines.append("")
        for d in self.descriptions:
            for name in d.errors:
                macro = f"ERROR_{self.prefix(d)}_{snake(name)}".upper()
                lines.append(f'#define {macro} "{d.name}.{name}"')
        return "\n".join(lines) + "\n"

    def source(self, header):
        lines = ["/* Made by front/interface.py. */", '#include "front/interface.h"',
                 f'#include "{header}"', ""]
        lines += self.array("const char *const", "words", [f'"{word}"' for word in self.words])
        lines.append(f"static const struct interface_type types[{len(self.types)}];")
        lines += self.array("const struct interface_field", "fields", self.fields)
        lines += self.array("const struct interface_type", "types", self.types)
        for d in self.descriptions:
            entries = []
            for of, name, method, place in self.methods:
                if of is d:
                    entries.append(self.method(d, name, method, place))
            lines += self.array("const struct interface_method", f"{self.prefix(d)}_methods", entries)
        lines.append("const struct interface interfaces[] = {")
        for d in self.descriptions:
            methods = f"{self.prefix(d)}_methods, {len(d.methods)}" if d.methods else "NULL, 0"
            lines += [f'\t{{ "{d.name}",', *self.text(d.text), f"\t  , {methods} }},"]
        lines += ["};", f"const size_t n_interfaces = {len(self.descriptions)};"]
        return "\n".join(lines) + "\n"

    def method(self, description, name, method, place):
        flags = method["flags"]
        more = next((word for word in ("Requires", "Supports")
                     if f"[{word} 'more' flag]" in flags), "None").upper()
        takes = "true" if "[Takes file descriptors]" in flags else "false"
        return (f'{{ "{description.name}.{name}", &types[{place}], INTERFACE_MORE_{more}, {takes}, '
                f"&{self.prefix(description)}_{snake(name)} }}")

    @staticmethod
    def array(of, name, items):
        if not items:
            return []
        return [f"static {of} {name}[] = {{", *(f"\t{item}," for item in items), "};"]

    @staticmethod
    def text(text):
        # JSON's escapes are C's, but for those of what is not ASCII.
        return ["\t  " + json.dumps(line, ensure_ascii=False) for line in text.splitlines(True)]


def main():
    header, source, *paths = sys.argv[1:]
    try:
        tables = Tables([Description(path) for path in paths])
    except Fault as fault:
        sys.exit(str(fault))
    pathlib.Path(header).write_text(tables.header())
    pathlib.Path(source).write_text(tables.source(pathlib.Path(header).name))


if __name__ == "__main__":
    main()
