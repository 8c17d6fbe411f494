# SPDX-License-Identifier: GPL-2.0-only
"""Network managers beside metad: each leaves the other's devices alone."""

import contextlib
import os

from machine import (DROPINS, Failure, NAMES, addresses, case, check, check_traffic, differences, equal, link,
                     remove, run, settings, systemctl, undisturbed, until, until_ready, write)

# What the managers give to every device that they think is theirs.
CATCH_ALL = "203.0.113.77/24"
NETWORKS = "/etc/systemd/network"
FILES = {
    f"{NETWORKS}/10-vmdummy0.netdev": "[NetDev]\nName=vmdummy0\nKind=dummy\n",
    f"{NETWORKS}/99-all.network": f"""
[Match]
Name=!lo
[Network]
Address={CATCH_ALL}
IPv6AcceptRA=yes
LinkLocalAddressing=ipv6
""",
}
LATE = """
pairs:
  late0:
    kind: {kind}
    mode: l2
    addresses: [10.4.0.1/24]
    peer: {{netns: web, name: eth4, addresses: [10.4.0.2/24]}}
"""


def our_settings(names):
    return {name: settings(name) for name in names}


@contextlib.contextmanager
def running(unit):
    """With that manager, which is masked otherwise."""
    systemctl("unmask", unit)
    try:
        systemctl("start", unit)
        yield
    finally:
        systemctl("stop", f"{unit}.service", f"{unit}.socket", ok=False)
        systemctl("mask", unit)


@contextlib.contextmanager
def foreign_pair():
    """Devices like ours that are not ours, for the manager to have."""
    run("ip", "link", "add", "vmveth0", "type", "veth", "peer", "name", "vmveth1")
    run("ip", "link", "add", "vmkit0", "type", "netkit", "mode", "l2", "peer", "name", "vmkit1")
    try:
        yield
    finally:
        run("ip", "link", "del", "vmveth0", ok=False)
        run("ip", "link", "del", "vmkit0", ok=False)


def stays_ours(before, what):
    equal(differences(before, our_settings(before)), [], f"our devices after {what}")
    check_traffic()


@contextlib.contextmanager
def late_pair(kind):
    """One that is made while the manager runs, and deleted."""
    write(f"{DROPINS}/40-late.yaml", LATE.format(kind=kind))
    try:
        until_ready("late0")
        run("udevadm", "settle")
        until(lambda: "tentative" not in run("ip", "addr", "show", "dev", "late0").stdout,
              "late0's own address is there")
        yield
    finally:
        remove(f"{DROPINS}/40-late.yaml")
        until(lambda: not link("late0"), "late0 is gone")


def only_ours(name):
    """Nothing but what LATE says, and the address that the kernel gives every Ethernet device."""
    now = link(name)
    linklocal = [a for a in addresses(name) if a.startswith("fe80::")]
    equal([a for a in addresses(name) if a not in linklocal], ["10.4.0.1/24"], f"{name}'s addresses")
    equal((len(linklocal), now["inet6_addr_gen_mode"], now["mtu"]), (1, "eui64", 1500), name)


@case
def udev_says_whose_devices_are():
    for name in NAMES:
        run("udevadm", "settle")
        said = run("udevadm", "info", f"/sys/class/net/{name}").stdout.split()
        for word in ("ID_NET_MANAGED_BY=io.metad", "NM_UNMANAGED=1"):
            check(word in said, f"udev about {name} lacks {word}: {said}")
    with foreign_pair():
        run("udevadm", "settle")
        said = run("udevadm", "info", "/sys/class/net/vmkit0").stdout
        check("io.metad" not in said, f"udev about a foreign device: {said}")


# ---- networkd ----

def networkd_states():
    """What it says about every device: whether it has set it up."""
    lines = run("networkctl", "list", "--no-legend", "--no-pager").stdout.splitlines()
    return {line.split()[1]: line.split()[-1] for line in lines}


def networkd_is_done(theirs):
    return (all(CATCH_ALL in addresses(name) for name in theirs)
            and not set(networkd_states().values()) & {"pending", "initialized", "configuring"})


def left_alone_by_networkd(before, theirs, what):
    until(lambda: networkd_is_done(theirs), f"networkd has set its devices up: "
          f"{networkd_states()}")
    stays_ours(before, what)
    equal({name: state for name, state in networkd_states().items() if name in before},
          {name: "unmanaged" for name in before}, f"networkd about our devices after {what}")


@contextlib.contextmanager
def files():
    """networkd's, of which it makes a device and gives all an address."""
    for path, text in FILES.items():
        write(path, text)
    try:
        yield
    finally:
        for path in FILES:
            remove(path)
        run("ip", "link", "del", "vmdummy0", ok=False)


