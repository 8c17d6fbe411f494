# SPDX-License-Identifier: GPL-2.0-only
"""Manual pages as their sources (scdoc) have them, for what is held against them."""
import pathlib
import re
import shlex
import subprocess
import sys


class Term:
    """Something that is explained: a line that begins with bold or underlined words, with text below it."""

    def __init__(self, page, number, line):
        self.place, self.line, self.text = f"{page}:{number}", line, ""
        self.names = [name.replace("\\", "") for name in re.findall(r"\*((?:\\.|[^*])+)\*", line)]


class Block:
    """Literal text."""

    def __init__(self, page, number, section):
        self.place, self.section, self.lines = f"{page}:{number}", section, []


class Page:
    """sections: the terms below each heading; texts: what else is there; parents: of those that are below another."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.sections, self.texts, self.parents, self.blocks = {}, {}, {}, []
        section, above, term, block, lines = None, None, None, None, text.splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() == "```":
                if not block:
                    self.blocks.append(Block(name, number, section))
                block = None if block else self.blocks[-1]
            elif block:
                block.lines.append(line.replace("\\\\", "\\"))
            elif re.match(r"##? ", line):
                section, term = line.lstrip("# "), None
                self.sections[section], self.texts[section] = [], ""
                if line.startswith("##"):
                    self.parents[section] = above
                else:
                    above = section
            elif re.match(r"[*_]", line) and "".join(lines[number:number + 1]).startswith("\t"):
                term = Term(name, number, line)
                self.sections[section].append(term)
            elif line and not line.startswith("\t"):
                term = None
                if section:
                    self.texts[section] += line + "\n"
            elif term:
                term.text += line.strip() + "\n"

    def terms(self, *sections):
        return [term for section in sections for term in self.sections.get(section, [])]


def plain(line):
    """Words without what scdoc makes of them."""
    return re.sub(r"\\(.)|[*_]", r"\1", line)


def split(line):
    """Its words as a shell's; None: it goes on in the next line."""
    try:
        return None if re.search(r"[\\|]$", line) else shlex.split(line.replace("\\\n", " "), comments=True)
    except ValueError:
        return None


def commands(page):
    """(block, words) of each command line of the examples; what is continued is one."""
    for block in page.blocks:
        lines = iter(block.lines)
        for line in lines:
            if not re.match(r"[$#] \S", line):
                continue
            while split(line[2:]) is None:
                more = next(lines, None)
                if more is None:
                    raise SystemExit(f"{block.place}: {line!r} does not end")
                line += "\n" + more
            yield block, split(line[2:])


def typed(block):
    """Each command line of a block as it is typed, with what continues it."""
    return [re.sub(r"^[$#] ", "", part) for part in re.split(r"\n(?=[$#] )", "\n".join(block.lines))]


def sources(root):
    """Paths of all pages' sources, by the pages' names."""
    found = sorted(path for top in ("client", "daemon")
                   for suffix in ("scd", "scd.in") for path in pathlib.Path(root, top).glob(f"**/*.{suffix}"))
    return {re.sub(r"\.scd(\.in)?$", "", path.name): path for path in found}


def read_text(path):
    """A page's source; of one that is made of the interfaces beside it, what comes of them."""
    if path.suffix != ".in":
        return path.read_text()
    first = path.with_name(path.name.split(".scd")[0].rsplit(".", 1)[0] + ".varlink")
    others = sorted(set(path.parent.glob("*.varlink")) - {first})
    made = subprocess.run([sys.executable, path.with_name("interface_page.py"), path, first, *others],
                          capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(made.stderr.strip())
    return made.stdout


def read(root):
    return {name: Page(name, read_text(path)) for name, path in sources(root).items()}
