# SPDX-License-Identifier: GPL-2.0-only
"""Pairs that somebody made by hand become metad's, without losing a packet."""

import json
import os
import random
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from varlink import Interface  # noqa: E402
from hands import (add_link, expect_refusal, files, furnish, hand_case, is_ours, make_pair, plan,  # noqa: E402
                   protocols, state_of)
from world import BPF_DIR, KIND, METACTL, Pinger, attach_foreign, call, check, equal, main, run  # noqa: E402

with open(os.path.join(os.path.dirname(__file__), "../../daemon/front/io.metad.varlink")) as text:
    METAD = Interface(text.read())


@hand_case
def pair_is_adopted_as_it_is(w):
    make_pair(w)
    furnish(w)
    w.start()
    check(w.pings("10.1.0.2"), "it works")
    before = state_of(w)
    dry = w.ctl("adopt", "web0", "--dry-run").stdout
    equal((state_of(w), files(w), is_ours(w)), (before, [], False), "a dry run changes nothing")
    ping = Pinger(w, "10.1.0.2")
    said = w.ctl("adopt", "web0").stdout
    equal(plan(w), [], "the plan right afterwards")
    equal(w.state("web0"), "ready", "state")
    time.sleep(0.3)
    equal(ping.lost(), 0, "packets lost")
    equal(state_of(w), before, "devices and what belongs to them")
    check(is_ours(w), "the mark")
    path = f"{w.conf}/pairs.d/web0.yaml"
    text = open(path).read()
    check(text in dry and path in dry, f"the dry run: {dry}")
    equal(os.stat(path).st_mode & 0o777, 0o644, "who may read the file")
    for words in ("lifetime", "10.1.0.77/24", "10.7.0.0/16", "protocol 12"):
        check(words in said, f"told of what stays somebody else's: {said}")
    for words in ("kind: " + KIND, "mode: l2", "mtu: 1400", "- to: default", "table: 77", "metric: 7",
                  "mac: 02:00:00:00:00:09", "netns: web"):
        check(words in text, f"{words}: {text}")
    for words in ("10.1.0.77", "10.7.0.0", "txqueuelen", "policy", "fe80::"):
        check(words not in text, f"{words} is not declared: {text}")
    equal(w.ctl("check", path).returncode, 0, "check")
    check("adopted: declared in" in w.text(), "the journal")


@hand_case
def adopted_pair_is_kept(w):
    """What is metad's is repaired, what is not stays, and a restart changes nothing."""
    make_pair(w)
    furnish(w)
    w.start()
    before = state_of(w)
    w.ctl("adopt", "web0")
    equal(protocols(w, "-4", "web0")["10.9.0.0/16"], "109", "a route's protocol")
    equal(protocols(w, "-6", "web0")["2001:db8:9::/48"], "109", "an IPv6 route's protocol")
    equal(protocols(w, "-4", "eth0", "web")["10.7.0.0/16"], "bird", "somebody else's route")
    w.stop(signal.SIGKILL)
    w.start()
    w.ready("web0")
    equal((state_of(w), plan(w)), (before, []), "across a restart")
    w.ip("route", "del", "10.9.0.0/16")
    w.until(lambda: state_of(w) == before, "a route is put back")
    w.ip("addr", "del", "2001:db8::2/64", "dev", "eth0", ns="web")
    w.until(lambda: "2001:db8::2/64" in w.addresses("eth0", "web"), "an address of the peer, too")
    w.ready("web0")
    text = open(f"{w.conf}/pairs.d/web0.yaml").read()
    w.write(text.replace("10.9.0.0/16", "10.99.0.0/16"), "web0.yaml")
    w.until(lambda: "10.99.0.0/16" in protocols(w, "-4", "web0"), "a change follows")
    check("10.9.0.0/16" not in protocols(w, "-4", "web0"), "and what is not declared goes")


