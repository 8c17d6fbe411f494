# SPDX-License-Identifier: GPL-2.0-only
"""metactl metrics, of a thousand pairs, as those read them who are to."""

import os
import re
import shutil
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))
from world import case, check, equal, main  # noqa: E402

# Debian's packages, whichever Python this is.
sys.path.append("/usr/lib/python3/dist-packages")
try:
    from prometheus_client import parser as text_format
    from prometheus_client.openmetrics import parser as openmetrics
except ImportError:
    print("skipped: nobody here reads metrics (package python3-prometheus-client)")
    sys.exit(77)

MANY = 1000


def read(parser, text):
    """Families by name, and the values of their samples by the name and the labels."""
    families = list(parser.text_string_to_metric_families(text))
    names = [family.name for family in families]
    equal(len(names), len(set(names)), "each family once")
    samples = {}
    for family in families:
        check(family.documentation and family.type != "unknown", f"{family.name} is explained")
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            check(key not in samples, f"{key} twice")
            samples[key] = sample.value
    return {family.name: family for family in families}, samples


def lint(text):
    """By Prometheus' own tool, where it is installed."""
    tool = shutil.which("promtool") or os.environ.get("PROMTOOL")
    if tool:
        done = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, text=True)
        equal((done.returncode, done.stderr), (0, ""), "promtool")


def counter(w, name, ns=None):
    """Bytes that a device has received."""
    return w.ip("-s", "link", "show", "dev", name, ns=ns)[0]["stats64"]["rx"]["bytes"]


@case
def a_thousand_pairs(w):
    spaces = [f"n{i}" for i in range(10)]
    w.netns("web", *spaces)
    pairs = "".join(f"  p{i}: {{peer: {{netns: n{i % 10}, name: e{i}, programs: [pass]}}}}\n"
                    for i in range(MANY - 2))
    w.settings("audit: never\n")
    w.write("""
programs:
  mine: {object: count}
pairs:
  late0: {peer: {netns: 'la"te'}}
  web0:
    addresses: [192.0.2.1/32]
    routes: [{to: 10.1.0.2/32}]
    programs: [mine]
    peer: {netns: web, addresses: [10.1.0.2/24], programs: [pass],
           routes: [{to: default, via: 169.254.1.1, onlink: true}]}
""" + pairs)
    w.start(settle=False)
    w.until(w.settle_once, "all are made", patience=120)
    w.ready("web0")
    check(w.pings("10.1.0.2", count=20), "traffic")
    time.sleep(0.15)
    began = time.monotonic()
    text = w.ctl("metrics").stdout
    print(f"# {MANY} pairs: {len(text) / 1e6:.1f} MB in {time.monotonic() - began:.2f} s")
    check(text.endswith("\n# EOF\n"), "the end is told")
    families, samples = read(openmetrics, text)
    equal(samples[("metad_up",)], 1, "up")
    equal(samples[("metad_pairs", ("state", "ready"))], MANY - 1, "ready")
    equal(samples[("metad_pairs", ("state", "waiting"))], 1, "waiting")
    equal(sum(key[0] == "metad_pair_ready" for key in samples), MANY, "pairs")
    equal(samples[("metad_pair_info", ("kind", w.pair("late0")["summary"]["kind"]),
                   ("netns", 'la"te'), ("pair", "late0"), ("peer", "eth0"))], 1, "hostile names")
    equal(sum(key[0] == "metad_pair_transmit_packets_total" for key in samples), 2 * (MANY - 1),
          "ends")
    labels = (("end", "primary"), ("pair", "web0"))
    equal(samples[("metad_pair_transmit_packets_total", *labels)], 20, "packets")
    equal(samples[("metad_pair_receive_bytes_total", *labels)], counter(w, "web0"), "bytes")
    equal(samples[("metad_program_runs_total", ("program", "mine"))], 20, "runs")
    check(0 < samples[("metad_program_run_seconds_total", ("program", "mine"))] < 0.1, "time")
    equal(samples[("metad_program_users", ("program", "pass"))], MANY - 1, "users")
    equal((families["metad_pair_receive_bytes"].type, families["metad_pair_receive_bytes"].unit),
          ("counter", "bytes"), "type and unit")
    # The older format has the same samples.
    old = w.ctl("metrics", "--format", "prometheus").stdout
    families, again = read(text_format, old)
    equal(set(again), set(samples), "samples")
    equal(families["metad_pair_receive_bytes"].type, "counter", "type")
    lint(old)


@case
def for_the_textfile_collector(w):
    w.netns("web")
    w.write("pairs: {web0: {peer: {netns: web}}}\n")
    w.start()
    w.ready("web0")
    path = f"{w.dir}/metad.prom"
    w.ctl("metrics", "--output", path)
    with open(path) as file:
        _, samples = read(text_format, file.read())
    equal(samples[("metad_pair_ready", ("pair", "web0"))], 1, "ready")
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o644, "everybody may read it")
    first = os.stat(path).st_ino
    w.ctl("metrics", "--output", path)
    check(os.stat(path).st_ino != first, "the old file is not written into")
    w.stop()
    equal(w.ctl("metrics", "--output", path, ok=False).returncode, 3, "exit code")
    with open(path) as file:
        text = file.read()
    equal(read(text_format, text)[1], {("metad_up",): 0}, "old numbers do not look like new ones")
    lint(text)
    equal([name for name in os.listdir(w.dir) if re.match(r"\.?metad", name)], ["metad.prom"],
          "nothing is left over")
    # Where it cannot be written, that is said, and nothing is left behind.
    done = w.ctl("metrics", "--output", f"{w.dir}/nowhere/x.prom", ok=False)
    check(done.returncode in (1, 3) and "nowhere" in done.stderr, done.stderr)


main()
