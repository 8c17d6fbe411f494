# SPDX-License-Identifier: GPL-2.0-only
"""The first start: a machine without metad gets it, and its pairs."""

import json
import os

from machine import (DROPINS, NAMES, PAIRS, PEERS, check, check_traffic, equal, run, settings, show, status,
                     systemctl, until_ready, write)

# What the second start compares with.
REMEMBERED = "/metad-vm/remembered.json"


def remembered():
    with open(REMEMBERED) as file:
        return json.load(file)


def observe():
    """The pairs by what does not change with a new boot."""
    found = {"boot": open("/proc/sys/kernel/random/boot_id").read().strip()}
    for name in NAMES:
        for device, ns in ((name, None), (PEERS[name][1], PEERS[name][0])):
            seen = settings(device, ns)
            del seen["ifindex"]
            found[f"{name} {device}"] = seen
        found[f"{name} chains"] = [[s["function"] for s in e["chain"]]
                                   for e in status(name)["ends"]]
    return found


def install_tree():
    run("cp", "-a", "/metad-vm/tree/.", "/")
    run("systemd-sysusers")
    run("systemd-tmpfiles", "--create")
    run("udevadm", "control", "--reload")
    run("journalctl", "--update-catalog")
    systemctl("daemon-reload")


def installed_and_enabled():
    check(not os.path.exists("/usr/sbin/metad"), "metad is there already")
    install_tree()
    for name, text in PAIRS.items():
        write(f"{DROPINS}/{name}", text)
    systemctl("enable", "--now", "metad")
    equal(show("metad.service", "ActiveState", "UnitFileState"), ["active", "enabled"], "metad")
    until_ready()
    check_traffic()
    with open(REMEMBERED, "w") as file:
        json.dump(observe(), file)