@hand_case
def routes_of_other_devices_stay(w):
    """To the same prefix, with the same metric: a request to replace one may mean the other."""
    make_pair(w)
    run("ip", "link", "add", "side0", "type", KIND)
    w.ip("link", "set", "side0", "up")
    for device in ("side0", "web0"):
        w.ip("route", "append", "10.66.0.0/16", "dev", device)
        w.ip("-6", "route", "append", "2001:db8:66::/48", "dev", device)
        w.ip("-6", "route", "append", f"2001:db8:6{device[0]}::/48".replace("s", "a").replace("w", "b"),
             "dev", device)
    before = {family: run("ip", family, "route", "show", "dev", "side0").stdout for family in ("-4", "-6")}
    w.start()
    said = w.ctl("adopt", "web0").stdout
    check("2001:db8:66::/48 stays as it is: there is another one" in said, said)
    for family, text in before.items():
        equal(run("ip", family, "route", "show", "dev", "side0").stdout, text, "somebody else's routes")
    equal(protocols(w, "-4", "web0")["10.66.0.0/16"], "109", "its own")
    equal(protocols(w, "-6", "web0")["2001:db8:6b::/48"], "109", "its own")
    check(protocols(w, "-6", "web0")["2001:db8:66::/48"] != "109", "the one that is left alone")


@hand_case
def foreign_programs_stay(w):
    make_pair(w)
    furnish(w)
    run("bpftool", "prog", "load", f"{BPF_DIR}/pass.o", f"{w.bpffs}/theirs")
    attach_foreign(w, "theirs")
    w.start()
    said = w.ctl("adopt", "web0", "--runtime").stdout
    check("primary: program pass" in said and "somebody else's" in said, said)
    equal([s["foreign"] for s in w.end("web0", "primary")["chain"]], [True], "the chain")
    equal(files(w), ["web0.yaml"], "files")
    check(os.path.exists(f"{w.runtime}/pairs.d/web0.yaml"), "in the runtime directory")


@hand_case
def defaults_of_the_settings_do_not_reach_it(w):
    make_pair(w)
    furnish(w)
    w.settings("defaults: {mtu: 9000, mode: l3, programs: [count], addresses: [192.0.2.9/32],"
               " txqueuelen: 5, peer: {name: eth9, policy: drop}}\n")
    w.start()
    before = state_of(w)
    w.ctl("adopt", "web0")
    equal((w.state("web0"), plan(w), state_of(w)), ("ready", [], before), "as it is")


@hand_case
def modes_and_names(w):
    """An l3 pair by a path, the peer's end of another name, down, with a policy where there is one."""
    w.netns("web")
    run("touch", f"{w.dir}/ns")
    run("mount", "--bind", "/run/netns/web", f"{w.dir}/ns")
    add_link("web.0", "up-link", "/run/netns/web", "l3",
             None if KIND == "veth" else ("drop", "drop"))
    if KIND == "veth":
        for name, ns in (("web.0", None), ("up-link", "web")):
            w.ip("link", "set", name, "arp", "off", "address", "02:00:00:00:00:55", ns=ns)
    w.start()
    said = w.ctl("adopt", "web.0", "--netns", f"{w.dir}/ns").stdout
    check("metad will set up" in said or "metad will" in said, said)
    w.ready("web.0")
    text = open(f"{w.conf}/pairs.d/web.0.yaml").read()
    check(f"path: {w.dir}/ns" in text and "name: up-link" in text and "mode" not in text, text)
    equal("policy: drop" in text, KIND != "veth", text)
    equal(plan(w), [], "the plan")
    run("umount", f"{w.dir}/ns")


@hand_case
def what_cannot_be_adopted_is_told_why(w):
    make_pair(w)
    w.start()
    expect_refusal(w, "none0", words="there is no device none0")
    expect_refusal(w, "lo", words="not of kind")
    w.netns("other")
    expect_refusal(w, "web0", "--netns", "other", words="is not in namespace other")
    expect_refusal(w, "web0", "--netns", "nowhere", words="does not exist")
    expect_refusal(w, "web0", "--pid", "999999", words="process 999999 is gone")
    w.ip("link", "set", "eth0", "mtu", "1300", ns="web")
    expect_refusal(w, "web0", words="differ in mtu, 1400 and 1300")
    w.ip("link", "set", "eth0", "mtu", "1400", ns="web")
    w.ip("link", "set", "eth0", "arp", "off", ns="web")
    if KIND == "veth":
        expect_refusal(w, "web0", words="without ARP")
    w.ip("link", "set", "eth0", "arp", "on", ns="web")
    w.write("pairs: {other: {addresses: [10.5.0.1/24], peer: {netns: web}}}", "05-other.yaml")
    w.ctl("reload")
    expect_refusal(w, "web0", words="eth0")
    equal([n for n in files(w) if n == "web0.yaml"], [], "no file is left behind")
    equal(is_ours(w), False, "the mark")
    os.unlink(f"{w.conf}/pairs.d/05-other.yaml")
    w.ctl("reload")
    w.settle()
    w.write("pairs: {}", "web0.yaml")
    w.ctl("reload")
    expect_refusal(w, "web0", words="which does not declare it")
    os.unlink(f"{w.conf}/pairs.d/web0.yaml")
    w.ctl("reload")
    w.ctl("adopt", "web0")
    expect_refusal(w, "web0", words="metad's already")
    # Found by no name, the namespace has to be said.
    child = w.spawn("unshare", "--net", "sleep", "1000")
    w.until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "it is there")
    add_link("proc0", "eth0", f"/proc/{child.pid}/ns/net")
    expect_refusal(w, "proc0", words="say which one it is in")
    w.ctl("adopt", "proc0", "--pid", str(child.pid))
    w.ready("proc0")


