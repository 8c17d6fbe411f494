# SPDX-License-Identifier: GPL-2.0-only
"""Clients that others wrote, at the real daemon: varlinkctl 257, python3-varlink 31, and socat for bytes
that none of them would send. They run in a Debian 13 that has this world's /run in /mnt."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [f"{TESTS}/lib", f"{TESTS}/lint", f"{TESTS}/netns"]
import pages  # noqa: E402
from varlink import Interface  # noqa: E402
from world import case, check, equal, main, run  # noqa: E402

ROOT = os.environ["METAD_TEST_CLIENTS"]
DESCRIPTIONS = {os.path.basename(path)[:-len(".varlink")]: path
                for path in glob.glob(f"{TESTS}/../daemon/front/*.varlink")}
NOBODY = 65534
PAIR = "pairs: {web0: {addresses: [192.0.2.1/32], peer: {netns: web}}}"


def read(path):
    with open(path) as file:
        return file.read()


def guest(*args, uid=0, **kwargs):
    return run("chroot", f"--userspec={uid}:{uid}", ROOT, *args, **kwargs)


def begin(w):
    """Returns where the clients find the socket."""
    os.chmod(w.dir, 0o755)
    w.netns("web")
    w.write(PAIR)
    w.start()
    w.ready("web0")
    return w.socket.replace("/run", "/mnt", 1)


@case
def its_page_says_how_it_is_called(w):
    socket = begin(w)
    w.netns("lab")
    blocks = [block for block in pages.read(f"{TESTS}/..")["io.metad.7"].blocks
              if block.section in ("CALLING IT", "PAIRS FOR RUNTIMES")]
    check(len(blocks) > 3, "there are examples")
    for block in blocks:
        python = block.lines[0].startswith("import ")
        for words in ["\n".join(block.lines)] if python else pages.typed(block):
            command = ["python3", "-c"] if python else ["bash", "-o", "pipefail", "-c"]
            said = guest(*command, words.replace("/run/metad/io.metad", socket)).stdout
            check(any(word in said for word in ("web0", '"version"', "method Describe(", '"lab0"', '"existed"')),
                  f"{words}: {said}")
    equal(w.link("lab0"), None, "what was made and deleted")


# ---- varlinkctl ----


def varlinkctl(*args, **kwargs):
    return guest("varlinkctl", "--no-pager", *args, **kwargs)


def sequence(text):
    """A JSON text sequence, RFC 7464."""
    return [json.loads(part) for part in text.split("\x1e") if part.strip()]


@case
def varlinkctl_takes_every_description(w):
    check(len(DESCRIPTIONS) >= 3, DESCRIPTIONS)
    for name, path in DESCRIPTIONS.items():
        shutil.copy(path, w.dir)
        varlinkctl("validate-idl", f"/mnt/{os.path.basename(w.dir)}/{name}.varlink")
    with open(f"{w.dir}/broken", "w") as file:
        file.write(read(DESCRIPTIONS["io.metad"]).replace("string", "strange"))
    said = varlinkctl("validate-idl", f"/mnt/{os.path.basename(w.dir)}/broken", ok=False)
    check(said.returncode, "a broken one is refused")


@case
def varlinkctl_looks_at_the_service(w):
    socket = begin(w)
    info = json.loads(varlinkctl("info", "--json=short", socket).stdout)
    equal((info["vendor"], info["product"]), ("metad", "metad"), "who it is")
    equal(sorted(info["interfaces"]), sorted(DESCRIPTIONS), "interfaces")
    text = varlinkctl("info", socket).stdout
    check("metad" in text and "io.metad" in text, text)
    equal(sorted(varlinkctl("list-interfaces", socket).stdout.split()), sorted(DESCRIPTIONS), "interfaces")
    methods = varlinkctl("list-methods", socket).stdout.split()
    wanted = [name for path in DESCRIPTIONS.values() for name in Interface(read(path)).methods]
    equal(sorted(methods), sorted(wanted), "methods")
    for name, path in DESCRIPTIONS.items():
        said = varlinkctl("introspect", socket, name).stdout
        equal(Interface(said).methods, Interface(read(path)).methods, f"methods of {name}")
        equal(Interface(said).types, Interface(read(path)).types, f"types of {name}")


@case
def varlinkctl_calls(w):
    socket = begin(w)

    def call(name, parameters=None, *args, **kwargs):
        return varlinkctl("call", "--json=short", *args, socket, name,
                          json.dumps(parameters or {}), **kwargs)
    metad = Interface(read(DESCRIPTIONS["io.metad"]))
    said = json.loads(call("io.metad.Describe", {"pair": "web0"}).stdout)
    metad.check_reply("io.metad.Describe", {"parameters": said})
    equal(said["pair"]["summary"]["state"], "ready", "the state")
    for name in ("List", "Plan", "Verify", "Programs", "Statistics"):
        if f"io.metad.{name}" not in metad.methods:
            continue
        each = sequence(call(f"io.metad.{name}", None, "--more").stdout)
        together = json.loads(call(f"io.metad.{name}", None, "--collect").stdout)
        equal(len(together), len(each), f"replies to {name}")
        for reply in each + together:
            metad.check_reply(f"io.metad.{name}", {"parameters": reply})
    equal(json.loads(call("io.systemd.service.Ping").stdout), {}, "Ping")
    equal(json.loads(call("io.systemd.service.GetLogLevel").stdout), {"level": 6}, "GetLogLevel")
    for level in (7, 6):
        call("io.systemd.service.SetLogLevel", {"level": level})
    before = w.text().count("configuration read")
    equal(json.loads(call("io.metad.Reload").stdout), {"diagnostics": []}, "Reload")
    equal(call("io.metad.Reload", None, "--oneway").stdout, "", "a one-way call")
    w.until(lambda: w.text().count("configuration read") == before + 2, "both were obeyed")


@case
def varlinkctl_is_told_what_is_wrong(w):
    socket = begin(w)
    for name, parameters, wanted in [
        ("io.metad.Describe", {"pair": "none"}, "io.metad.NoSuchPair"),
        ("io.metad.Describe", {"pair": 1}, "org.varlink.service.InvalidParameter"),
        ("io.metad.Describe", {"pair": "web0", "deep": 1}, "org.varlink.service.InvalidParameter"),
        ("io.metad.Describe", {}, "org.varlink.service.InvalidParameter"),
        ("io.metad.List", {}, "org.varlink.service.ExpectedMore"),
        ("io.metad.Nothing", {}, "org.varlink.service.MethodNotFound"),
        ("io.nothing.Status", {}, "org.varlink.service.InterfaceNotFound"),
    ]:
        said = varlinkctl("call", socket, name, json.dumps(parameters), ok=False)
        check(said.returncode and wanted in said.stdout + said.stderr,
              f"{name} {parameters}: {said.stdout}{said.stderr}")
        varlinkctl("call", f"--graceful={wanted}", socket, name, json.dumps(parameters))
    said = varlinkctl("call", socket, "io.metad.Reload", "{}", uid=NOBODY, ok=False)
    check(said.returncode and "org.varlink.service.PermissionDenied" in said.stdout + said.stderr,
          "who is nobody may not")
    varlinkctl("call", socket, "io.metad.Status", "{}", uid=NOBODY)


@case
def varlinkctl_watches(w):
    socket = begin(w)
    path = f"{w.dir}/watched"
    with open(path, "w") as file:
        w.spawn("chroot", ROOT, "varlinkctl", "-E", "-j", "call", socket, "io.metad.Monitor", "{}",
                stdout=file)

    def told():
        with open(path) as file:
            return [json.loads(line.strip("\x1e")) for line in file if line.endswith("\n")]
    w.until(lambda: any(reply.get("synced") for reply in told()), "all pairs are told")
    equal([reply["pair"]["name"] for reply in told() if "pair" in reply], ["web0"], "pairs")
    w.write("pairs: {web0: {addresses: [192.0.2.1/32], peer: {netns: web}}, late0: {peer: {netns: late}}}")
    w.until(lambda: any(reply.get("pair", {}).get("name") == "late0"
                        and reply["pair"]["state"] == "waiting" for reply in told()), "a new one is told")
    w.write(PAIR)
    w.until(lambda: any(reply.get("gone") == "late0" for reply in told()), "one that is gone is told")
    sequences = [reply["sequence"] for reply in told()]
    equal(sequences[1:], sorted(sequences[1:]), "the order")


# ---- python3-varlink ----


@case
def python_varlink_from_the_command_line(w):
    socket = begin(w)

    def cli(*args, **kwargs):
        return guest("python3", "-m", "varlink.cli", *args, **kwargs)
    said = cli("info", f"unix:{socket}").stdout
    check("Vendor: metad" in said and "io.metad" in said, said)
    for name, path in DESCRIPTIONS.items():
        said = cli("help", f"unix:{socket}/{name}").stdout
        equal(Interface(said).methods, Interface(read(path)).methods, f"methods of {name}")
    said = json.loads(cli("call", f"unix:{socket}/io.metad.Describe", '{"pair": "web0"}').stdout)
    equal(said["pair"]["summary"]["name"], "web0", "the pair")
    said = cli("call", "--more", f"unix:{socket}/io.metad.List", "{}").stdout
    equal(json.loads(said)["pair"]["name"], "web0", "the pair")
    said = cli("call", f"unix:{socket}/io.metad.Describe", '{"pair": "none"}', ok=False)
    check("io.metad.NoSuchPair" in said.stdout + said.stderr, said)


@case
def python_varlink_as_a_library(w):
    socket = begin(w)
    said = json.loads(guest("python3", "-c", """
