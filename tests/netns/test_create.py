# SPDX-License-Identifier: GPL-2.0-only
"""Pairs that are asked for while metad runs: ready when the answer comes, or not there at all."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from world import call, case, check, equal, main, run  # noqa: E402

POD = """
pools:
  pods: {ipv4: 10.88.0.0/16}
templates:
  pod:
    name: "m-{netns:8}"
    pool: pods
    pair:
      addresses: [169.254.1.1/32]
      routes: [{to: "{ip}/32"}]
      peer:
        policy: drop
        addresses: ["{ip}/32"]
        routes: [{to: default, via: 169.254.1.1, onlink: true}]
        programs: [count]
"""


def ask(w, method, **parameters):
    """The reply's parameters; an error is (name, parameters)."""
    reply = call(w.socket, {"method": "io.metad." + method, "parameters": parameters}, timeout=30)
    if "error" in reply:
        return reply["error"].rsplit(".", 1)[1], reply.get("parameters", {})
    return reply["parameters"]


def runtime_files(w):
    path = f"{w.runtime}/pairs.d"
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def gone(w, name):
    return run("ip", "link", "show", name, ok=False).returncode != 0


@case
def ready_when_answered(w):
    """Name by the template, address by its pool; and it is ready: the very next ping comes back."""
    w.netns("web")
    w.write(POD)
    w.start()
    pair = ask(w, "Create", template="pod", netns={"name": "web"})["pair"]
    equal(pair["summary"]["name"], "m-web", "the template's name for it")
    equal(pair["summary"]["state"], "ready", "its state")
    equal(pair["template"], "pod", "its template")
    address = pair["summary"]["addresses"][0].split("/")[0]
    check(w.pings(address), "it answers")
    equal(runtime_files(w), ["runtime-m-web.yaml"], "the files of runtime pairs")
    equal(w.chain("m-web", "peer"), ["count"], "its chain")
    w.ctl("check", f"{w.runtime}/pairs.d/runtime-m-web.yaml")


@case
def by_all_that_names_a_namespace(w):
    w.netns("web")
    w.start()
    child = w.spawn("ip", "netns", "exec", "web", "sleep", "1000")
    w.until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
            "it is in the namespace")
    ways = {"by-name": {"name": "web"}, "by-path": {"path": "/run/netns/web"},
            "by-pid": {"pid": child.pid}}
    for name, netns in ways.items():
        pair = ask(w, "Create", pair=name, netns=netns,
                   declaration={"peer": {"name": f"e-{name}"}})["pair"]
        equal(pair["summary"]["state"], "ready", name)
        check(w.link(f"e-{name}", ns="web"), "its peer is there")
    text = open(f"{w.runtime}/pairs.d/runtime-by-pid.yaml").read()
    check("cookie" in text, "a process is meant as long as it is that one")


def ask_with_fd(w, path, **parameters):
    """Create in the namespace of an open file, which is closed before the answer is read."""
    with socket.socket(socket.AF_UNIX) as s, open(path) as file:
        s.settimeout(20)
        s.connect(w.socket)
        message = {"method": "io.metad.Create",
                   "parameters": {**parameters, "netns": {"fileDescriptor": 0}}}
        socket.send_fds(s, [json.dumps(message).encode() + b"\0"], [file.fileno()])
        file.close()
        data = b""
        while not data.endswith(b"\0"):
            data += s.recv(65536)
    reply = json.loads(data[:-1])
    if "error" in reply:
        return reply["error"].rsplit(".", 1)[1], reply.get("parameters", {})
    return reply["parameters"]


