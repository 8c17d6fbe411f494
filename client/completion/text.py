#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Files as constants of C: text.py NAME=FILE… prints them."""
import json
import sys

print("/* Made from client/completion/. */")
for argument in sys.argv[1:]:
    name, path = argument.split("=", 1)
    with open(path, encoding="utf-8") as file:
        lines = [f"\n\t{json.dumps(line)}" for line in file]
    print(f"static const char {name}[] ={''.join(lines)};")
