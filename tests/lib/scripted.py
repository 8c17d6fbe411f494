# SPDX-License-Identifier: GPL-2.0-only
"""A metad that says what a test wants: for what metactl makes of it. What it says has the types of the
interface; the real one is in tests/netns."""
import json
import os
import socket
import subprocess
import tempfile
import threading

from varlink import encode


def summary(name, netns="web", **more):
    """A pair in short."""
    found = {"name": name, "state": "ready", "kind": "netkit", "closed": False, "declared": True,
             "netns": netns, "peer": "eth0", "addresses": [], "programs": [], "repairs": 0,
             "failures": 0, "sequence": 1, **more}
    return {key: value for key, value in found.items() if value is not None}


class Scripted:
    """answer(call) gives the replies to one: objects with parameters, or an error."""

    def __init__(self, metactl, interface, answer):
        self.metactl, self.interface, self.answer = metactl, interface, answer
        self.dir = tempfile.TemporaryDirectory(prefix="mt")
        self.path = f"{self.dir.name}/io.metad"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.listener.accept()[0]
            threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client:
            buffer = b""
            while data := client.recv(65536):
                *calls, buffer = (buffer + data).split(b"\0")
                for call in map(json.loads, calls):
                    replies = self.answer(call)
                    for i, reply in enumerate(replies):
                        self.interface.check_reply(call["method"], reply)
                        more = i + 1 < len(replies)
                        client.sendall(encode({**reply, "continues": True} if more else reply))

    def ctl(self, *arguments, code=0, environment=None):
        """Standard output; both, where it is to fail."""
        done = subprocess.run([self.metactl, "--socket", self.path, *arguments], text=True,
                              capture_output=True, timeout=60,
                              env={**os.environ, **(environment or {})})
        assert done.returncode == code, (arguments, done)
        return done.stdout if code == 0 else done.stdout + done.stderr


def listed(summaries):
    """What List replies."""
    return [{"parameters": {"pair": pair}} for pair in summaries] or [{"parameters": {}}]