@hand_case
def ports_are_not_adopted(w):
    make_pair(w)
    w.start()
    if run("ip", "link", "add", "br0", "type", "bridge", ok=False).returncode:
        print("# ports_are_not_adopted: this kernel has no bridges")
        return
    w.ip("link", "set", "web0", "master", "br0")
    expect_refusal(w, "web0", words="is a port of br0")
    run("ip", "link", "del", "br0")


@hand_case
def read_only_directory_is_told(w):
    make_pair(w)
    w.start()
    run("mount", "--bind", f"{w.conf}", f"{w.conf}")
    run("mount", "-o", "remount,bind,ro", f"{w.conf}")
    try:
        expect_refusal(w, "web0", words="(--runtime)")
        equal(is_ours(w), False, "the mark")
        w.ctl("adopt", "web0", "--runtime")
        w.ready("web0")
    finally:
        run("umount", f"{w.conf}")


@hand_case
def declared_pair_is_adopted_too(w):
    """Somebody wrote the declaration first, or metad was stopped between its file and its mark."""
    make_pair(w)
    w.ip("addr", "add", "10.1.0.2/24", "dev", "eth0", ns="web")
    w.write(f"pairs: {{web0: {{kind: {KIND}, mode: l2, mtu: 1400, addresses: [10.1.0.1/24],"
            " peer: {netns: web, addresses: [10.1.0.2/24]}}}")
    w.start()
    w.settle()
    equal(w.state("web0"), "conflict", "state")
    before = w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]
    expect_refusal(w, "web0", "--dry-run", words="it is declared already, in ")
    w.ctl("adopt", "web0")
    equal((w.state("web0"), plan(w)), ("ready", []), "afterwards")
    equal((w.link("web0")["ifindex"], w.link("eth0", "web")["ifindex"]), before, "devices")
    check(w.pings("10.1.0.2"), "what was missing is there")
    # One that would be made anew is not worth it.
    add_link("db0", "eth1", "/run/netns/web")
    w.write(f"pairs: {{db0: {{kind: {KIND}, mode: l3, peer: {{netns: web, name: eth1}}}}}}", "db.yaml")
    w.until(lambda: w.state("db0") == "conflict", "the other one is in conflict")
    expect_refusal(w, "db0", words="made anew: mode l2 becomes l3")
    check(os.path.exists(f"{w.conf}/pairs.d/db.yaml") and not is_ours(w, "db0"), "nothing has changed")


@hand_case
def namespace_may_come_as_a_file(w):
    """The declaration names it by what is there longer than the caller."""
    make_pair(w)
    child = w.spawn("unshare", "--net", "sleep", "1000")
    w.until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
            "it has a namespace")
    add_link("proc0", "eth0", f"/proc/{child.pid}/ns/net")
    w.start()
    before = len(os.listdir(f"/proc/{w.metad.pid}/fd"))

    def adopt(device, path):
        with socket.socket(socket.AF_UNIX) as s, open(path) as file:
            s.settimeout(20)
            s.connect(w.socket)
            message = {"method": "io.metad.Adopt",
                       "parameters": {"device": device, "netns": {"fileDescriptor": 0}}}
            socket.send_fds(s, [json.dumps(message).encode() + b"\0"], [file.fileno()])
            data = b""
            while not data.endswith(b"\0"):
                data += s.recv(65536)
        return json.loads(data[:-1])

    for path, wanted in (("/run/netns/web", "NamespaceUnreachable"), (__file__, "InvalidParameter")):
        equal(adopt("proc0", path)["error"].rsplit(".", 1)[1], wanted, path)
    check("netns: web\n" in adopt("web0", "/run/netns/web")["parameters"]["content"], "by its name")
    content = adopt("proc0", f"/proc/{child.pid}/ns/net")["parameters"]["content"]
    check(f"pid: {child.pid}\n" in content and "cookie: " in content, content)
    w.ready("web0", "proc0")
    # The process is followed by one of metad's own.
    w.until(lambda: len(os.listdir(f"/proc/{w.metad.pid}/fd")) <= before + 1, "none is kept")


