#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""test_install.py SOURCE BUILD MANIFEST: configures the tree in BUILD for one prefix after another,
installs it below a directory (DESTDIR), and holds what is there against the manifest. Then the tree is
moved elsewhere, where it has to work."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

SOURCE, BUILD, MANIFEST = map(os.path.abspath, sys.argv[1:])
STAGE = f"{BUILD}.stage"
PREFIXES = ("/usr", "/usr/local", "/opt/metad")
PROGRAM = """
#include <linux/bpf.h>
#include <packet.h>
#include "if_meta.h"
SEC("tcx/egress") int own(struct __sk_buff *skb)
{
	struct packet packet;
	return packet_read(skb, &packet) == PACKET_IPV4 ? VERDICT_NEXT : META_DROP;
}
char _license[] SEC("license") = "GPL";
"""


def run(*args, **kwargs):
    done = subprocess.run(args, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
    if done.returncode:
        sys.exit(f"FAIL: {' '.join(args)}: {done.returncode}\n{done.stdout}")
    return done.stdout


def check(condition, words):
    if not condition:
        sys.exit(f"FAIL: {words}")


def configure(prefix):
    options = [f"--prefix={prefix}", "--buildtype=plain", "-Dwerror=true", "-Dman=enabled"]
    again = ["--reconfigure"] if os.path.exists(f"{BUILD}/build.ninja") else []
    run("meson", "setup", *again, *options, BUILD, SOURCE)
    targets = json.loads(run("meson", "introspect", "--targets", BUILD))
    run("ninja", "-C", BUILD, *(os.path.relpath(name, BUILD) for target in targets
                                if target["installed"] for name in target["filename"]))


def option(name):
    return next(o["value"] for o in json.loads(run("meson", "introspect", "--buildoptions", BUILD))
                if o["name"] == name)


def install():
    shutil.rmtree(STAGE, ignore_errors=True)
    run("meson", "install", "-C", BUILD, "--no-rebuild", env={**os.environ, "DESTDIR": STAGE})
    return sorted(f"{os.lstat(path).st_mode & 0o7777:o} {path[len(STAGE):]}"
                  for path in (os.path.join(dir, name) for dir, _, names in os.walk(STAGE) for name in names))


def manifest(prefix):
    """What has to be there. The plugin goes where the system's ip looks, unless told otherwise."""
    words = {"IP": "/usr" if prefix == "/usr/local" else prefix, "PREFIX": prefix,
             "LIBDIR": option("libdir"), "ZSHDIR": f"{prefix}/share/zsh/" + (
                 "vendor-completions" if prefix == "/usr" else "site-functions")}
    version = int(run("pkg-config", "--modversion", "libsystemd").split(".")[0].split("~")[0])
    lines = []
    for line in open(MANIFEST):
        found = re.fullmatch(r"(\d+ \S+)(?: since systemd (\d+))?", line.strip())
        if found and version >= int(found[2] or 0):
            lines.append(re.sub("|".join(words), lambda m: words[m[0]], found[1]))
        else:
            check(found or line.startswith("#") or not line.strip(), f"{MANIFEST}: {line}")
    return sorted(lines)


def compare(got, wanted, prefix):
    for name in sorted(set(got) ^ set(wanted)):
        print(f"{prefix}: {'not in the manifest' if name in got else 'is missing'}: {name}")
    check(got == wanted, f"prefix {prefix} does not have what {MANIFEST} says")


def units_name_what_is_there(prefix):
    units = glob.glob(f"{STAGE}{prefix}/lib/systemd/system/*")
    text = "\n".join(open(unit).read() for unit in units if os.path.isfile(unit))
    named = re.findall(rf"(?<=[=:]){prefix}/.*", text)
    pages = re.findall(r"man:(\S+)\((\d)\)", text)
    check(pages, "units name no manual page")
    named += [f"{prefix}/share/man/man{section}/{name}.{section}" for name, section in pages]
    check(len(named) >= 4, f"units name only {named}")
    for words in named:
        path = words.split()[0]
        check(os.path.exists(STAGE + path), f"a unit names {path}, which is not there")


def places_are_the_systems(got):
    """With prefix /usr, all is where this system's own packages say that it looks."""
    for package, variable in (("systemd", "systemdsystemunitdir"), ("systemd", "sysusersdir"),
                              ("systemd", "tmpfilesdir"), ("udev", "udevdir"),
                              ("bash-completion", "completionsdir"), ("fish", "completionsdir")):
        asked = subprocess.run(["pkg-config", f"--variable={variable}", package], text=True,
                               capture_output=True, check=False)
        place = asked.stdout.strip()
        if not place:
            print(f"# not compared with the system's {variable}: {package}.pc is not installed")
            continue
        # In Debian 12 the variables say /lib, which is /usr/lib.
        place = re.sub("^/lib/", "/usr/lib/", place)
        check(any(f" {place}/" in line for line in got), f"nothing is in {place}, {package}'s {variable}")


def works_when_moved(prefix):
    moved = f"{STAGE}.moved"
    shutil.rmtree(moved, ignore_errors=True)
    shutil.move(STAGE + prefix, moved)
    shutil.rmtree(STAGE)
    version = re.search(r"version: '(.*)'", open(f"{SOURCE}/meson.build").read())[1]
    said = run(f"{moved}/sbin/metad", "--version")
    check(version in said, f"metad --version says {said}, not {version}")
    examples = sorted(glob.glob(f"{moved}/share/doc/metad/examples/*.yaml"))
    check(examples, "there are no examples")
    run(f"{moved}/bin/metactl", "check", *examples)
    broken = f"{moved}/broken.yaml"
    with open(broken, "w") as file:
        file.write("pairs: {web0: {mtuu: 1}}\n")
    done = subprocess.run([f"{moved}/bin/metactl", "check", broken], capture_output=True, text=True, check=False)
    check(done.returncode == 1 and "mtuu" in done.stdout + done.stderr, f"metactl check: {done}")
    done = subprocess.run([f"{moved}/bin/metactl", "doctor", "--json"], capture_output=True, text=True, check=False)
    found = {finding["about"]: finding["what"] for finding in json.loads(done.stdout)}
    check(f"{moved}/lib/metad/bpf" in found["programs"], f"metactl doctor: {found['programs']}")
    multiarch = run("gcc", "-print-multiarch").strip()
    run("clang", "-target", "bpf", "-g", "-O2", "-Wall", "-Werror", f"-I/usr/include/{multiarch}",
        f"-I{moved}/include/metad", f"-I{moved}/include/metad/bpf", "-xc", "-", "-c", "-o", "/dev/null",
        input=PROGRAM)
    shutil.rmtree(moved)


for prefix in PREFIXES:
    configure(prefix)
    got = install()
    compare(got, manifest(prefix), prefix)
    units_name_what_is_there(prefix)
    if prefix == "/usr":
        places_are_the_systems(got)
    works_when_moved(prefix)
print(f"{len(got)} files, prefixes {', '.join(PREFIXES)}")
