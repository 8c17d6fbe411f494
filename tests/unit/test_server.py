#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The socket as clients of all sorts find it. Arguments: see fake.py."""
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))
from fake import (EXAMPLE, FAKE, METAD, NOBODY, SERVICE, SYSTEMD, SYSTEMD_SERVICE, VARLINK,  # noqa: E402
                  Fake, as_nobody, call, case, encode, equal, error, example, fake, main, metad, place,
                  quiet, send_with)

# ---- what is said ----


@case
def replies_are_of_their_types():
    with fake() as server, server.connect() as client:
        for method in ("List", "Plan"):
            for reply in client.call_more(metad(method)):
                METAD.check_reply(metad(method), reply)
        for name in ("full", "late", "ok"):
            reply = client.call(metad("Describe"), {"pair": name})
            METAD.check_reply(metad("Describe"), reply)
            equal(reply["parameters"]["pair"]["summary"]["name"], name)
        for method in ("Status", "Describe", "List"):
            METAD.check_reply(metad(method), client.call(metad(method), {"pair": "none"}))
        METAD.check_reply(metad("Status"), client.call(metad("Status")))


@case
def numbers_are_of_their_types():
    with fake() as server, server.connect() as client:
        for method in ("Programs", "Capabilities"):
            replies = client.call_more(metad(method)) if method == "Programs" else [
                client.call(metad(method))]
            for reply in replies:
                METAD.check_reply(metad(method), reply)
        capabilities = reply["parameters"]
        equal((capabilities["kernel"], capabilities["architecture"]), (os.uname()[2], os.uname()[4]))
        features = {f["name"]: f for f in capabilities["features"]}
        equal(len(features), 8)
        equal(features["tcx"], {"name": "tcx", "usable": True})
        equal(features["btf"], {"name": "btf", "usable": False, "why": "no BTF"})
        # Every feature is told of in the description.
        with open(place("io.metad")) as file:
            assert ", ".join(features) in file.read().replace("\n# ", " "), list(features)
        equal(capabilities["limits"]["messageBytes"], 1 << 20)


@case
def programs_and_who_uses_them():
    with fake() as server, server.connect() as client:
        acl, count = (r["parameters"]["program"] for r in client.call_more(metad("Programs")))
        equal(acl, {"name": "acl", "object": "acl", "shipped": True, "runs": 5, "runTimeNs": 0,
                    "users": [{"pair": "full", "side": "primary", "position": 1,
                               "linkId": 9, "programId": 7}]})
        equal(count, {"name": "count", "object": "/opt/count.o", "shipped": False, "runs": 0,
                      "runTimeNs": 0, "file": "/etc/a.yaml", "line": 9,
                      "error": "there is no such file",
                      "users": [{"pair": "full", "side": "primary", "position": 2}]})


@case
def users_of_a_program_come_in_portions():
    with fake() as server, server.connect() as client:
        for i in range(1200):
            server.tell("use", f"u{i:04}")
        replies = client.call_more(metad("Programs"))
        equal([r["parameters"]["program"]["name"] for r in replies], ["acl"] * 3 + ["count"])
        equal([r["continues"] for r in replies[:-1]], [True] * 3)
        users = [u["pair"] for r in replies[:3] for u in r["parameters"]["program"]["users"]]
        equal(users, ["full"] + [f"u{i:04}" for i in range(1200)])


@case
def statistics_wait_until_they_are_read():
    method = metad("Statistics")
    with fake() as server, server.connect() as client, server.connect() as other:
        equal(error(client.call(method)), "ExpectedMore")
        equal(error(client.call(method, {"pair": "none"}, more=True)), "NoSuchPair")
        equal(error(client.call(method, {"pair": "x" * 100}, more=True)), "NoSuchPair")
        client.send(call(method, {"pair": "full"}, more=True))
        other.call(metad("Status"))
        server.tell("measured", "late")
        server.tell("measured", "full")
        reply = client.receive()
        METAD.check_reply(method, reply)
        assert "continues" not in reply
        full = reply["parameters"]["statistics"]
        primary, peer = full.pop("ends")
        equal(full, {"pair": "full", "state": "failed", "repairs": 0, "failures": 2,
                     "takenMs": 1000})
        equal(primary["received"], {"packets": 1, "bytes": 2, "dropped": 3, "errors": 4})
        equal(primary["transmitted"], {"packets": 1 << 40, "bytes": 6, "dropped": 7, "errors": 8})
        equal((primary["chain"][0]["program"], primary["chain"][0]["runs"]), ("acl", 6))
        assert "received" not in peer and "transmitted" not in peer
        # All of them: each as soon as it and those before it are there; what goes is passed over.
        client.send(call(method, more=True))
        other.call(metad("Status"))
        server.tell("measured", "late")
        server.tell("measured", "full")
        equal([client.receive()["parameters"]["statistics"]["pair"] for _ in range(2)],
              ["full", "late"])
        server.tell("add", "ultimate")
        server.tell("gone", "ok")
        reply = client.receive()
        METAD.check_reply(method, reply)
        equal((reply["parameters"]["statistics"]["pair"], "continues" in reply), ("ultimate", False))


