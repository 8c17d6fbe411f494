# SPDX-License-Identifier: GPL-2.0-only
"""Varlink for tests: a connection that can also send what it should not, and an interface
description that values can be held against."""
import json
import re
import socket

TOKEN = re.compile(r"\s*(?:#[^\n]*)?(?:\n|$)|\s+|(->|\[\]|\[string\]|[?:(),]|[A-Za-z][\w.]*)")


class Interface:
    """An interface from its text: types, and of methods what goes in and comes out."""

    def __init__(self, text):
        self.tokens = [t for t in TOKEN.findall(text) if t]
        if TOKEN.sub("", text):
            raise ValueError(f"{TOKEN.sub('', text)!r}?")
        self.types, self.methods, self.errors = {}, {}, {}
        self.expect("interface")
        self.name = self.take()
        while self.tokens:
            word, name = self.take(), self.take()
            if word == "type":
                self.types[name] = self.type()
            elif word == "error":
                self.errors[f"{self.name}.{name}"] = self.type()
            elif word == "method":
                parameters = self.type()
                self.expect("->")
                self.methods[f"{self.name}.{name}"] = (parameters, self.type())
            else:
                raise ValueError(f"{word} {name}?")

    def take(self):
        return self.tokens.pop(0)

    def expect(self, token):
        found = self.take()
        if found != token:
            raise ValueError(f"{token} expected, not {found}")

    def type(self):
        """A type as a tuple: what it is, and of what."""
        token = self.take()
        if token in ("?", "[]", "[string]"):
            return (token, self.type())
        if token != "(":
            return ("name", token)
        fields, words = {}, []
        while self.tokens[0] != ")":
            name = self.take()
            if self.tokens[0] in (",", ")"):
                words.append(name)
                if self.tokens[0] == ",":
                    self.take()
                continue
            self.expect(":")
            fields[name] = self.type()
            if self.tokens[0] == ",":
                self.take()
        self.take()
        return ("enum", words) if words else ("(", fields)

    def check(self, kind, value, where=""):
        """Raises where value is not of the type, down to the last member."""
        what, of = kind
        plain = {"bool": bool, "int": int, "float": float, "string": str}
        if what == "?":
            if value is not None:
                self.check(of, value, where)
        elif what == "[]":
            self.ensure(isinstance(value, list), where, value)
            for item in value:
                self.check(of, item, where + "[]")
        elif what == "enum":
            self.ensure(value in of, where, value)
        elif what == "[string]":
            self.ensure(isinstance(value, dict), where, value)
            for key, item in value.items():
                self.check(of, item, f"{where}[{key}]")
        elif what == "name" and of in plain:
            self.ensure(type(value) is plain[of], where, value)
        elif what == "name":
            self.check(self.types[of], value, where)
        else:
            self.ensure(isinstance(value, dict), where, value)
            self.ensure(set(value) <= set(of), where, f"unknown {set(value) - set(of)}")
            for name, field in of.items():
                self.check(field, value.get(name), f"{where}.{name}")

    @staticmethod
    def ensure(condition, where, value):
        if not condition:
            raise ValueError(f"{where}: {value!r} is not of its type")

    def check_reply(self, method, message):
        if "error" not in message:
            self.check(self.methods[method][1], message.get("parameters", {}), method)
        elif message["error"] in self.errors:
            self.check(self.errors[message["error"]], message.get("parameters", {}),
                       message["error"])


class Connection:
    """One client, with a time limit on everything."""

    def __init__(self, path, patience=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        self.socket.connect(path)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def send(self, *messages):
        self.socket.sendall(b"".join(map(encode, messages)))

    def receive(self):
        """The next message; None: the other side has closed."""
        while b"\0" not in self.buffer:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, parameters=None, **header):
        self.send(call(method, parameters, **header))
        return self.receive()

    def call_more(self, method, parameters=None):
        """All replies of a call that ends."""
        self.send(call(method, parameters, more=True))
        replies = [self.receive()]
        while replies[-1].get("continues"):
            replies.append(self.receive())
        return replies


def call(method, parameters=None, **header):
    message = {"method": method, **header}
    if parameters is not None:
        message["parameters"] = parameters
    return message


def encode(message):
    return message if isinstance(message, bytes) else json.dumps(message).encode() + b"\0"
