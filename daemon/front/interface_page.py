#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""interface_page.py PAGE FILE.varlink…: the page (scdoc) with what the first interface says filled in.

A line of the page that is @interface@, @methods@, @types@ or @errors@ becomes what the interface has of it:
every member, its fields, and what the comments above them say; @others@ becomes what the other interfaces
have. A member of the first one that has no comment is an error.
"""

import re
import sys

sys.dont_write_bytecode = True
from interface import Description, Fault, Fields

FLAGS = {"[Requires 'more' flag]": "Needs _more_: there can be several replies.",
         "[Supports 'more' flag]": "With _more_ there can be several replies.",
         "[Takes file descriptors]": "File descriptors may come with the call."}


def plain(text):
    return re.sub(r"([\\*_`#|\[\]<>~])", r"\\\1", text)


def type_text(kind):
    sort, of = kind
    if sort in ("?", "array", "map"):
        return {"?": "?", "array": "[]", "map": "[string]"}[sort] + type_text(of)
    if sort == "enum":
        return f"one of {', '.join(of)}"
    return {"struct": "", "named": of}.get(sort, sort)


def inner_fields(kind):
    """Those of a struct that is written where it is used."""
    while kind[0] in ("?", "array", "map"):
        kind = kind[1]
    return kind[1] if kind[0] == "struct" else Fields()


def paragraphs(comment, indent):
    """Lines of a comment, with an empty one between paragraphs. What a line begins with is text."""
    lines = []
    for line in comment:
        if line in FLAGS:
            lines += ["", indent + FLAGS[line]]
            continue
        line = plain(line)
        lines.append(indent + re.sub(r"^([-.;:])", r"\\\1", line) if line else "")
    return lines + [""] if lines else []


def fields(struct, indent):
    """One a line; those with a comment have it below them. A line behind "++" is not indented again."""
    lines, names = [], list(struct)
    for i, name in enumerate(names):
        inner = inner_fields(struct[name])
        comment = struct.comments[name]
        alone = comment or inner or i + 1 == len(names) or struct.comments[names[i + 1]]
        start = "" if lines and lines[-1].endswith("++") else indent
        lines.append(f"{start}_{name}_: {plain(type_text(struct[name]))}{'' if alone else '++'}")
        lines += paragraphs(comment, indent + "\t") + fields(inner, indent + "\t")
        if alone and lines[-1]:
            lines.append("")
    return lines


def method(description, name, of):
    lines = [f"*{name}*"] + paragraphs(description.comments[name], "\t")
    for part, words in (("input", "Takes"), ("output", "Answers")):
        struct = of[part][1]
        lines += [f"\t{words}:" if struct else f"\t{words} nothing.", ""] + fields(struct, "\t\t")
    return lines


def group(description, name, of):
    """A type, or an error."""
    sort, inner = of
    lines = [f"*{name}*"] + paragraphs(description.comments[name], "\t")
    if sort == "enum":
        lines += [f"\tOne of {', '.join(f'_{word}_' for word in inner)}.", ""]
    else:
        lines += fields(inner, "\t")
    # A term needs something below it.
    return lines if len(lines) > 1 else lines + ["\tHas no fields.", ""]


def members(description, sort):
    make = method if sort == "methods" else group
    return [line for name, of in getattr(description, sort).items() for line in make(description, name, of)]


def other(description):
    lines = [f"## {description.name}", ""] + paragraphs(description.comment, "")
    return lines + members(description, "methods") + members(description, "errors")


def main():
    page, *paths = sys.argv[1:]
    try:
        first, *others = [Description(path) for path in paths]
        for name, comment in first.comments.items():
            if not comment:
                raise Fault(f"{paths[0]}: {name} has no comment")
    except Fault as fault:
        sys.exit(str(fault))
    parts = {"interface": paragraphs(first.comment, ""),
             "others": [line for description in others for line in other(description)],
             **{sort: members(first, sort) for sort in ("methods", "types", "errors")}}
    text = open(page, encoding="utf-8").read()
    for name, lines in parts.items():
        if text.count(f"\n@{name}@\n") != 1:
            sys.exit(f"{page}: not one line is @{name}@")
        text = text.replace(f"\n@{name}@\n", "\n" + "\n".join(lines) + "\n")
    print(text, end="")


main()