@case
def what_goes_while_it_is_measured():
    method = metad("Statistics")
    with fake() as server, server.connect() as client, server.connect() as other:
        client.send(call(method, {"pair": "ok"}, more=True))
        other.call(metad("Status"))
        server.tell("gone", "ok")
        equal(error(client.receive()), "NoSuchPair")
        for name in ("full", "late"):
            server.tell("gone", name)
        equal(client.call_more(method), [{"parameters": {}}])


@case
def a_verification_plans_what_was_just_seen():
    with fake() as server, server.connect() as client, server.connect() as other:
        equal(error(client.call(metad("Verify"))), "ExpectedMore")
        planned = client.call_more(metad("Plan"))
        client.send(call(metad("Verify"), more=True))
        other.call(metad("Status"))
        server.tell("wait", "zzz")
        server.tell("looked")
        found = [client.receive()]
        while found[-1].get("continues"):
            found.append(client.receive())
        for reply in found:
            METAD.check_reply(metad("Verify"), reply)
        tasks = [r["parameters"]["task"] for r in found]
        equal(tasks[:-1], [r["parameters"]["task"] for r in planned])
        equal(tasks[-1]["pair"], "zzz")
        client.send(call(metad("Verify"), more=True))
        other.call(metad("Status"))
        server.tell("blind")
        reply = client.receive()
        METAD.check_reply(metad("Verify"), reply)
        equal((error(reply), reply["parameters"]), ("CannotLook", {"why": "the test is blind"}))
        # Who goes while it waits, and who wants no answer.
        client.send(call(metad("Verify"), oneway=True), call(metad("Verify"), more=True))
        other.call(metad("Status"))

@case
def a_pair_says_everything():
    with fake() as server, server.connect() as client:
        pair = client.call(metad("Describe"), {"pair": "full"})["parameters"]["pair"]
        summary, (primary, peer) = pair["summary"], pair["ends"]
        equal((summary["state"], summary["kind"], summary["closed"]), ("failed", "veth", False))
        equal(summary["programs"], ["acl", "count"])
        equal(summary["addresses"], ["10.0.0.1/24"])
        equal((pair["file"], pair["line"], pair["nsid"]), ("/etc/a.yaml", 3, 0))
        equal((pair["retryMs"], pair["errorDetail"]), (1500, "0: r0 = 1\n1: exit\n"))
        equal([a["foreign"] for a in primary["addresses"]], [False, True])
        equal(primary["chain"][0]["runs"], 6)
        assert "linkId" not in primary["chain"][1] and "program" not in primary["chain"][1]
        equal(primary["wanted"], ["acl", "count"])
        equal(peer["sysctls"], [{"key": "net.a", "value": "1"}, {"key": "net.b"}])
        equal(peer["name"], "?\x1b[2J")
        late = client.call(metad("Describe"), {"pair": "late"})["parameters"]["pair"]
        equal(late["summary"]["why"], "there is no namespace late")
        assert late["summary"]["closed"] and "ifindex" not in late["ends"][0]


@case
def lists_are_in_order_and_end():
    with fake() as server, server.connect() as client:
        names = [r["parameters"]["pair"]["name"] for r in client.call_more(metad("List"))]
        equal(names, ["full", "late", "ok"])
        tasks = [r["parameters"]["task"] for r in client.call_more(metad("Plan"))]
        equal([(t["pair"], t["verdict"]) for t in tasks], [("full", "change"), ("late", "wait")])
        equal(tasks[0]["steps"][0]["action"], "delete")
        for name in names:
            server.tell("gone", name)
        equal(client.call_more(metad("List")), [{"parameters": {}}])
        equal(client.call_more(metad("Plan")), [{"parameters": {}}])


@case
def what_was_said_a_moment_ago_is_said_again():
    with fake() as server, server.connect() as client, server.connect() as other:
        def describe(who, pair="full"):
            return who.call(metad("Describe"), {"pair": pair})["parameters"]["pair"]

        def runs(pair):
            return pair["ends"][0]["chain"][0]["runs"]
        # The fake counts how often it was asked to look. Of ten in a row one or two are of a new moment.
        found = [runs(describe(who)) for who in (client, other) * 5]
        equal(found, sorted(found))
        assert found[-1] - found[0] < 9, found
        time.sleep(0.03)
        assert runs(describe(client)) > found[-1]
        # Whatever happened meanwhile is in it.
        for i in range(20):
            before = describe(client, "ok")["summary"]["sequence"]
            server.tell("change", "ok")
            equal(describe(other, "ok")["summary"]["sequence"] > before, True)
            server.tell("log", i)
            equal(len(describe(client).get("errorDetail", "")), i)
        server.tell("gone", "ok")
        equal(error(client.call(metad("Describe"), {"pair": "ok"})), "NoSuchPair")


