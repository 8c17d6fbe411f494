#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""metactl graph: what it draws, as graphviz itself understands it. Arguments: metactl, io.metad.varlink."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from scripted import Scripted, listed, summary  # noqa: E402
from varlink import Interface  # noqa: E402

METACTL = os.path.abspath(sys.argv[1])
with open(sys.argv[2]) as description:
    METAD = Interface(description.read())
CASES = []


def case(function):
    CASES.append(function)
    return function


def slot(program, **more):
    return {"program": program, "foreign": False, "function": program, "programId": 7, "linkId": 3,
            "runs": 0, "runTimeNs": 0, **more}


def end(side, name, ifindex, **more):
    return {"side": side, "name": name, "ifindex": ifindex, "up": True, "running": True, "mtu": 1500,
            "addresses": [], "routes": [], "neighbours": [], "sysctls": [], "chain": [], "wanted": [],
            **more}


def pair(name, netns, primary=None, peer=None, **more):
    return {"summary": summary(name, netns, **more), "mode": "l3", "wantedKind": "auto", "retryMs": 0,
            "ends": [end("primary", name, 7, **(primary or {})),
                     end("peer", "eth0", 2, **(peer or {}))]}


class World(Scripted):
    """A metad that knows these pairs. Those of ghosts are listed, and gone when they are asked for."""

    def __init__(self, pairs, ghosts=()):
        self.pairs = {item["summary"]["name"]: item for item in pairs}
        self.ghosts = ghosts
        super().__init__(METACTL, METAD, self.replies)

    def replies(self, call):
        if call["method"] == "io.metad.List":
            return listed([item["summary"] for item in self.pairs.values()] +
                          [summary(name) for name in self.ghosts])
        name = call["parameters"]["pair"]
        if name not in self.pairs:
            return [{"error": "io.metad.NoSuchPair", "parameters": {"pair": name}}]
        return [{"parameters": {"pair": self.pairs[name], "kinds": []}}]


