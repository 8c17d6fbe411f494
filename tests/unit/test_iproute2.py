#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The plugin of iproute2 serves the ip it knows, and tells any other, once, why it does not.

test_iproute2.py PLUGIN OTHER_IP…: the latter are other_ip.c's, in the order of SORTS.
"""

import subprocess
import sys

DIFFERENT = "link_meta.so: this program describes kinds of links differently; the plugin is for"
SORTS = {
    "known": None,
    "longer": DIFFERENT,
    "moved": DIFFERENT,
    "renamed": DIFFERENT,
    "lacking": "link_meta.so: this program has no get_json_writer(); the plugin is for",
}


def check(plugin, program, words):
    run = subprocess.run([program, plugin], capture_output=True, text=True, timeout=30)
    said = run.stderr.splitlines()
    if words is None:
        return run.returncode == 0 and run.stdout.startswith("Usage: ... meta ") and not said
    return run.returncode == 1 and not run.stdout and len(said) == 1 and said[0].startswith(words)


def main():
    plugin, *programs = sys.argv[1:]
    assert len(programs) == len(SORTS), programs
    wrong = [sort for (sort, words), program in zip(SORTS.items(), programs)
             if not check(plugin, program, words)]
    print(f"not as it should be: {', '.join(wrong)}" if wrong else f"{len(SORTS)} sorts of ip")
    sys.exit(bool(wrong))


main()