@case
def networkd_and_we_leave_each_other_alone():
    theirs = ["vmdummy0", "vmkit0", "vmveth0"]
    before = our_settings(NAMES)
    with files(), foreign_pair(), running("systemd-networkd"):
        left_alone_by_networkd(before, theirs, "networkd's start")
        for what in (["networkctl", "reload"], ["networkctl", "reconfigure", *theirs],
                     ["systemctl", "restart", "systemd-networkd"]):
            run(*what)
            left_alone_by_networkd(before, theirs, " ".join(what))
        for kind in ("netkit", "veth"):
            with late_pair(kind):
                only_ours("late0")
                left_alone_by_networkd(our_settings([*NAMES, "late0"]), theirs, f"a late {kind}")
        theirs_before = our_settings(theirs)
        undisturbed("metad's restart beside networkd", restart)
        equal(differences(theirs_before, our_settings(theirs)), [], "networkd's devices")
    stays_ours(before, "networkd's end")


def restart():
    systemctl("restart", "metad.service")
    until_ready()


# ---- NetworkManager ----

# The same address for all, which may not be looked for; and nothing that waits for routers.
NM_SETTINGS = ["ipv4.method", "manual", "ipv4.addresses", CATCH_ALL, "ipv4.dad-timeout", "0",
               "ipv6.method", "link-local"]
NM_HAS = ["vmdummy0", "vmveth0", "vmveth1"]


@contextlib.contextmanager
def every_veth():
    """NetworkManager takes no veth for its own by a rule that it brings along; here it does."""
    mask = "/etc/udev/rules.d/85-nm-unmanaged.rules"
    os.symlink("/dev/null", mask)
    run("udevadm", "control", "--reload")
    try:
        yield
    finally:
        remove(mask)
        run("udevadm", "control", "--reload")


def nm_states():
    text = run("nmcli", "--terse", "--fields", "DEVICE,STATE", "device").stdout
    return dict(line.split(":", 1) for line in text.splitlines())


def until_nm(condition):
    states = {}

    def holds():
        states.clear()
        states.update(nm_states())
        return condition(states)

    try:
        until(holds, "NetworkManager has set its device up")
    except Failure as error:
        raise Failure(f"{error}; devices: {states}") from None


def networking(verb, state):
    """nmcli waits less for it than an emulated machine needs."""
    run("nmcli", "networking", verb, ok=False)
    until(lambda: run("nmcli", "networking", ok=False).stdout.strip() == state,
          f"networking is {state}")


def left_alone_by_nm(before, what):
    until_nm(lambda states: {states.get(name) for name in NM_HAS} == {"connected"})
    until_nm(lambda states: not [s for s in states.values() if s.startswith("connecting")])
    stays_ours(before, what)
    equal({name: state for name, state in nm_states().items() if name in before},
          {name: "unmanaged" for name in before}, f"NetworkManager about our devices after {what}")


@case
def networkmanager_and_we_leave_each_other_alone():
    before = our_settings(NAMES)
    with every_veth(), foreign_pair(), running("NetworkManager"):
        run("nmcli", "connection", "add", "type", "dummy", "con-name", "vmdummy0", "ifname",
            "vmdummy0", *NM_SETTINGS)
        # For whatever it takes for an Ethernet device.
        run("nmcli", "connection", "add", "type", "ethernet", "con-name", "all", "ifname", "*",
            "connection.multi-connect", "multiple", *NM_SETTINGS)
        left_alone_by_nm(before, "NetworkManager's start")
        for what in (["nmcli", "general", "reload"], ["nmcli", "connection", "reload"],
                     ["systemctl", "restart", "NetworkManager"]):
            run(*what)
            left_alone_by_nm(before, " ".join(what))
        networking("off", "disabled")
        stays_ours(before, "nmcli networking off")
        networking("on", "enabled")
        left_alone_by_nm(before, "nmcli networking on")
        for kind in ("netkit", "veth"):
            with late_pair(kind):
                only_ours("late0")
                left_alone_by_nm(our_settings([*NAMES, "late0"]), f"a late {kind}")
        theirs = our_settings(NM_HAS)
        equal([name for name in theirs if CATCH_ALL not in theirs[name]["addresses"]], [],
              "NetworkManager's devices without its address")
        undisturbed("metad's restart beside NetworkManager", restart)
        equal(differences(theirs, our_settings(theirs)), [], "NetworkManager's devices")
        run("nmcli", "connection", "delete", "vmdummy0", "all")
    # At its end NetworkManager sets how link-local addresses are made, of devices that it left alone
    # too; metad puts that back.
    until(lambda: not differences(before, our_settings(before)), "our devices are as they were")
    stays_ours(before, "NetworkManager's end")