@case
def by_file_descriptor(w):
    """It is found again by what names it: a name, another path, a process; else it is refused."""
    w.netns("web")
    w.start()
    fds = len(os.listdir(f"/proc/{w.metad.pid}/fd"))
    pair = ask_with_fd(w, "/run/netns/web", pair="named")["pair"]
    equal(pair["summary"]["netns"], "web", "the name")
    child = w.spawn("unshare", "--net", "sleep", "1000")
    w.until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
            "it has a namespace of its own")
    pair = ask_with_fd(w, f"/proc/{child.pid}/ns/net", pair="process")["pair"]
    equal((pair["summary"]["netns"], pair["summary"]["state"]), (str(child.pid), "ready"), "the process")
    w.stop(signal.SIGKILL)
    w.start()
    w.ready("named", "process")
    other = f"{w.dir}/elsewhere"
    open(other, "w").close()
    mountpoint = w.spawn("unshare", "--net", "sleep", "1000")
    w.until(lambda: os.readlink(f"/proc/{mountpoint.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
            "it has a namespace, too")
    run("mount", "--bind", f"/proc/{mountpoint.pid}/ns/net", other)
    mountpoint.kill()
    mountpoint.wait()
    pair = ask_with_fd(w, other, pair="mounted")["pair"]
    equal((pair["summary"]["netns"], pair["summary"]["state"]), (other, "ready"), "the path")
    with open(other) as kept:
        run("umount", "-l", other)
        error, parameters = ask_with_fd(w, f"/proc/self/fd/{kept.fileno()}", pair="nameless")
    equal(error, "NoSuchNamespace", "the error where nothing names it")
    check("nothing names the namespace" in parameters["why"], f"why: {parameters}")
    equal(ask_with_fd(w, __file__, pair="x")[0], "InvalidParameter", "of another file")
    equal(ask(w, "Create", pair="x", netns={"fileDescriptor": 0})[0], "InvalidParameter", "without any")
    equal(ask(w, "Create", pair="x", netns={"fileDescriptor": -1})[0], "InvalidParameter", "negative")
    equal(runtime_files(w), [f"runtime-{n}.yaml" for n in ("mounted", "named", "process")], "the files")
    w.until(lambda: len(os.listdir(f"/proc/{w.metad.pid}/fd")) <= fds + 1, "no descriptor is kept")
    child.kill()
    child.wait()
    w.until(lambda: w.state("process") == "waiting", "its process is gone")


@case
def what_is_declared_is_taken_over(w):
    w.netns("web")
    w.write(POD)
    w.start()
    pair = ask(w, "Create", pair="web0", template="pod", netns={"name": "web"}, declaration={
        "mtu": 1400, "labels": {"app": "web", "10": "yes"},
        "peer": {"name": "eth7", "addresses": ["10.9.9.9/32"], "programs": ["count", "drop"]}})["pair"]
    equal(pair["summary"]["addresses"], ["10.9.9.9/32"], "its own address")
    equal(w.chain("web0", "peer"), ["count", "drop"], "its own chain")
    equal(w.link("web0")["mtu"], 1400, "its own mtu")
    check("169.254.1.1/32" in w.addresses("web0"), "what the template has")


@case
def survives_a_restart(w):
    w.netns("web")
    w.write(POD)
    w.start()
    pair = ask(w, "Create", template="pod", netns={"name": "web"})["pair"]
    ifindex = w.link("m-web")["ifindex"]
    w.stop(signal.SIGKILL)
    w.start()
    equal(w.state("m-web"), "ready", "its state")
    equal(w.link("m-web")["ifindex"], ifindex, "the device is the same")
    equal(w.pair("m-web")["summary"]["addresses"], pair["summary"]["addresses"], "its address")


@case
def errors_by_name_and_nothing_left(w):
    w.netns("web")
    w.write(POD + """
pairs:
  taken: {peer: {netns: web, name: taken, addresses: [10.1.1.1/24]}}
""")
    w.start()
    web = {"name": "web"}
    run("ip", "link", "add", "foreign", "type", "veth", "peer", "name", "foreign1")
    for parameters, error in (
            ({"pair": "taken", "netns": web}, "PairExists"),
            ({"pair": "x", "template": "pot", "netns": web}, "NoSuchTemplate"),
            ({"pair": "x", "netns": {"name": "nowhere"}}, "NoSuchNamespace"),
            ({"pair": "x", "netns": {"path": "/etc/passwd"}}, "NoSuchNamespace"),
            ({"pair": "x", "netns": {"pid": 4194304}}, "NoSuchNamespace"),
            ({"netns": web}, "InvalidDeclaration"),
            ({"pair": "x"}, "InvalidDeclaration"),
            ({"pair": "x", "netns": web, "declaration": {"mtuu": 3}}, "InvalidDeclaration"),
            ({"pair": "x", "netns": web, "declaration": {"mtu": 3}}, "InvalidDeclaration"),
            ({"pair": "x", "netns": web, "declaration": {"peer": {"addresses": ["10.1.1.1/24"]}}},
             "InvalidDeclaration"),
            ({"pair": "x", "netns": web, "declaration": {"peer": {"name": "taken"}}},
             "InvalidDeclaration"),
            ({"pair": "x", "netns": web, "declaration": {"peer": {"programs": ["no-such"]}}},
             "NotConverged"),
            ({"pair": "foreign", "netns": web}, "NotConverged"),
            ({"pair": "x", "netns": web, "template": "pod", "declaration": {"mac": "02:00:00:00:00:01"}},
             "NotConverged"),
            ({"pair": "x/y", "netns": web}, "InvalidParameter"),
            ({"pair": "x", "netns": {"name": "web", "pid": 1}}, "InvalidParameter"),
            ({"pair": "x", "netns": {}}, "InvalidParameter"),
            ({"pair": "x", "netns": {"name": "../x"}}, "InvalidParameter"),
            ({"pair": "x", "netns": web, "timeoutMs": 0}, "InvalidParameter"),
            ({"pair": "x", "netns": web, "colour": "red"}, "InvalidParameter")):
        got = ask(w, "Create", **parameters)
        check(isinstance(got, tuple), f"{parameters} is refused, not {got}")
        equal(got[0], error, f"the error of {parameters}: {got[1]}")
        equal(runtime_files(w), [], f"files after {parameters}")
    check(gone(w, "x"), "nothing of it is there")
    w.settle()
    equal(w.state("taken"), "ready", "the other pair")
    equal(json.loads(w.ctl("--json=short", "version").stdout)["diagnostics"], [], "what is wrong")
    run("ip", "link", "show", "foreign")


@case
def takes_nothing_from_others(w):
    """Also where the other's file comes later, and would lose what it has."""
    w.netns("web")
    w.write("pairs:\n  zz: {peer: {netns: web, name: zz, addresses: [10.1.1.1/24]}}\n", name="zz.yaml")
    w.write(POD + "    match: {netns: web}\n", name="zzz.yaml")
    w.start()
    w.ready("zz", "m-web")
    address = w.pair("m-web")["summary"]["addresses"][0]
    for peer in ({"addresses": ["10.1.1.1/32"]}, {"name": "zz"}, {"name": "eth0", "addresses": [address]}):
        error, parameters = ask(w, "Create", pair="x", netns={"name": "web"}, declaration={"peer": peer})
        equal(error, "InvalidDeclaration", f"the error of {peer}")
        check("already" in parameters["diagnostics"][0]["text"], f"why: {parameters}")
        equal(runtime_files(w), [], f"files after {peer}")
        w.settle()
        equal((w.state("zz"), w.state("m-web")), ("ready", "ready"), f"the others after {peer}")
        check(gone(w, "x"), "nothing of it is there")
    equal(w.addresses("zz", ns="web"), ["10.1.1.1/24"], "its address")


@case
def beside_a_broken_file(w):
    """It is no reason to keep what was asked for, and is to go."""
    w.netns("web")
    w.write("pairs: soon\n", name="90-never-good.yaml")
    w.start()
    equal(ask(w, "Create", pair="x", netns={"name": "web"})["pair"]["summary"]["state"], "ready", "its state")
    equal(ask(w, "Delete", pair="x"), {"existed": True}, "deletion")
    check(gone(w, "x"), "it is gone when that is answered")
    error, _ = ask(w, "Create", pair="y", netns={"name": "web"}, declaration={"peer": {"programs": ["no-such"]}})
    equal(error, "NotConverged", "the error")
    check(gone(w, "y"), "nothing of it is there")


@case
def where_a_name_is_no_text(w):
    """Files may be called anything: an error that names one is an answer all the same."""
    w.netns("web")
    with open(os.fsencode(w.conf) + b"/pairs.d/20-\xe9.yaml", "w") as file:
        file.write("pairs:\n  web0: {peer: {netns: web}}\n")
    w.start()
    error, parameters = ask(w, "Create", pair="web0", netns={"name": "web"})
    equal(error, "PairExists", "the error")
    check("20-?.yaml:2" in parameters["why"], f"why: {parameters}")
    equal(ask(w, "Delete", pair="web0")[0], "NotRuntime", "of Delete")


@case
def in_time_or_not_at_all(w):
    """The worker is kept busy by a thousand pairs: one that is asked for with a short patience fails,
    and is undone all the same."""
    w.netns("web")
    w.write(POD)
    w.start()
    w.write("pairs:\n" + "".join(
        f"  p{i}: {{peer: {{netns: web, name: p{i}}}}}\n" for i in range(1000)), name="20-many.yaml")
    time.sleep(0.3)
    got = ask(w, "Create", pair="late", netns={"name": "web"}, timeoutMs=1)
    equal(got, ("NotConverged", {"pair": "late", "why": "it was not ready in time"}), "the answer")
    equal(runtime_files(w), [], "the files of runtime pairs")
    w.settle()
    check(gone(w, "late"), "it is not there")


@case
def deleting_is_idempotent(w):
    w.netns("web")
    w.write("pairs:\n  fixed: {peer: {netns: web, name: fixed}}\n")
    w.start()
    ask(w, "Create", pair="web0", netns={"name": "web"})
    equal(ask(w, "Delete", pair="web0"), {"existed": True}, "the first time")
    check(gone(w, "web0"), "it is gone when that is answered")
    equal(runtime_files(w), [], "the files of runtime pairs")
    equal(ask(w, "Delete", pair="web0"), {"existed": False}, "the second time")
    equal(ask(w, "Delete", pair="fixed"),
          ("NotRuntime", {"pair": "fixed", "declaredAt": f"{w.conf}/pairs.d/10-test.yaml:2"}),
          "of one that a file declares")
    equal(w.state("fixed"), "ready", "that one")
    ask(w, "Create", pair="web0", netns={"name": "web"})
    w.netns_del("web")
    w.until(lambda: w.state("web0") == "waiting", "its namespace is gone")
    equal(ask(w, "Delete", pair="web0"), {"existed": True}, "without its namespace")


@case
def many_at_once(w):
    """Fifty clients at a time; every one gets a pair of its own, and looking at all is not repeated."""
    n = 200
    w.netns(*(f"c{i}" for i in range(n)))
    w.write(POD)
    w.start()
    began = time.monotonic()
    sockets = []
    for i in range(n):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(w.socket)
        s.sendall(json.dumps({"method": "io.metad.Create", "parameters": {
            "template": "pod", "netns": {"name": f"c{i}"}, "timeoutMs": 60000}}).encode() + b"\0")
        sockets.append(s)
    addresses = set()
    for s in sockets:
        data = b""
        while not data.endswith(b"\0"):
            data += s.recv(65536)
        reply = json.loads(data[:-1])
        check("error" not in reply, f"no error: {reply}")
        addresses.add(reply["parameters"]["pair"]["summary"]["addresses"][0])
        s.close()
    equal(len(addresses), n, "different addresses")
    print(f"     {n} pairs asked for at once: {time.monotonic() - began:.2f} s")
    began = time.monotonic()
    ask(w, "Create", pair="last", template="pod", netns={"name": "c0"},
        declaration={"peer": {"name": "last"}})
    print(f"     one more beside them: {(time.monotonic() - began) * 1000:.1f} ms")


@case
def who_hangs_up_leaves_no_half(w):
    w.netns("web")
    w.start()
    s = socket.socket(socket.AF_UNIX)
    s.connect(w.socket)
    s.sendall(json.dumps({"method": "io.metad.Create", "parameters": {
        "pair": "web0", "netns": {"name": "web"}}}).encode() + b"\0")
    s.close()
    w.until(lambda: not gone(w, "web0") and w.state("web0") == "ready", "it is made all the same")
    equal(runtime_files(w), ["runtime-web0.yaml"], "the files of runtime pairs")


if __name__ == "__main__":
    main()