@case
def the_service_describes_itself():
    with fake() as server, server.connect() as client:
        info = client.call(SERVICE + "GetInfo")["parameters"]
        equal(info["interfaces"], ["io.metad", "org.varlink.service", "io.systemd.service",
                                   "org.example.fake"])
        VARLINK.check_reply(SERVICE + "GetInfo", {"parameters": info})
        for name in info["interfaces"]:
            reply = client.call(SERVICE + "GetInterfaceDescription", {"interface": name})
            with open(place(name)) as file:
                equal(reply["parameters"]["description"], file.read())


@case
def it_is_a_service_of_systemds_kind():
    with fake() as server, server.connect() as client:
        def ask(name, *args, **kwargs):
            reply = client.call(SYSTEMD_SERVICE + name, *args, **kwargs)
            SYSTEMD.check_reply(SYSTEMD_SERVICE + name, reply)
            return reply
        equal(ask("Ping"), {"parameters": {}})
        equal(ask("GetLogLevel")["parameters"], {"level": 6})
        equal(ask("SetLogLevel", {"level": 3}), {"parameters": {}})
        equal(ask("GetLogLevel")["parameters"], {"level": 3})
        for level in (-1, 8, 1 << 32, 3.5):
            equal(error(ask("SetLogLevel", {"level": level})), "InvalidParameter")
        equal(ask("GetLogLevel")["parameters"], {"level": 3})
        assert "METAD_TEST=1" in ask("GetEnvironment")["parameters"]["environment"]
        client.send(call(SYSTEMD_SERVICE + "Reload"))
        time.sleep(0.1)
        server.tell("begin")
        server.tell("loaded")
        equal(client.receive(), {"parameters": {}})
    with fake(env={**os.environ, b"METAD_TEST": b"\xff"}) as server, server.connect() as client:
        equal(error(client.call(SYSTEMD_SERVICE + "GetEnvironment")), "InconsistentEnvironment")


@case
def wrong_calls_get_named_errors():
    with fake() as server, server.connect() as client:
        for method, parameters, flags, wanted in [
            ("io.metad.None", None, {}, ("MethodNotFound", {"method": "io.metad.None"})),
            ("io.other.Get", None, {}, ("InterfaceNotFound", {"interface": "io.other"})),
            ("nodot", None, {}, ("InterfaceNotFound", {"interface": ""})),
            (SERVICE + "GetInterfaceDescription", {"interface": "io.other"}, {},
             ("InterfaceNotFound", {"interface": "io.other"})),
            (metad("Describe"), {}, {}, ("InvalidParameter", {"parameter": "pair"})),
            (metad("Describe"), {"pair": 1}, {}, ("InvalidParameter", {"parameter": "pair"})),
            (metad("Describe"), {"pair": "full", "deep": []}, {},
             ("InvalidParameter", {"parameter": "deep"})),
            (metad("Status"), {"pair": "full"}, {}, ("InvalidParameter", {"parameter": "pair"})),
            (metad("Describe"), {"pair": "none"}, {}, ("NoSuchPair", {"pair": "none"})),
            (metad("Describe"), {"pair": "n" * 99}, {}, ("NoSuchPair", {"pair": "n" * 99})),
            (metad("List"), None, {}, ("ExpectedMore", {})),
            (metad("Plan"), None, {}, ("ExpectedMore", {})),
            (metad("Monitor"), None, {}, ("ExpectedMore", {})),
            (metad("Status"), None, {"upgrade": True},
             ("MethodNotImplemented", {"method": metad("Status")})),
        ]:
            reply = client.call(method, parameters, **flags)
            equal((error(reply), reply.get("parameters", {})), wanted)
            assert "continues" not in reply
        for header in ({"more": True}, {"more": False}, {"org.example": {}}):
            assert "parameters" in client.call(metad("Status"), **header)