@hand_case
def crash_leaves_it_somebodys_or_metads(w):
    make_pair(w)
    furnish(w)
    before = state_of(w)
    seen = set()
    dice = random.Random(1)
    ping = Pinger(w, "10.1.0.2")
    w.start()
    began = time.monotonic()
    w.ctl("adopt", "web0")
    took = time.monotonic() - began
    w.ctl("release", "web0")
    w.stop()
    for turn in range(16):
        w.start()
        client = w.spawn(METACTL, "--socket", w.socket, "adopt", "web0", stdout=w.log, stderr=w.log)
        time.sleep(dice.uniform(0, took))
        w.stop(signal.SIGKILL)
        client.wait()
        equal(state_of(w), before, f"after crash {turn}")
        declared = "web0.yaml" in files(w)
        check(declared or not is_ours(w), "what is metad's is declared")
        seen.add((declared, is_ours(w)))
        w.start()
        w.settle()
        equal(w.state("web0"), "ready" if is_ours(w) else "conflict" if declared else None, "state")
        if not is_ours(w):
            w.ctl("adopt", "web0")
        equal((w.state("web0"), plan(w), state_of(w)), ("ready", [], before), "adopted after all")
        w.ctl("release", "web0")
        equal((files(w), is_ours(w), state_of(w)), ([], False, before), "and given back")
        w.stop()
    equal(ping.lost(), 0, "packets lost")
    print(f"# crash_leaves_it_somebodys_or_metads: (declared, metad's) was {sorted(seen)}")


@hand_case
def socket_takes_what_the_interface_says(w):
    make_pair(w)
    furnish(w)
    os.chmod(w.dir, 0o755)
    w.start()

    def ask(method, _as_nobody=False, **parameters):
        message = {"method": f"io.metad.{method}", "parameters": parameters}
        if not _as_nobody:
            return call(w.socket, message)
        out, into = os.pipe()
        if os.fork() == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                os.write(into, json.dumps(call(w.socket, message)).encode())
            finally:
                os._exit(0)
        os.wait()
        os.close(into)
        with os.fdopen(out) as answer:
            return json.loads(answer.read())

    def refused(error, method, **parameters):
        reply = ask(method, **parameters)
        check(reply.get("error", "").endswith(f".{error}"), f"{method} {parameters}: {reply}")
        if reply["error"].startswith("io.metad."):
            METAD.check_reply(f"io.metad.{method}", reply)
        return reply["parameters"]

    for netns in ({}, {"name": "web", "pid": 1}, {"path": "web"}, {"name": "a/b"}, {"pid": -1},
                  {"name": ""}):
        equal(refused("InvalidParameter", "Adopt", device="web0", netns=netns), {"parameter": "netns"},
              f"{netns}")
    for method, key in (("Adopt", "device"), ("Release", "pair")):
        for name in ("", "a/b", "0123456789abcdef"):
            equal(refused("InvalidParameter", method, **{key: name}), {"parameter": key}, name)
        refused("PermissionDenied", method, _as_nobody=True, **{key: "web0"})
    refused("NoSuchDevice", "Adopt", device="none0")
    refused("NoSuchDevice", "Release", pair="none0")
    refused("NotAPair", "Adopt", device="lo")
    refused("NotManaged", "Release", pair="web0")
    refused("NamespaceUnreachable", "Adopt", device="web0", netns={"name": "nowhere"})
    dry = ask("Adopt", device="web0", dryRun=True)
    reply = ask("Adopt", device="web0", netns={"name": "web"}, runtime=None)
    equal(reply["parameters"], dry["parameters"], "what was announced")
    METAD.check_reply("io.metad.Adopt", reply)
    refused("AlreadyManaged", "Adopt", device="web0")
    METAD.check_reply("io.metad.Release", ask("Release", pair="web0"))
    # Who goes away before the answer has asked for it all the same.
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(w.socket)
        client.sendall(json.dumps({"method": "io.metad.Adopt",
                                   "parameters": {"device": "web0"}}).encode() + b"\0")
    w.ready("web0")


main()
