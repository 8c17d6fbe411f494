# SPDX-License-Identifier: GPL-2.0-only
"""The tests of a machine: installs metad on the first start, runs all cases on the second. Where there are
packages, all of their steps on the first, up to one that fails.

What is said goes to the serial port, from where tests/vm/system takes it: "ok", "not ok" and "skip"
lines, figures behind "#", and at last "vm-again" or "vm-status N".
"""

import os
import sys
import time
import traceback

import install
import life  # noqa: F401: its cases
import managers  # noqa: F401
import packages
import unit  # noqa: F401
import verbs  # noqa: F401
from machine import Failure, Skip, cases, run, say, systemctl, until_ready

INSTALLED = "/metad-vm/installed"


def wanted():
    with open("/metad-vm/cases") as file:
        return file.read().split()


def journal():
    run("journalctl", "--sync", ok=False)
    text = run("systemctl", "status", "--no-pager", "--lines=0", "metad.service", ok=False).stdout
    text += run("journalctl", "--boot", "--no-pager", "--unit=metad.service",
                "--unit=NetworkManager.service", "--lines=40", "--output=short-monotonic",
                ok=False).stdout
    print("     the journal:")
    print("\n".join(f"     | {line}" for line in text.splitlines()), flush=True)


def recover():
    """What the next case is to find, after one that has failed."""
    systemctl("reset-failed", "metad.service", ok=False)
    systemctl("start", "metad.service", ok=False)
    try:
        until_ready()
    except Failure as error:
        print(f"     {error}", flush=True)


def attempt(fn):
    """Whether it did not fail."""
    began = time.monotonic()
    try:
        fn()
    except Skip as reason:
        print(f"skip {fn.__name__}: {reason}", flush=True)
        return True
    except Exception as error:
        print(f"not ok - {fn.__name__}: {error}")
        if not isinstance(error, Failure):
            traceback.print_exc(file=sys.stdout)
        journal()
        recover()
        return False
    print(f"ok - {fn.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def end(words, verb):
    print(f"\n{words}", flush=True)
    os.sync()
    systemctl("--no-block", verb)


def first_start():
    if attempt(install.installed_and_enabled):
        open(INSTALLED, "w").close()
        end("vm-again", "reboot")
    else:
        end("vm-status 1", "poweroff")


def only_start():
    done = all(attempt(step) for step in packages.steps)
    end(f"vm-status {0 if done else 1}", "poweroff")


def second_start():
    names = wanted()
    chosen = [fn for fn in cases if not names or fn.__name__ in names]
    failed = sum(not attempt(fn) for fn in chosen)
    say(f"{len(chosen)} cases, {failed} failed")
    end(f"vm-status {1 if failed else 0}", "poweroff")


try:
    if os.path.exists(packages.PACKAGES):
        only_start()
    elif os.path.exists(INSTALLED):
        second_start()
    else:
        first_start()
except BaseException:
    traceback.print_exc(file=sys.stdout)
    end("vm-status 1", "poweroff")