def understood(text):
    """What dot makes of it: {namespace: [names of nodes]}, {(from, to): label}."""
    done = subprocess.run(["dot", "-Tjson"], input=text, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0 and not done.stderr, (done.stderr, text)
    graph = json.loads(done.stdout)
    objects = graph["objects"]
    clusters = {item["label"]: sorted(objects[i]["name"] for i in item.get("nodes", []))
                for item in objects if item["name"].startswith("cluster ")}
    nodes = {item["name"]: item for item in objects if not item["name"].startswith("cluster ")}
    edges = {(objects[item["tail"]]["name"], objects[item["head"]]["name"]): item
             for item in graph.get("edges", [])}
    return clusters, nodes, edges


def cells(label):
    """The lines of a label, as text."""
    table = xml.etree.ElementTree.fromstring(label)
    return ["".join(row.itertext()) for row in table.iter("TR") if "".join(row.itertext())]


HOST = f"host <B>{socket.gethostname()}</B>"
PAIRS = [
    pair("web0", "web",
         {"addresses": [{"address": "192.0.2.1/32", "foreign": False}],
          "routes": ["10.1.0.2/32"], "chain": [slot("count")], "wanted": ["count"]},
         {"addresses": [{"address": "10.1.0.2/24", "foreign": False},
                        {"address": "fe80::1/64", "foreign": True}],
          "routes": ["default via 169.254.1.1 onlink"],
          "chain": [slot("count"), slot("", foreign=True, function="other"), slot("acl")],
          "wanted": ["count", "acl"]}),
    pair("web1", "web", {"policy": "forward"}, {"policy": "drop"}, state="changing", closed=True),
    pair("db0", "db", {"wanted": ["acl"]}, {}, state="failed", closed=True, kind="veth"),
]


@case
def each_end_is_where_it_is(world):
    clusters, _, _ = understood(world.ctl("graph"))
    assert clusters == {
        HOST: ["primary db0", "primary web0", "primary web1"],
        "namespace <B>web</B>": ["peer web0", "peer web1"], "namespace <B>db</B>": ["peer db0"],
    }, clusters


@case
def ends_say_what_they_are(world):
    _, nodes, _ = understood(world.ctl("graph"))
    assert cells(nodes["primary web0"]["label"]) == [
        "web0", "ready", "netkit l3", "192.0.2.1/32", "to 10.1.0.2/32"], nodes["primary web0"]
    assert cells(nodes["peer web0"]["label"]) == [
        "eth0", "10.1.0.2/24", "fe80::1/64", "to default via 169.254.1.1 onlink"]
    assert cells(nodes["primary db0"]["label"])[1:3] == ["failed, closed", "veth l3"]
    assert nodes["primary db0"]["color"] != nodes["primary web0"]["color"]


@case
def chains_are_in_their_order(world):
    _, _, edges = understood(world.ctl("graph"))
    assert len(edges) == 6, edges.keys()
    assert cells(edges["primary web0", "peer web0"]["label"]) == ["1. count"]
    assert cells(edges["peer web0", "primary web0"]["label"]) == [
        "1. count", "2. other (not metad's)", "3. acl"]
    assert cells(edges["primary db0", "peer db0"]["label"]) == ["acl is not attached"]
    assert cells(edges["peer web1", "primary web1"]["label"]) == ["policy drop"]
    assert edges["primary web0", "peer web0"]["style"] == "solid"
    assert edges["primary web1", "peer web1"]["style"] == "dashed"


@case
def only_some(world):
    clusters, nodes, edges = understood(world.ctl("graph", "db0", "web1"))
    assert sorted(nodes) == ["peer db0", "peer web1", "primary db0", "primary web1"], nodes.keys()
    assert len(clusters) == 3 and len(edges) == 4
    assert "not known to metad" in world.ctl("graph", "db0", "nobody", code=1)


@case
def as_a_picture(world):
    text = world.ctl("graph", "--format", "svg")
    root = xml.etree.ElementTree.fromstring(text)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for word in ("web0", "192.0.2.1/32", "1. count", "3. acl", "acl is not attached", "web", "db"):
        assert any(word in (text or "") for text in words), (word, words)


@case
def as_json(world):
    found = json.loads(world.ctl("graph", "--json=short"))
    assert [item["summary"]["name"] for item in found] == ["web0", "web1", "db0"]
    assert "either --format or --json" in world.ctl("graph", "--json", "--format=dot", code=64)


@case
def without_graphviz(world):
    empty = {"PATH": "/nonexistent"}
    assert "package graphviz" in world.ctl("graph", "--format=svg", code=1, environment=empty)
    assert world.ctl("graph", environment=empty) == world.ctl("graph")
    with tempfile.TemporaryDirectory(prefix="mt") as place:
        with open(f"{place}/dot", "w") as file:
            file.write("#!/bin/sh\nexit 3\n")
        os.chmod(f"{place}/dot", 0o755)
        text = world.ctl("graph", "--format=svg", code=1, environment={"PATH": f"{place}:/bin"})
        assert "it has failed" in text, text


@case
def names_are_text(_):
    """Whatever somebody calls a namespace, a device, a program."""
    hostile = ['a"b\\', "<b>&amp;</b>", '"];x->y;', "\\", "\\N\\G", "é 容器", "%s%n", "-->", "a\nb"]
    pairs = [pair(f"p{i}{name.strip('ab' + chr(10))}", name, {"chain": [slot(name)], "wanted": [name]},
                  {"routes": [name]}) for i, name in enumerate(hostile)]
    for item, name in zip(pairs, hostile):
        item["ends"][1]["name"] = name
    clusters, nodes, edges = understood(World(pairs).ctl("graph"))
    assert len(clusters) == len(hostile) + 1, clusters
    assert len(nodes) == len(edges) == 2 * len(hostile), (nodes.keys(), edges.keys())
    for item, name in zip(pairs, hostile):
        # A backslash stays two in an identifier. Control characters are none of a terminal's business.
        label, name = item["summary"]["name"].replace("\\", "\\\\"), name.replace("\n", "?")
        assert cells(nodes[f"peer {label}"]["label"]) == [name, f"to {name}"], (name, nodes)
        label = edges[f"primary {label}", f"peer {label}"]["label"]
        assert cells(label) == [f"1. {name}"], (name, label)


@case
def what_is_not_there(_):
    absent = {"ends": [end("primary", "late0", 7), end("peer", "eth0", 2)]}
    for item in absent["ends"]:
        del item["ifindex"]
    pairs = [{**pair("late0", "late", state="waiting", closed=True), **absent},
             pair("lost0", None, {"up": False}, state="held")]
    world = World(pairs, ghosts=["ghost0"])
    clusters, nodes, _ = understood(world.ctl("graph"))
    assert "is not there" in cells(nodes["primary late0"]["label"]), nodes["primary late0"]
    assert nodes["peer late0"]["style"] == "dashed" and "down" in cells(nodes["primary lost0"]["label"])
    assert clusters["namespace <B>? (lost0)</B>"] == ["peer lost0"], clusters
    assert "primary ghost0" not in nodes
    clusters, nodes, edges = understood(World([]).ctl("graph"))
    assert clusters == {HOST: []} and not nodes and not edges


@case
def many_pairs(_):
    """Namespaces are drawn apart, and long lists are cut."""
    chain = [slot("count"), slot("acl")]
    pairs = [pair(f"m{i}", f"pod-{i // 2}", {"routes": [f"10.0.0.{j}" for j in range(30)],
                                             "chain": chain, "wanted": ["count", "acl"]})
             for i in range(200)]
    world = World(pairs)
    clusters, nodes, edges = understood(world.ctl("graph"))
    assert len(clusters) == 101 and len(nodes) == len(edges) == 400
    lines = cells(nodes["primary m7"]["label"])
    assert lines[-1] == "22 more routes" and len(lines) == 12, lines
    world.ctl("graph", "--format=svg")


def main():
    if not shutil.which("dot"):
        print("skipped: there is no dot here (package graphviz)")
        sys.exit(77)
    world = World(PAIRS)
    for run in CASES:
        run(world)
    print(f"{len(CASES)} cases")


main()
