# SPDX-License-Identifier: GPL-2.0-only
"""What checks of the manual pages share: the tree and its pages, and what is wrong with them. The tree is the
last argument of such a check."""
import pathlib
import re
import sys

import pages

root = pathlib.Path(sys.argv[-1])
read = pages.read(root)
faults = []


def fault(words):
    faults.append(words)


def hold(what, there, documented, place, least=1):
    """What there is, which is least at least, against what is documented, in both directions."""
    for name in sorted(set(there) - set(documented)):
        fault(f"{place}: {what} {name} is not documented")
    for name in sorted(set(documented) - set(there)):
        fault(f"{place}: there is no {what} {name}")
    if len(there) < least:
        fault(f"{place}: no {what} was found: is this lint out of date?")
    return len(there)


def source(path):
    return (root / path).read_text()


def code(*tops):
    return "\n".join(path.read_text() for top in tops for path in sorted(root.glob(f"{top}/**/*.c")))


def table(path, head, entry):
    """The matches of entry in a table of C, each line of which is one: what is not understood stops."""
    found = re.search(re.escape(head) + r"\s*\{\n(.*?)\n\t*\};", source(path), re.DOTALL)
    if not found:
        sys.exit(f"{path}: there is no {head!r}: is this lint out of date?")
    lines = [line.strip() for line in found[1].splitlines() if line.strip() not in ("{},", "")]
    matches = [re.fullmatch(entry, line) for line in lines]
    for line, match in zip(lines, matches):
        if not match:
            sys.exit(f"{path}: {line!r} in {head!r} is not understood: is this lint out of date?")
    return matches


def finish(**counts):
    print("\n".join(faults) if faults else ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in counts.items()))
    sys.exit(1 if faults else 0)
