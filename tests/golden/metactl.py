#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What metactl prints, to the byte. Arguments: metactl, io.metad.varlink, the folder of cases, and
perhaps --update, which writes down what is printed now.

A case is NAME.json: arguments; what metad replies to a method, one message after the other, each of
the type that the interface says; columns of the terminal; "terminal": standard output is one;
"environment". In replies FOLDER stands for the folder of cases. NAME.txt is what a person sees."""
import fcntl
import glob
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from varlink import Interface, encode  # noqa: E402

METACTL, DESCRIPTION, FOLDER = (os.path.abspath(path) for path in sys.argv[1:4])
with open(DESCRIPTION) as file:
    METAD = Interface(file.read())


def answer(client, replies):
    """Serves one connection; a method without replies is where metad hangs up."""
    with client:
        buffer = b""
        while True:
            while b"\0" not in buffer:
                data = client.recv(65536)
                if not data:
                    return
                buffer += data
            message, buffer = buffer.split(b"\0", 1)
            call = json.loads(message)
            name = call["method"].rsplit(".", 1)[1]
            METAD.check(METAD.methods[call["method"]][0], call.get("parameters", {}), name)
            for i, reply in enumerate(replies.get(name, [])):
                if isinstance(reply, str):
                    client.sendall(reply.encode())
                    continue
                METAD.check_reply(call["method"], reply)
                more = name == "Monitor" or i + 1 < len(replies[name])
                client.sendall(encode({**reply, "continues": True} if more else reply))
            if name not in replies or name == "Monitor":
                return


def serve(listener, replies, faults):
    try:
        while True:
            answer(listener.accept()[0], replies)
    except (OSError, BrokenPipeError):
        pass  # the case is over
    except Exception as fault:  # noqa: BLE001: of the case itself
        faults.append(fault)
        listener.close()


def read_terminal(master):
    output = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            return output.replace(b"\r\n", b"\n")
        if not data:
            return output
        output += data


def run(case, path):
    """Exit code, standard output, standard error."""
    columns = case.get("columns")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm",
                   "METACTL_PAGER": "", **case.get("environment", {})}
    for name, value in os.environ.items():
        if name.endswith("SAN_OPTIONS"):
            environment[name] = value
    arguments = [METACTL, "--socket", path, *case["arguments"]]
    if not case.get("terminal"):
        done = subprocess.run(arguments, capture_output=True, env=environment, timeout=60,
                              cwd=FOLDER)
        return done.returncode, done.stdout, done.stderr
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns or 80, 0, 0))
    with subprocess.Popen(arguments, stdout=slave, stderr=subprocess.PIPE, env=environment,
                          cwd=FOLDER) as process:
        os.close(slave)
        output = read_terminal(master)
        error = process.stderr.read()
    os.close(master)
    return process.returncode, output, error


def transcript(case):
    with tempfile.TemporaryDirectory(prefix="mt") as directory:
        path, faults, thread = f"{directory}/io.metad", [], None
        with socket.socket(socket.AF_UNIX) as listener:
            if "replies" in case:
                listener.bind(path)
                listener.listen()
                thread = threading.Thread(target=serve, daemon=True,
                                          args=(listener, case["replies"], faults))
                thread.start()
            code, output, error = run(case, path)
            if thread:
                # Else it might accept for the next case, whose socket gets the same number.
                listener.shutdown(socket.SHUT_RDWR)
                thread.join()
        if faults:
            raise faults[0]
    text = output.decode() + "".join(f"stderr: {line}\n" for line in error.decode().splitlines())
    text = text.replace(path, "SOCKET").replace(FOLDER, "FOLDER").replace("\x1b", "\\e")
    text = re.sub(r"^\d\d:\d\d:\d\d ", "HH:MM:SS ", text, flags=re.M)
    return f"$ metactl {' '.join(case['arguments'])}\n{text}exit {code}\n"


def tells_of_lost_output():
    with open("/dev/full", "w") as full:
        done = subprocess.run([METACTL, "--json=short", "help"], stdout=full, stderr=subprocess.PIPE,
                              timeout=60)
    told = done.returncode == 1 and b"not all of the output could be written" in done.stderr
    if not told:
        print(f"output that is lost: {done.stderr}, exit {done.returncode}")
    return told


def main():
    update, n_different = "--update" in sys.argv[4:], 0
    cases = sorted(glob.glob(f"{FOLDER}/*.json"))
    for path in cases:
        with open(path) as file:
            found = transcript(json.loads(file.read().replace("FOLDER", FOLDER)))
        golden = path.removesuffix(".json") + ".txt"
        if update:
            with open(golden, "w") as file:
                file.write(found)
            continue
        wanted = ""
        if os.path.exists(golden):
            with open(golden) as file:
                wanted = file.read()
        if found != wanted:
            n_different += 1
            print(f"--- {golden}\n{wanted}+++ now\n{found}")
    print(f"{len(cases)} cases, {n_different} different")
    n_different += 0 if tells_of_lost_output() else 1
    sys.exit(1 if n_different or not cases else 0)


main()
