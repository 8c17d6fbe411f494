#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Completion in real shells: bash (with bash-completion and without), zsh and fish, each finding the
script where it would be installed. A metad of the test's own knows two pairs. Arguments: metactl,
io.metad.varlink, the folder of the scripts."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from scripted import Scripted, listed, summary  # noqa: E402
from varlink import Interface  # noqa: E402

METACTL, DESCRIPTION, SCRIPTS = (os.path.abspath(path) for path in sys.argv[1:4])
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
PATIENCE = 20
MARK = "\N{CROSS MARK}"


class Place:
    def __init__(self, top):
        self.top = top
        for path in ("bin", "home", "conf/pairs.d", "data/bash-completion/completions", "zsh",
                     "data/fish/vendor_completions.d", "files"):
            os.makedirs(f"{top}/{path}")
        os.symlink(METACTL, f"{top}/bin/metactl")
        os.symlink(f"{SCRIPTS}/metactl.bash", f"{top}/data/bash-completion/completions/metactl")
        os.symlink(f"{SCRIPTS}/_metactl", f"{top}/zsh/_metactl")
        os.symlink(f"{SCRIPTS}/metactl.fish",
                   f"{top}/data/fish/vendor_completions.d/metactl.fish")
        with open(f"{top}/conf/pairs.d/50-web.yaml", "w") as file:
            file.write("pairs: {db0: {peer: {netns: db}}}\n")
        with open(f"{top}/files/a file.yaml", "w") as file:
            file.write("pairs: {}\n")
        self.environment = {
            "PATH": f"{top}/bin:/usr/bin:/bin", "HOME": f"{top}/home", "TERM": "xterm",
            "LC_ALL": "C.UTF-8", "METAD_SOCKET": f"{top}/io.metad", "XDG_DATA_HOME": f"{top}/data",
            "XDG_CONFIG_HOME": f"{top}/home", "XDG_DATA_DIRS": f"{top}/data:/usr/share"}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                self.environment[name] = value


class Terminal:
    """A shell at a terminal: keys in, what it shows out."""

    def __init__(self, place, command, setup):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        env=place.environment, cwd=f"{place.top}/files",
                                        start_new_session=True)
        os.close(slave)
        self.shown = ""
        self.keys(setup + "\n")
        # The mark is not in the line that is echoed.
        self.keys("printf 'set%s\\n' up-done\n")
        self.until(r"setup-done")

    def keys(self, keys):
        os.write(self.master, keys.encode())

    def until(self, pattern):
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.shown, re.S)):
            left = end - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.shown!r}"
            if select.select([self.master], [], [], left)[0]:
                self.shown += os.read(self.master, 65536).decode(errors="replace")
        return found

    def complete(self, line):
        """The line after TAB, by a key that shows it; and all that was shown until then."""
        self.shown = ""
        self.keys(f"\x15{line}\t\x18d")
        found = self.until(rf"{MARK}<(.*?)>")
        self.keys("\x15")
        return found[1], self.shown

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r}, not {wanted!r}"


def check_terminal(shell, terminal, conf):
    for line, wanted in {
            "metactl stat": "metactl status ",
            "metactl status w": "metactl status web",
            "metactl status web1": "metactl status web1 ",
            "metactl --json=short status web": "metactl --json=short status web",
            "metactl list --no-l": "metactl list --no-legend ",
            "metactl --json=p": "metactl --json=pretty ",
            "metactl list --columns name,st": "metactl list --columns name,state ",
            "metactl list --columns=name,st": "metactl list --columns=name,state ",
            "metactl list --dro": "metactl list --dro",
            "metactl edit --dro": "metactl edit --drop-in ",
            f"metactl --config-dir {conf} edit 50": f"metactl --config-dir {conf} edit 50-web.yaml ",
            f"metactl --config-dir {conf} edit d": f"metactl --config-dir {conf} edit db0 ",
            "metactl check a": r"metactl check a\ file.yaml ",
            "metactl help mon": "metactl help monitor ",
            "metactl monitor x": "metactl monitor x",
            "metactl completion f": "metactl completion fish ",
            "metactl --socket /nonexistent status w": "metactl --socket /nonexistent status w",
    }.items():
        found, shown = terminal.complete(line)
        equal(found, wanted, f"{shell}: {line}: {shown!r}")
    shown = terminal.complete("metactl status web")[1]
    assert "web0" in shown and "web1" in shown, f"{shell} lists no pairs: {shown!r}"
    shown = terminal.complete("metactl edit --")[1]
    for option in ("--drop-in", "--runtime", "--stdin", "--json", "--full"):
        assert option in shown, f"{shell}: no {option} in {shown!r}"
    assert "--columns" not in shown, shown


