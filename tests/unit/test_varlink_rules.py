#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the varlink specification (UAPI.20) says of bytes and messages, rule by rule, in bytes that no
library would send; and what is held to within limits. Arguments: see fake.py."""
import contextlib
import itertools
import json
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))
from fake import (METAD, SANITIZED, SERVICE, as_nobody, call, case, encode, equal,  # noqa: E402
                  error, example, fake, main, metad, send_with)

STATUS = metad("Status")
WAITS = [call(example("Wait"), {"events": ["pair"]}), call(metad("Reload")),
         call(metad("Monitor")), call(example("Count"), {"n": 3})]
ERRORS = [call(metad("None")), call("io.other.Get"), call("nodot"), call(metad("Describe")),
          call(metad("Describe"), {"pair": "none"}), call(metad("Describe"), {"pair": 7}),
          call(STATUS, {"unknown": 1}), call(SERVICE + "GetInterfaceDescription", {"interface": "x"}),
          call(example("Take"), {"indexes": ["a"]})]


def raw(text):
    return text.encode() + b"\0"


def ends(server, *messages):
    """Whether the connection ends, without any answer, and nobody else is concerned."""
    with server.connect() as other, server.connect() as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.send(*messages)
        message = client.receive()
        assert "parameters" in other.call(STATUS)
    assert message is None or "parameters" in message or "error" in message, message
    return message is None


# ---- flags ----


@case
def oneway_has_no_reply():
    with fake() as server, server.connect() as client:
        for message in [call(STATUS), call(metad("Describe"), {"pair": "ok"}), *ERRORS, *WAITS]:
            client.send({**message, "oneway": True}, call(STATUS))
            equal(sorted(client.receive()["parameters"])[0], "diagnostics")
        send_with(client, call(STATUS, oneway=True), 3)
        assert "settled" in client.call(STATUS)["parameters"]


@case
def oneway_has_no_reply_when_it_is_not_allowed():
    if os.geteuid() != 0:
        return
    with fake() as server:
        def try_it():
            with server.connect() as client:
                for message in [call(metad("Reload")), call(example("Change"), {"pair": "ok"})]:
                    client.send({**message, "oneway": True}, call(STATUS))
                    # Had it been obeyed, files would be due to be read.
                    equal(client.receive()["parameters"]["settled"], True)
            return 0
        as_nobody(try_it)


@case
def only_more_gets_more_than_one():
    with fake() as server, server.connect() as client:
        for method in ("List", "Plan", "Monitor"):
            for flags in ({}, {"more": False}):
                reply = client.call(metad(method), **flags)
                equal((error(reply), "continues" in reply), ("ExpectedMore", False))
        # With nothing more to come more is no harm.
        for method, parameters in ((STATUS, None), (metad("Describe"), {"pair": "ok"})):
            reply = client.call(method, parameters, more=True)
            assert "parameters" in reply and "continues" not in reply
        replies = client.call_more(metad("List"))
        equal([r.get("continues") for r in replies], [True] * (len(replies) - 1) + [None])


@case
def an_error_never_continues():
    with fake() as server, server.connect() as client:
        for message in ERRORS:
            reply = client.call(**{"method": message["method"], "more": True,
                                   "parameters": message.get("parameters")})
            assert "error" in reply and "continues" not in reply, reply
        reply = client.call(metad("List"), {"unknown": 1}, more=True)
        assert error(reply) == "InvalidParameter" and "continues" not in reply, reply


@case
def flags_exclude_each_other():
    flags = ("oneway", "more", "upgrade")
    with fake() as server:
        for both in itertools.combinations(flags, 2):
            assert ends(server, call(STATUS, **{flag: True for flag in both})), both
        assert ends(server, call(STATUS, **{flag: True for flag in flags}))
        for flag in flags:
            assert not ends(server, call(STATUS, **{f: f == flag and flag != "oneway" for f in flags}))
            for value in (1, "true", [], {}, None):
                assert ends(server, call(STATUS, **{flag: value})), (flag, value)


@case
def upgrade_is_refused():
    with fake() as server, server.connect() as client:
        for method, wanted in ((STATUS, "MethodNotImplemented"), (metad("List"), "MethodNotImplemented"),
                               (metad("None"), "MethodNotFound"), ("a.B", "InterfaceNotFound")):
            equal(error(client.call(method, upgrade=True)), wanted)
        # What follows is varlink still.
        assert "settled" in client.call(STATUS)["parameters"]


# ---- messages ----


@case
def members_that_nobody_knows():
    with fake() as server, server.connect() as client:
        for key in ("unknown", "Method", "", "reply", "continues", "error", "id"):
            assert ends(server, call(STATUS, **{key: True})), key
        for key in ("org.example", "a.b", "systemd.anything"):
            for value in ({}, None, [1, {"deep": True}], "text"):
                assert "settled" in client.call(STATUS, **{key: value})["parameters"]


@case
def no_parameters_may_be_said_in_three_ways():
    with fake() as server, server.connect() as client:
        for text in ('{"method": "%s"}', '{"method": "%s", "parameters": null}',
                     '{"method": "%s", "parameters": {}}', '{"parameters": {}, "method": "%s"}'):
            for method, wanted in ((STATUS, None), (metad("Describe"), "InvalidParameter")):
                client.send(raw(text % method))
                reply = client.receive()
                equal(error(reply) if "error" in reply else None, wanted)
        for value in ("[]", "1", '"a"', "true", "[{}]"):
            assert ends(server, raw('{"method": "%s", "parameters": %s}' % (STATUS, value))), value
        for key, value in (("pair", None), ("unknown", None)):
            reply = client.call(metad("Describe"), {"pair": "ok", key: value})
            equal("error" in reply, key == "pair")


@case
def what_is_no_message_ends_the_connection():
    good = json.dumps(call(STATUS))
    with fake() as server:
        for text in ("", " ", "x", "null", "1", '"a"', "[]", f"[{good}]", "{}", '{"method": null}',
                     '{"method": 1}', '{"method": ["a.B"]}', good + "x", good + good, good[:-1],
                     "\ufeff" + good, good.replace('"', "'"), '{"method": "a.B", "method": "a.B"}',
                     '{"method": "a.B", "parameters": {"a": 1, "a": 2}}', '{"method": "a.B",}',
                     '{"method": "a.\\u0000B"}', '{"method": "a.\\ud800"}', '{"error": "a.B"}',
                     '{"parameters": {}}', '{"method": "a.B", "parameters": {"a": 1e999}}',
                     '{"method": "a.B", "parameters": {"a": 9223372036854775808}}'):
            assert ends(server, raw(text)), text
        for data in (b'{"method": "\xff"}\0', b'{"method": "\xc0\x80"}\0', b"\x01\0", b"\0" * 100,
                     b"GET / HTTP/1.1\r\n\r\n\0"):
            assert ends(server, data), data
        # Blanks are JSON's, around and within.
        for text in (" " + good, good + "\n", good.replace(":", "\t:\r\n")):
            assert not ends(server, raw(text)), text


@case
def names_that_could_be_anything():
    with fake() as server, server.connect() as client:
        for name in (".", "..", "a.", ".B", "io.metad.", "io.metad", "io.metad.Status.", "io.metad.status",
                     "IO.METAD.Status", "io.metad.Status\n", "\U0001f600.A", "a" * 100000 + ".B"):
            reply = client.call(name)
            assert error(reply) in ("MethodNotFound", "InterfaceNotFound"), reply
        for key in ("", "a.b", "pair\n", "\U0001f600", "k" * 100000):
            equal(client.call(metad("Describe"), {"pair": "ok", key: 1})["parameters"], {"parameter": key})


# ---- order ----


@case
def replies_keep_the_order_of_calls():
    with fake() as server, server.connect() as client:
        messages, wanted = [], []
        for i in range(200):
            sort = i % 5
            if sort == 0:
                messages.append(call(example("Count"), {"n": 3}, more=True))
                wanted += [{"i": 1}, {"i": 2}, {"i": 3}]
            elif sort == 1:
                messages.append(call(metad("None") + str(i)))
                wanted.append({"method": metad("None") + str(i)})
            elif sort == 2:
                messages.append(call(STATUS, oneway=True))
            elif sort == 3:
                messages.append(call(metad("Describe"), {"pair": f"p{i}"}))
                wanted.append({"pair": f"p{i}"})
            else:
                messages.append(call(example("Wait"), {"events": [], "deadlineMs": 1}))
                wanted.append({"why": ["deadline"]})
        data = b"".join(map(encode, messages))
        for size in (len(data), 1000, 17):
            for at in range(0, len(data), size):
                client.socket.sendall(data[at:at + size])
            for each in wanted:
                equal(client.receive()["parameters"], each)


# ---- limits ----


@case
def a_message_may_have_so_many_bytes():
    size = 1 << 20  # with its NUL
    with fake() as server:
        text = json.dumps(call(STATUS))
        with server.connect() as client:
            for _ in range(3):
                client.send(raw(text + " " * (size - len(text) - 1)))
                assert "settled" in client.receive()["parameters"]
        assert ends(server, raw(text + " " * (size - len(text))))
        assert ends(server, b"\x20" * (2 * size))


@case
def a_message_may_be_so_deep():
    with fake() as server:
        for n, good in ((30, True), (31, False), (1000, False), (100000, False)):
            for opening, closing in (("[", "]"), ('{"a":', "}")):
                value = opening * n + ("" if opening == "[" else "1") + closing * n
                equal(ends(server, raw('{"method": "%s", "parameters": {"a": %s}}' % (STATUS, value))),
                      not good)


@case
def a_message_may_have_so_many_values():
    with fake() as server:
        for n, good in ((60000, True), (70000, False)):
            equal(ends(server, call(STATUS, {"a": [1] * n})), not good)


@case
def all_users_together_have_so_many_connections():
    with fake(files=1200) as server:
        clients = [server.connect() for _ in range(1024)]
        for client in clients[::100]:
            assert "parameters" in client.call(STATUS)
        with server.connect() as client:
            with contextlib.suppress(BrokenPipeError):
                client.send(call(STATUS))
            equal(client.receive(), None)
        before = server.descriptors()
        clients.pop().socket.close()
        server.until(lambda: server.descriptors() == before - 1, "there is room again")
        with server.connect() as client:
            assert "parameters" in client.call(STATUS)
        for client in clients:
            client.socket.close()


@case
def what_a_user_has_on_its_way_is_bounded():
    if os.geteuid() != 0 or SANITIZED:
        return
    with fake(files=1200) as server:
        server.tell("log", 4000000)
        before = server.kilobytes()

        def begin_long_messages():
            clients = [server.connect() for _ in range(200)]
            for client in clients:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    client.socket.sendall(b" " * 1000000)
            time.sleep(0.2)
            assert server.kilobytes() - before < 80000, server.kilobytes() - before
            alive = sum(is_open(client) for client in clients)
            assert 5 < alive < 100, alive
            return 0

        def leave_long_answers():
            clients = [server.connect() for _ in range(100)]
            for client in clients:
                client.send(call(metad("Describe"), {"pair": "full"}))
            time.sleep(0.5)
            # What is kept, what is being written, and what the allocator has not given back: of 400 MB.
            assert server.kilobytes() - before < 200000, server.kilobytes() - before
            # Who has little on its way is not concerned.
            with server.connect() as client:
                assert "settled" in client.call(STATUS)["parameters"]
            return 0
        as_nobody(begin_long_messages)
        as_nobody(leave_long_answers)
        with server.connect() as client:
            assert "settled" in client.call(STATUS)["parameters"]


def is_open(client):
    client.socket.setblocking(False)
    try:
        return client.socket.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


@case
def one_call_at_a_time_is_under_way():
    with fake() as server:
        before = server.kilobytes()
        with server.connect(patience=1) as client:
            client.send(call(example("Wait"), {"events": ["conflicts"]}))
            sent = 0
            with contextlib.suppress(TimeoutError):
                for _ in range(2000):
                    client.socket.sendall(encode(call(example("Wait"), {"events": []})) * 100)
                    sent += 100
            assert sent < 50000
            assert server.kilobytes() - before < 1024, server.kilobytes() - before
            spent = server.seconds()
            time.sleep(0.2)
            assert server.seconds() - spent < 0.1


# ---- who is slow ----


@case
def a_stuck_monitor_delays_nobody():
    with fake() as server:
        for i in range(3000):
            server.tell("add", f"p{i:05}")
        quick = []
        with server.connect() as client:
            for _ in range(200):
                begin = time.monotonic()
                client.call(metad("Describe"), {"pair": "ok"})
                quick.append(time.monotonic() - begin)
        stuck = [server.connect() for _ in range(100)]
        for client in stuck:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.send(call(metad("Monitor"), more=True))
        time.sleep(0.5)
        before = server.kilobytes()
        slow = []
        with server.connect() as client:
            for i in range(200):
                if i % 20 == 0:
                    server.tell("churn", 1000)
                begin = time.monotonic()
                client.call(metad("Describe"), {"pair": "ok"})
                slow.append(time.monotonic() - begin)
        quick.sort()
        slow.sort()
        print(f"Describe: {quick[100] * 1e6:.0f} us, worst {quick[-1] * 1e3:.1f} ms; beside 100 stuck "
              f"monitors {slow[100] * 1e6:.0f} us, worst {slow[-1] * 1e3:.1f} ms")
        assert slow[100] < 10 * quick[100] + 0.005 and slow[-1] < 2
        assert server.kilobytes() - before < 2048, server.kilobytes() - before
        spent = server.seconds()
        time.sleep(0.3)
        assert server.seconds() - spent < 0.1
        # Whoever goes on reading is told everything anew.
        client = stuck[0]
        seen, known = [], set()
        while "synced" not in seen:
            reply = client.receive()
            METAD.check_reply(metad("Monitor"), reply)
            change = reply["parameters"]
            seen += [mark for mark in ("resync", "synced") if change.get(mark)]
            if change.get("resync"):
                known = set()
            if "pair" in change:
                known.add(change["pair"]["name"])
        equal(len(known), 3003)


main()