import json, sys, varlink
out = {}
with varlink.Client(address="unix:" + sys.argv[1]) as client:
    out["interfaces"] = sorted(client.get_interfaces())
    with client.open("io.metad") as metad:
        out["described"] = metad.Describe("web0")["pair"]["summary"]["state"]
        out["listed"] = [r["pair"]["name"] for r in metad.List(_more=True)]
        try:
            metad.Describe("none")
        except varlink.VarlinkError as error:
            out["error"] = [error.error(), error.parameters()]
        metad.Reload(_oneway=True)
        out["settled"] = "settled" in metad.Status()
    with client.open("io.systemd.service") as service:
        out["level"] = service.GetLogLevel()["level"]
with varlink.Client(address="unix:" + sys.argv[1]) as client:
    with client.open("io.metad") as metad:
        changes = metad.Monitor(_more=True)
        first = next(changes)["pair"]["name"]
        out["watched"] = [first, next(changes)["synced"]]
print(json.dumps(out))
""", socket).stdout)
    equal(said, {"interfaces": sorted(DESCRIPTIONS), "described": "ready", "listed": ["web0"],
                 "error": ["io.metad.NoSuchPair", {"pair": "none"}], "settled": True, "level": 6,
                 "watched": ["web0", True]}, "what it says")


# ---- socat ----


def socat(socket, data):
    """What comes back for bytes after which nothing is sent."""
    done = subprocess.run(["chroot", ROOT, "socat", "-t5", "-", f"UNIX-CONNECT:{socket}"], input=data,
                          capture_output=True, timeout=30)
    return [json.loads(part) for part in done.stdout.split(b"\0") if part]


@case
def socat_sends_any_bytes(w):
    socket = begin(w)
    status = b'{"method": "io.metad.Status"}\0'
    check("settled" in socat(socket, status)[0]["parameters"], "a call")
    equal(len(socat(socket, status * 100)), 100, "answers to many calls at once")
    replies = socat(socket, b'{"method": "io.metad.List", "more": true}\0' + status)
    check("pair" in replies[0]["parameters"] and "settled" in replies[-1]["parameters"], replies)
    equal(socat(socket, b'{"method": "io.metad.Reload", "oneway": true}\0'), [], "a one-way call")
    for data in (b"\0", b"x\0", b"{}\0", b"[]\0", b'{"method": 1}\0', b'{"method": "a.B", "more": 1}\0',
                 b'{"method": "io.metad.Status", "more": true, "oneway": true}\0',
                 b'{"method": "io.metad.Status", "unknown": 1}\0', b'{"method": "\xff"}\0',
                 b'{"a":' * 100000 + b"\0", b" " * (3 << 20), os.urandom(4096) + b"\0"):
        equal(socat(socket, data + status), [], data[:40])
    # What is not whole is no message.
    equal(socat(socket, status + status[:-1]), socat(socket, status), "half a message")
    check(re.search("web0", w.ctl("list").stdout), "it serves as before")


run("mount", "--bind", "/run", f"{ROOT}/mnt")
run("mount", "-t", "proc", "proc", f"{ROOT}/proc")  # varlinkctl connects by /proc/self/fd
main()