@case
def what_is_no_varlink_ends_the_connection():
    status = metad("Status")
    for message in [
        b"\0", b"{\0", b"[]\0", b"1\0", b"{}\0", b'{"method": 1}\0', b'{"method": "\xff"}\0',
        b'{"method": "a.B", "method": "a.B"}\0', b'{"method": "a.\\u0000"}\0',
        call(status, more=True, oneway=True), call(status, more=1), call(status, unknown=1),
        {"method": status, "parameters": []},
        b'{"method": "io.metad.Status", "parameters": ' + b"[" * 40 + b"]" * 40 + b"}\0",
        b'{"a": ' * 100000 + b"\0",
    ]:
        with fake() as server:
            with server.connect() as client:
                client.send(message)
                equal(client.receive(), None)
            with server.connect() as client:
                assert "parameters" in client.call(status)


@case
def a_message_has_a_largest_size():
    with fake() as server:
        with server.connect() as client:
            reply = client.call(metad("Describe"), {"pair": "[{" * 400000})
            equal(error(reply), "NoSuchPair")
        with server.connect() as client:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.socket.sendall(b" " * (2 << 20))
            equal(client.receive(), None)


# ---- how it is said ----


@case
def bytes_may_come_one_by_one():
    with fake() as server, server.connect() as client:
        for byte in encode(call(metad("Describe"), {"pair": "ok"})):
            client.socket.sendall(bytes([byte]))
            time.sleep(0.0005)
        equal(client.receive()["parameters"]["pair"]["summary"]["name"], "ok")


@case
def calls_in_a_row_are_answered_in_order():
    with fake() as server, server.connect() as client:
        names = ["full", "late", "none", "ok"] * 300
        client.send(*(call(metad("Describe"), {"pair": name}) for name in names))
        for name in names:
            reply = client.receive()["parameters"]
            equal(reply["pair"] if name == "none" else reply["pair"]["summary"]["name"], name)


