# SPDX-License-Identifier: GPL-2.0-only
"""fake_metad for tests of the socket, every case gets one of its own; and clients of all sorts.
Arguments of a test: fake_metad, io.metad.varlink, names of cases (all)."""
import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from varlink import Connection, Interface, call, encode  # noqa: E402

FAKE, DESCRIPTION = sys.argv[1:3]
# The machine's own bus is nobody to ask here; tests/netns/test_polkit.py brings one.
os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
SERVICE = "org.varlink.service."
SYSTEMD_SERVICE = "io.systemd.service."
NOBODY = 65534
with open(FAKE, "rb") as file:
    SANITIZED = b"__asan_init" in file.read()  # keeps what was freed: its memory says nothing
CASES = []


def place(name):
    """Of the description of an interface; the fake's own is beside this file."""
    directory = os.path.dirname(__file__ if name == "org.example.fake" else DESCRIPTION)
    return f"{directory}/{name}.varlink"


def interface(name):
    with open(place(name)) as file:
        return Interface(file.read())


METAD, VARLINK, SYSTEMD, EXAMPLE = map(
    interface, ("io.metad", "org.varlink.service", "io.systemd.service", "org.example.fake"))


def case(function):
    CASES.append(function)
    return function


def equal(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"


class Fake:
    def __init__(self, path, files=256, env=None, stderr=None):
        self.path = path
        self.process = subprocess.Popen(
            [FAKE, path], env=env or {**os.environ, "METAD_TEST": "1"}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=stderr, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        equal(self.process.stdout.readline(), "ok\n")

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), "ok\n")

    def connect(self, **kwargs):
        return Connection(self.path, **kwargs)

    def seconds(self):
        """Processor time used so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @staticmethod
    def until(condition, what):
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.01)

    def kilobytes(self):
        if SANITIZED:
            return 0
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(timeout=30), 0)


@contextlib.contextmanager
def fake(**kwargs):
    with tempfile.TemporaryDirectory(prefix="mt") as directory:
        os.chmod(directory, 0o755)
        server = Fake(f"{directory}/io.metad", **kwargs)
        try:
            yield server
            server.end()
        finally:
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()


def metad(name):
    return "io.metad." + name


def example(name):
    return "org.example.fake." + name


def error(message):
    return message["error"].rsplit(".", 1)[1]


def quiet(client, seconds=0.1):
    """Nothing comes for a while."""
    client.socket.settimeout(seconds)
    try:
        message = client.receive()
    except TimeoutError:
        client.socket.settimeout(10)
        return True
    raise AssertionError(f"{message} was not to come")


def send_with(client, message, n):
    """The message, and n descriptors with its first byte."""
    with open("/dev/null") as null:
        socket.send_fds(client.socket, [encode(message)], [null.fileno()] * n)


def as_nobody(function, uid=NOBODY):
    """Runs function as an ordinary user; its result is an exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(uid)
            os.setuid(uid)
            code = function()
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)


def main():
    wanted = sys.argv[3:]
    for function in CASES:
        if wanted and function.__name__ not in wanted:
            continue
        begin = time.monotonic()
        function()
        print(f"{function.__name__}: {time.monotonic() - begin:.2f} s", flush=True)
