# SPDX-License-Identifier: GPL-2.0-only
"""What manual pages tell people to type, typed. Paths are those of the pages: /run is empty here, and the BPF
file system is mounted where a machine has it. What needs a client that is not installed is named."""

import os
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lint"))
import pages
from world import KIND, case, check, equal, main, run

PYTHON = "/usr/bin/python3"  # the one that has Debian's modules
ROOT = pathlib.Path(__file__).parent.parent.parent
WORDS = ("web0", '"version"', "method Describe(", '"lab0"', '"existed"')  # one is in each answer
PAIR = """
pairs:
  web0:
    addresses: [192.0.2.1/32]
    routes: [{to: 10.1.0.2/32}]
    programs: [count]
    peer: {netns: web, addresses: [10.1.0.2/24], routes: [{to: default, via: 192.0.2.1, onlink: true}]}
"""


def begin(w):
    w.netns("web")
    w.write(PAIR)
    if os.path.islink("/run/metad"):
        os.unlink("/run/metad")
    os.symlink(w.runtime, "/run/metad")
    run("mount", "--bind", w.bpffs, "/sys/fs/bpf")
    w.start()
    w.ready("web0")


def blocks(page, section):
    found = [block for block in pages.read(ROOT)[page].blocks if block.section == section]
    check(found, f"{page} has examples in {section}")
    return found


def typed(words):
    """Runs what stands behind a prompt."""
    return run("bash", "-o", "pipefail", "-c", words).stdout


@case
def interface_is_called_as_it_says(w):
    begin(w)
    w.netns("lab")
    said = []
    for block in blocks("io.metad.7", "CALLING IT") + blocks("io.metad.7", "PAIRS FOR RUNTIMES"):
        if block.lines[0].startswith("import "):
            if run(PYTHON, "-c", "import varlink", ok=False).returncode:
                print("# not run: what needs python3-varlink")
            else:
                said.append(run(PYTHON, "-c", "\n".join(block.lines)).stdout)
            continue
        for words in pages.typed(block):
            if words.startswith("varlinkctl") and not shutil.which("varlinkctl"):
                print("# not run: what needs varlinkctl")
                break
            said.append(typed(words))
    check(said, "something was run")
    equal(w.link("lab0"), None, "what was made and deleted")
    for text in said:
        check(any(words in text for words in WORDS), f"an answer: {text}")


@case
def what_is_metads_is_found_as_it_says(w):
    begin(w)
    said = [typed(words) for block in blocks("metad.8", "WHAT IS METAD'S")
            for words in pages.typed(block)]
    check("web0" in said[0] and KIND in said[0], f"devices: {said[0]}")
    check("192.0.2.1/32" in said[1] and "proto 109" in said[1].replace("0x6d", "109"), f"addresses: {said[1]}")
    check(said[2].startswith("10.1.0.2 dev web0"), f"routes: {said[2]}")
    check(said[3].startswith("web0:primary:count:"), f"pins: {said[3]}")


@case
def way_off_without_metad(w):
    begin(w)
    w.stop()
    off = [block for block in blocks("metad.8", "THE WAY OFF") if block.lines[0].startswith("# ip ")]
    equal(len(off), 1, "blocks")
    for words in pages.typed(off[0]):
        typed(words)
    equal(w.link("web0"), None, "the device")
    check(not os.path.exists(f"{w.bpffs}/metad"), "pins are gone")


main()