@case
def a_list_behind_any_number_of_calls_arrives():
    with fake() as server:
        size = len(encode({"parameters": server.connect().call(
            SERVICE + "GetInterfaceDescription", {"interface": "io.metad"})["parameters"]}))
        for n in range(1, 2 * 65536 // size + 20):
            with server.connect() as client:
                client.send(*[call(SERVICE + "GetInterfaceDescription",
                                   {"interface": "io.metad"})] * n,
                            call(metad("List"), more=True), call(metad("Status")))
                for _ in range(n + 3):
                    assert "parameters" in client.receive()
                assert "settled" in client.receive()["parameters"]


@case
def many_calls_before_any_answer_cost_little():
    with fake() as server:
        before = server.kilobytes()
        with server.connect(patience=1) as client:
            with contextlib.suppress(TimeoutError):
                client.socket.sendall(encode(call(metad("Describe"), {"pair": "full"})) * 200000)
            with server.connect() as other:
                assert "parameters" in other.call(metad("Status"))
            assert server.kilobytes() - before < 4096, server.kilobytes() - before


@case
def a_long_list_read_slowly_costs_little():
    with fake() as server:
        for i in range(6000):
            server.tell("add", f"p{i:05}")
        before = server.kilobytes()
        with server.connect() as client:
            client.send(call(metad("List"), more=True))
            n = 0
            worst = 0
            while client.receive().get("continues"):
                n += 1
                if n % 500 == 0:
                    time.sleep(0.01)
                    worst = max(worst, server.kilobytes() - before)
            equal(n, 6002)
        assert worst < 1024, worst


@case
def large_answers_are_made_one_by_one():
    with fake() as server:
        server.tell("log", 4000000)
        before = server.kilobytes()
        with server.connect() as client:
            names = ["full", "full", "full", "ok"] * 4
            client.send(*(call(metad("Describe"), {"pair": name}) for name in names))
            with server.connect() as other:
                assert "parameters" in other.call(metad("Status"))
            assert server.kilobytes() - before < 20000, server.kilobytes() - before
            for name in names:
                pair = client.receive()["parameters"]["pair"]
                equal(pair["summary"]["name"], name)
                equal(len(pair.get("errorDetail", "")), 4000000 if name == "full" else 0)


@case
def a_plan_that_nobody_wants_any_more_is_dropped():
    with fake() as server:
        for i in range(3000):
            server.tell("wait", f"p{i:05}")
        with server.connect() as client:
            client.send(call(metad("Plan"), more=True))
            assert client.receive()["continues"]
        with server.connect() as client:
            equal(len(client.call_more(metad("Plan"))), 3002)


@case
def a_long_list_keeps_nobody_waiting():
    with fake() as server:
        for i in range(6000):
            server.tell("add", f"p{i:05}")
        begin = time.monotonic()
        with server.connect() as client:
            client.call_more(metad("List"))
        whole = time.monotonic() - begin
        busy = [server.connect() for _ in range(20)]
        for client in busy:
            client.send(*[call(metad("List"), more=True)] * 3)
        worst = 0
        with server.connect() as client:
            for _ in range(50):
                begin = time.monotonic()
                client.call(metad("Describe"), {"pair": "ok"})
                worst = max(worst, time.monotonic() - begin)
        for client in busy:
            client.socket.close()
        print(f"slowest answer beside 20 long lists: {worst * 1000:.1f} ms; one list: {whole * 1000:.1f} ms")
        # Far above what it takes, far below what 60 lists take, on a machine that has much to do, too.
        assert worst < max(0.25, 2 * whole)


@case
def oneway_calls_are_obeyed_without_an_answer():
    with fake() as server, server.connect() as client:
        client.send(call(metad("Nothing"), oneway=True), call(metad("List"), oneway=True),
                    call(metad("Reload"), oneway=True), call(metad("Status")))
        equal(client.receive()["parameters"]["settled"], False)


@case
def a_oneway_call_outlives_its_connection():
    with fake() as server:
        with server.connect() as client:
            client.send(*[call(metad("Nothing"), oneway=True)] * 100,
                        call(metad("Reload"), oneway=True))
        with server.connect() as client:
            time.sleep(0.05)
            equal(client.call(metad("Status"))["parameters"]["settled"], False)


@case
def who_has_finished_sending_still_gets_answers():
    with fake() as server:
        with server.connect() as client:
            client.send(*[call(metad("Describe"), {"pair": "ok"})] * 500,
                        call(metad("List"), more=True))
            client.socket.shutdown(1)
            for _ in range(503):
                assert "parameters" in client.receive()
            equal(client.receive(), None)
        with server.connect() as client:
            client.send(call(metad("Monitor"), more=True))
            client.socket.shutdown(1)
            for _ in range(4):
                client.receive()
            server.tell("change", "ok")
            equal(client.receive()["parameters"]["pair"]["name"], "ok")
            before = server.seconds()
            time.sleep(0.3)
            assert server.seconds() - before < 0.1


# ---- calls that wait ----


def woken(client):
    reply = client.receive()
    EXAMPLE.check_reply(example("Wait"), reply)
    return reply["parameters"]["why"], reply.get("continues", False)


@case
def a_call_waits_for_events():
    with fake() as server, server.connect() as client:
        for event, tell in [("pair", ("change", "ok")), ("pair", ("gone", "late")),
                            ("conflicts", ("conflicts",)), ("loaded", ("loaded",))]:
            with server.connect() as other:
                other.send(call(example("Wait"), {"events": [event]}), call(metad("Status")))
                client.send(call(example("Wait"), {"events": []}))
                time.sleep(0.05)
                server.tell(*tell)
                equal(woken(other), ([event], False))
                assert "settled" in other.receive()["parameters"]
        assert quiet(client)
    with fake() as server, server.connect() as client:
        client.send(call(example("Wait"), {"events": ["pair", "loaded"], "pair": "ok"}, more=True))
        time.sleep(0.05)
        server.tell("change", "late")
        server.tell("conflicts")
        assert quiet(client)
        server.tell("churn", 3000)
        equal(woken(client), (["pair"], True))
        server.tell("loaded")
        equal(woken(client), (["loaded"], True))
        assert quiet(client)


@case
def a_call_has_a_deadline():
    with fake() as server, server.connect() as client, server.connect() as other:
        begin = time.monotonic()
        other.send(call(example("Wait"), {"events": [], "deadlineMs": 150}))
        client.send(call(example("Wait"), {"events": ["pair"], "deadlineMs": 1000}, more=True))
        equal(woken(other), (["deadline"], False))
        assert time.monotonic() - begin > 0.14
        server.tell("change", "ok")
        equal(woken(client), (["pair"], True))
        equal(woken(client), (["deadline"], True))
        assert time.monotonic() - begin > 0.99
        before = server.seconds()
        assert quiet(client, 0.3)
        assert server.seconds() - before < 0.05
        # One that is over leaves none behind.
        other.send(call(example("Wait"), {"events": ["pair"], "deadlineMs": 50}))
        server.tell("change", "ok")
        woken(other)
        assert quiet(other)


@case
def a_call_is_released_once():
    with fake() as server, server.connect() as client:
        def released():
            reply = client.call(example("Released"))["parameters"]
            return reply["n"], reply["abandoned"]
        equal(client.call_more(example("Count"), {"n": 3}),
              [{"parameters": {"i": 1}, "continues": True},
               {"parameters": {"i": 2}, "continues": True}, {"parameters": {"i": 3}}])
        equal(released(), (1, 0))
        client.send(call(example("Wait"), {"events": ["pair"]}))
        time.sleep(0.05)
        server.tell("change", "ok")
        woken(client)
        equal(released(), (2, 0))
        # Nobody wants to know when it is over, so it is.
        client.send(call(example("Wait"), {"events": ["pair"]}, oneway=True),
                    call(example("Count"), {"n": 5}, oneway=True))
        equal(released(), (3, 0))
        for i in range(3):
            with server.connect() as other:
                other.send(call(example("Wait"), {"events": []}))
                time.sleep(0.05)
            server.until(lambda: released() == (4 + i, 1 + i), "released when its caller went away")
        with server.connect() as other:
            other.send(call(example("Count"), {"n": 100000000}, more=True))
            other.receive()
        server.until(lambda: released() == (7, 4), "released when nobody reads any more")


@case
def a_method_that_does_not_answer_ends_the_connection():
    with fake() as server, server.connect() as client:
        client.send(call(example("Forget")))
        equal(client.receive(), None)
    with fake() as server, server.connect() as client:
        client.call(metad("Status"))
        before = server.descriptors()
        client.send(call(example("Forget"), {"loaded": True}))
        time.sleep(0.1)
        server.tell("loaded")
        equal(client.receive(), None)
        server.until(lambda: server.descriptors() == before - 1, "nothing is left of it")


@case
def faults_are_named_by_the_way_to_them():
    with fake() as server, server.connect() as client:
        for parameters, wanted in [
            ({"netns": {"pid": "1"}}, "netns.pid"), ({"netns": {"it": 1}}, "netns.it"),
            ({"deep": [{}, {"path": 7}]}, "deep[1].path"), ({"deep": [None]}, "deep[0]"),
            ({"pair": None}, "pair"), ({"name": "a"}, "name"), ({}, None),
            ({"netns": None, "name": None}, None),
        ]:
            reply = client.call(example("Change"), {"pair": "ok", **parameters})
            equal(reply.get("parameters"), {"parameter": wanted} if wanted else {})


# ---- who may ----


@case
def who_was_refused_is_told_a_few_times():
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryFile("w+") as log, fake(stderr=log) as server:
        def try_it():
            with server.connect() as client:
                for _ in range(200):
                    equal(error(client.call(metad("Reload"))), "PermissionDenied")
                equal(error(client.call(example("Change"), {"pair": "ok"})), "PermissionDenied")
            return 0
        as_nobody(try_it)
        log.seek(0)
        lines = log.read().splitlines()
        equal(len(lines), 5)
        assert all(f"user {NOBODY} (process " in line and "may not call Reload: " in line
                   for line in lines), lines
        as_nobody(lambda: try_another(server), NOBODY - 1)
        log.seek(0)
        line = log.read().splitlines()[-1]
        assert f"user {NOBODY - 1} (process " in line and "ok: " in line, line


def try_another(server):
    with server.connect() as client:
        equal(error(client.call(example("Change"), {"pair": "ok"})), "PermissionDenied")
        # Nobody writes lines of his own into the log.
        equal(error(client.call(example("Change"), {"pair": "a\nb"})), "PermissionDenied")
        equal(error(client.call(example("Change"), {"pair": "ok"})), "PermissionDenied")
    return 0


# ---- file descriptors ----


@case
def descriptors_that_nobody_takes_are_closed():
    with fake() as server:
        server.connect().socket.close()
        before = server.descriptors()
        with server.connect() as client:
            for method, wanted in ((metad("Status"), "InvalidParameter"),
                                   (metad("None"), "MethodNotFound"), ("a.B", "InterfaceNotFound")):
                for n in (1, 16, 17, 200):
                    send_with(client, call(method), n)
                    reply = client.receive()
                    equal(error(reply), wanted)
                    if method == metad("Status"):
                        equal(reply["parameters"], {"parameter": "fileDescriptors"})
            # Only the call that they came with is refused.
            client.send(call(metad("Status")))
            send_with(client, call(metad("Status")), 3)
            client.send(call(metad("Status")), call(metad("Status")))
            equal(["error" in client.receive() for _ in range(4)], [False, True, False, False])
            for _ in range(300):
                send_with(client, call(metad("Status"), oneway=True), 16)
            assert "parameters" in client.call(metad("Status"))
            server.until(lambda: server.descriptors() == before + 1, "all are closed")
            # Half a message, and one that is none.
            send_with(client, b'{"method":', 16)
        with server.connect() as client:
            send_with(client, b"[]\0", 16)
            equal(client.receive(), None)
        # What waits behind a call that is not over is not taken in.
        with server.connect() as client:
            client.send(call(metad("Monitor"), more=True))
            for _ in range(20):
                send_with(client, call(metad("Status")), 16)
            for _ in range(4):
                client.receive()
            server.until(lambda: server.descriptors() == before + 1, "none is taken in")
            time.sleep(0.1)
            equal(server.descriptors(), before + 1)
        server.until(lambda: server.descriptors() == before, "all are closed at the end")


@case
def descriptors_that_are_taken_are_those_that_came():
    with fake() as server, server.connect() as client:
        client.call(metad("Status"))
        before = server.descriptors()
        with open("/dev/null") as null, open("/dev/zero") as zero, open("/proc/self/ns/net") as net:
            fds = [null.fileno(), zero.fileno(), net.fileno()]
            for indexes, wanted in [([0, 1, 2], ["/dev/null", "/dev/zero", os.readlink(f"/proc/self/fd/{fds[2]}")]),
                                    ([1, 1, 3, -1], ["/dev/zero", "none", "none", "none"]), ([], [])]:
                client.send(call(metad("Status")))
                socket.send_fds(client.socket, [encode(call(example("Take"), {"indexes": indexes}))], fds)
                client.send(call(example("Take"), {"indexes": [0]}))
                assert "settled" in client.receive()["parameters"]
                equal(client.receive()["parameters"], {"paths": wanted, "n": 3})
                equal(client.receive()["parameters"], {"paths": ["none"], "n": 0})
            socket.send_fds(client.socket, [encode(call(example("Take"), {"indexes": []}))], fds * 6)
            equal(client.receive()["parameters"], {"parameter": "fileDescriptors"})
        server.until(lambda: server.descriptors() == before, "all are closed")


@case
def descriptors_that_find_no_room_are_refused():
    with fake(files=24) as server, server.connect() as client:
        for _ in range(100):
            send_with(client, call(metad("Status")), 16)
            equal(error(client.receive()), "InvalidParameter")
        assert "parameters" in client.call(metad("Status"))


# ---- Reload ----


@case
def reload_answers_when_the_files_were_read():
    with fake() as server, server.connect() as client, server.connect() as other:
        client.send(call(metad("Reload")))
        assert "parameters" in other.call(metad("Status"))
        server.tell("begin")
        other.send(call(metad("Reload")))
        with server.connect() as third:
            third.send(call(metad("Status")))  # what is known of the files is being made anew
            third.socket.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                assert not third.receive()
            server.tell("loaded")  # what it read is from before the second Reload
            third.socket.settimeout(5)
            equal(third.receive()["parameters"]["settled"], False)
        other.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            assert not other.receive()
        server.tell("begin")
        server.tell("loaded")
        for each in (client, other):
            reply = each.receive()
            METAD.check_reply(metad("Reload"), reply)
            equal(reply["parameters"]["diagnostics"], [
                {"file": "/etc/?.yaml", "line": 1, "column": 2, "text": "unknown key"}])
            assert "parameters" in each.call(metad("Status"))


@case
def only_root_may_change_things():
    if os.geteuid() != 0:
        return
    with fake() as server:
        def try_it():
            with server.connect() as client:
                for method, parameters in [
                    (metad("Reload"), None), (SYSTEMD_SERVICE + "Reload", None),
                    (SYSTEMD_SERVICE + "SetLogLevel", {"level": 7}),
                    (SYSTEMD_SERVICE + "GetEnvironment", None),
                ]:
                    equal(error(client.call(method, parameters)), "PermissionDenied")
                equal(client.call(SYSTEMD_SERVICE + "GetLogLevel")["parameters"], {"level": 6})
                client.send(call(metad("Reload"), oneway=True))
                equal(client.call(metad("Status"))["parameters"]["settled"], True)
            return 0
        as_nobody(try_it)


@case
def one_user_gets_only_so_many_connections():
    if os.geteuid() != 0:
        return
    with fake(files=1000) as server:
        def try_it():
            clients = [server.connect() for _ in range(256)]
            for client in clients:
                assert "parameters" in client.call(metad("Status"))
            with server.connect() as client:
                with contextlib.suppress(BrokenPipeError):
                    client.send(call(metad("Status")))
                equal(client.receive(), None)
            return 0
        as_nobody(try_it)
        with server.connect() as client:
            assert "parameters" in client.call(metad("Status"))


@case
def without_descriptors_it_refuses_and_rests():
    with fake(files=24) as server:
        clients = [server.connect() for _ in range(30)]
        answers = []
        for client in clients:
            with contextlib.suppress(BrokenPipeError):
                client.send(call(metad("Status")))
            answers.append(client.receive())
        assert answers[0] and not answers[-1]
        before = server.seconds()
        time.sleep(0.3)
        assert server.seconds() - before < 0.1
        for client in clients:
            client.socket.close()
        with server.connect() as client:
            assert "parameters" in client.call(metad("Status"))


@case
def a_socket_in_use_is_not_taken():
    with fake() as server, server.connect() as client:
        equal(subprocess.run([FAKE, server.path], stdin=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode, 1)
        assert "parameters" in client.call(metad("Status"))
        with server.connect() as other:
            assert "parameters" in other.call(metad("Status"))


@case
def a_socket_left_behind_is_replaced():
    with tempfile.TemporaryDirectory(prefix="mt") as directory:
        first = Fake(f"{directory}/io.metad")
        first.process.kill()
        first.process.wait()
        assert os.path.exists(first.path)
        second = Fake(first.path)
        with second.connect() as client:
            assert "parameters" in client.call(metad("Status"))
        second.end()
        assert not os.path.exists(first.path)
        for stream in (first.process.stdin, first.process.stdout, second.process.stdout):
            stream.close()


# ---- Monitor ----


class Watcher:
    """Follows a monitor and keeps the names it should know of."""

    def __init__(self, server):
        self.client = server.connect()
        self.client.send(call(metad("Monitor"), more=True))
        self.known, self.last, self.n_resyncs = {}, 0, 0
        self.synced = False
        while not self.synced:
            self.step()

    def step(self):
        reply = self.client.receive()
        METAD.check_reply(metad("Monitor"), reply)
        assert reply["continues"]
        change = reply["parameters"]
        if change.get("resync"):
            self.known, self.synced, self.n_resyncs = {}, False, self.n_resyncs + 1
        elif change.get("synced"):
            self.synced = True
        elif "gone" in change:
            self.known.pop(change["gone"])
        else:
            equal(change["sequence"], change["pair"]["sequence"])
            self.known[change["pair"]["name"]] = change["sequence"]
        return change


@case
def a_monitor_hears_all_then_each_change():
    with fake() as server:
        server.tell("gone", "late")  # what was before is no change
        server.tell("churn", 10000)
        server.tell("add", "late")
        watcher = Watcher(server)
        equal(sorted(watcher.known), ["full", "late", "ok"])
        last = 0
        for words, wanted in [(("change", "ok"), "ok"), (("add", "new"), "new"),
                              (("gone", "late"), None), (("change", "new"), "new")]:
            server.tell(*words)
            change = watcher.step()
            assert change["sequence"] > last
            last = change["sequence"]
            if wanted:
                equal(change["pair"]["name"], wanted)
        equal(sorted(watcher.known), ["full", "new", "ok"])


@case
def a_quiet_monitor_costs_nothing():
    with fake() as server:
        watchers = [Watcher(server) for _ in range(20)]
        watchers[0].client.socket.close()
        before = server.seconds()
        time.sleep(0.5)
        assert server.seconds() - before < 0.05
        server.tell("change", "ok")
        for watcher in watchers[1:]:
            equal(watcher.step()["pair"]["name"], "ok")


@case
def changes_that_come_faster_than_they_are_read_are_joined():
    with fake() as server:
        watcher = Watcher(server)
        server.tell("churn", 3000)
        sequences = [watcher.step()["sequence"] for _ in range(3)]
        server.tell("change", "ok")
        sequences.append(watcher.step()["sequence"])
        equal(sequences, sorted(sequences))
        equal(sequences[-1] - sequences[0], 3)


@case
def who_reads_too_slowly_starts_anew():
    with fake() as server:
        for i in range(3000):
            server.tell("add", f"p{i:05}")
        watcher = Watcher(server)
        before = server.kilobytes()
        for i in range(3000):
            server.tell("gone", f"p{i:05}")
        server.tell("churn", 20000)
        assert server.kilobytes() - before < 1024, server.kilobytes() - before
        server.tell("add", "last")
        while not (watcher.synced and watcher.known.get("last")):
            watcher.step()
        server.tell("change", "ok")
        equal(watcher.step()["pair"]["name"], "ok")
        equal(watcher.n_resyncs, 1)
        equal(sorted(watcher.known), ["full", "last", "late", "ok"])


@case
def what_is_sent_to_a_monitor_waits():
    with fake() as server:
        watcher = Watcher(server)
        watcher.client.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            watcher.client.socket.sendall(encode(call(metad("Status"))) * 50000)
        before = server.seconds()
        time.sleep(0.3)
        assert server.seconds() - before < 0.1
        server.tell("change", "ok")
        equal(watcher.step()["pair"]["name"], "ok")


@case
def a_stuck_monitor_keeps_nobody_waiting():
    with fake() as server:
        stuck = [server.connect() for _ in range(10)]
        for client in stuck:
            client.send(call(metad("Monitor"), more=True))
        watcher = Watcher(server)
        server.tell("churn", 20000)
        with server.connect() as client:
            for _ in range(20):
                begin = time.monotonic()
                client.call(metad("Describe"), {"pair": "ok"})
                # Those that are stuck are so for good.
                assert time.monotonic() - begin < 2
        server.tell("add", "new")
        while "new" not in watcher.known:
            watcher.step()



main()
