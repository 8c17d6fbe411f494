# SPDX-License-Identifier: GPL-2.0-only
"""Boots, stops, restarts and crashes."""

import json
import os
import signal

from install import observe, remembered
from machine import (NAMES, Ping, case, check, check_traffic, differences, equal, kernel_state, link,
                     main_pid, metactl, ours, pings, run, say, seconds, show, systemctl, undisturbed,
                     until, until_ready)


@case
def pairs_are_up_before_multi_user_target():
    ready, target = seconds("metad.service", "ActiveEnter"), seconds("multi-user.target",
                                                                    "ActiveEnter")
    began = seconds("metad.service", "ExecMainStart")
    probed = seconds("metad-vm-probe.service", "ExecMainStart")
    check(0 < ready < probed < target, f"metad {ready}, probe {probed}, multi-user {target}")
    network = seconds("network.target", "ActiveEnter")
    check(ready <= network, f"metad {ready}, network {network}")
    with open("/run/metad-vm-probe") as file:
        said = file.read()
    check(said.startswith("["), f"metactl status before multi-user.target: {said}")
    pairs, links = (json.loads(line) for line in said.splitlines())
    equal({p["name"]: (p["state"], p["kind"]) for p in pairs},
          {name: ("ready", "netkit") for name in NAMES}, "pairs before multi-user.target")
    equal(ours(links), NAMES, "devices before multi-user.target")
    check(all("UP" in x["flags"] for x in links if x), "devices are up")
    say(f"boot to ready: metad {began:.2f} s after the kernel's start, pairs ready {ready:.2f} s, "
        f"multi-user.target {target:.2f} s; of it metad {ready - began:.2f} s")


@case
def reboot_restores_pairs():
    before, now = remembered(), observe()
    check(before["boot"] != now["boot"], "this is another boot")
    equal(len(now), 1 + 3 * len(NAMES), "what was looked at")
    chains = {k: (before[k], now[k]) for k in now if k.endswith("chains")}
    check(all(b == n for b, n in chains.values()), f"chains: {chains}")
    devices = [k for k in now if not k.endswith("chains") and k != "boot"]
    equal(differences({k: before[k] for k in devices}, {k: now[k] for k in devices}), [],
          "devices after the reboot")
    check_traffic()


@case
def stop_keeps_traffic_flowing():
    def stop_and_start():
        systemctl("stop", "metad.service")
        equal(show("metad.service", "ActiveState", "Result"), ["inactive", "success"], "metad")
        check(pings("10.1.0.2", count=20), "traffic goes on without metad")
        systemctl("start", "metad.service")
        until_ready()

    undisturbed("a stop and a start", stop_and_start)


@case
def restart_keeps_traffic_flowing():
    def restart():
        pid = main_pid()
        systemctl("restart", "metad.service")
        check(main_pid() != pid, "it is another process")
        until_ready()

    undisturbed("a restart", restart)


@case
def crash_is_restarted():
    def crash():
        pid, restarts = main_pid(), int(show("metad.service", "NRestarts"))
        os.kill(pid, signal.SIGKILL)
        until(lambda: show("metad.service", "ActiveState", "NRestarts") ==
              ["active", str(restarts + 1)], "metad is started again")
        check(main_pid() != pid, "it is another process")
        until_ready()

    undisturbed("a crash", crash)


@case
def cleanup_removes_what_is_ours():
    run("ip", "link", "add", "foreign0", "type", "dummy")
    refused = metactl("cleanup", ok=False)
    check(refused.returncode != 0 and "running" in refused.stderr, f"beside metad: {refused}")
    equal(ours(), NAMES, "devices beside metad")
    systemctl("stop", "metad.socket", "metad.service")
    check_traffic()
    said = metactl("cleanup", "--dry-run").stdout.splitlines()
    equal(sorted(line.split()[1] for line in said if line.startswith("device")), NAMES, "what is said")
    metactl("cleanup")
    equal(ours(), [], "devices of metad")
    left = [name for _, _, files in os.walk("/sys/fs/bpf/metad") for name in files]
    equal(left, [], "pins of metad")
    check(not pings("10.1.0.2", count=1), "traffic has ended")
    check(link("foreign0"), "a device of somebody else is there")
    run("ip", "link", "del", "foreign0")
    systemctl("start", "metad.service")
    until_ready()