def bash(place, setup):
    dump = f"""bind -x '"\\C-xd": printf "{MARK}<%s>" "$READLINE_LINE"'"""
    return Terminal(place, ["bash", "--noprofile", "--norc", "-i"],
                    f"{setup}; bind 'set show-all-if-ambiguous on'; "
                    f"bind 'set bell-style none'; {dump}")


def check_bash(place):
    terminal = bash(place, "source <(metactl completion bash)")
    check_terminal("bash", terminal, f"{place.top}/conf")
    terminal.close()
    if not os.path.exists(BASH_COMPLETION):
        return "bash without bash-completion, which is not here"
    terminal = bash(place, f"source {BASH_COMPLETION}")
    check_terminal("bash-completion", terminal, f"{place.top}/conf")
    terminal.close()
    return None


def check_zsh(place):
    dump = f"""dump() {{ printf '{MARK}<%s>' "$BUFFER" }}; zle -N dump; bindkey '^Xd' dump"""
    for found in (f"fpath=({place.top}/zsh $fpath); autoload -U compinit; compinit -u -D",
                  "autoload -U compinit; compinit -u -D; source <(metactl completion zsh)"):
        terminal = Terminal(place, ["zsh", "-f", "-i"],
                            f"unsetopt beep; {found}; {dump}; "
                            "bindkey -e; bindkey '^U' kill-whole-line; "
                            "bindkey '^Xd' dump; LISTMAX=1000")
        check_terminal("zsh", terminal, f"{place.top}/conf")
        shown = terminal.complete("metactl sta")[1]
        terminal.close()
        assert "status" in shown


def check_fish(place):
    """fish says itself what it would offer."""
    def offered(line):
        done = subprocess.run(["fish", "-c", "complete -C $argv[1]", line], capture_output=True,
                              text=True, env=place.environment, cwd=f"{place.top}/files",
                              timeout=PATIENCE, stdin=subprocess.DEVNULL)
        assert done.returncode == 0 and not done.stderr, (line, done)
        return dict((text + "\t").split("\t")[:2] for text in done.stdout.splitlines())

    conf = f"{place.top}/conf"
    assert offered("metactl stat") == {"status": "how all pairs are, or all about one"}, \
        offered("metactl stat")
    for line, wanted in {
            "metactl status ": ["web0", "web1"],
            "metactl status web1": ["web1"],
            "metactl --json=p": ["--json=pretty"],
            "metactl list --columns name,st": ["name,state"],
            "metactl list --columns=name,st": ["--columns=name,state"],
            "metactl list --dro": [],
            "metactl edit --dro": ["--drop-in"],
            f"metactl --config-dir {conf} edit ": ["50-web.yaml", "db0"],
            "metactl help mon": ["monitor"],
            "metactl --socket /nonexistent status ": [],
            "metactl monitor ": [],
    }.items():
        equal(sorted(offered(line)), wanted, f"fish: {line}")
    equal([name.replace("\\", "") for name in offered("metactl check a")], ["a file.yaml"],
          "fish: files")
    assert "--stdin" not in offered("metactl edit --stdin --")


def main():
    tried, skipped = [], []
    with tempfile.TemporaryDirectory(prefix="mt") as top:
        place = Place(top)
        with open(DESCRIPTION) as file:
            metad = Scripted(METACTL, Interface(file.read()),
                             lambda _: listed([summary("web0"), summary("web1")]))
        os.symlink(metad.path, f"{top}/io.metad")
        for shell, check in {"bash": check_bash, "zsh": check_zsh, "fish": check_fish}.items():
            if not shutil.which(shell):
                skipped.append(f"there is no {shell} here")
                continue
            reason = check(place)
            skipped += [reason] if reason else []
            tried.append(shell)
    for reason in skipped:
        print(f"# skipped: {reason}")
    print(f"tried: {', '.join(tried)}")
    sys.exit(0 if tried else 77)


main()
