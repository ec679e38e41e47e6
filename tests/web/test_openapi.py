#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.json against the server: paths, parameters, answers."""

import json
import os
import re
import unittest

from server import NOON, ROOT, ServerTest, pprof_of

DOCUMENT = os.path.join(ROOT, "docs/openapi.json")
PLACES = ("host", "service")


def resolve(document, node):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def matches(schema, value):
    """As much of JSON Schema as the document has."""
    kind = schema.get("type")
    if kind == "object":
        known = schema["properties"]
        return (
            isinstance(value, dict)
            and set(schema.get("required", ())) <= value.keys() <= known.keys()
            and all(matches(known[name], item) for name, item in value.items())
        )
    if kind == "array":
        return isinstance(value, list) and all(matches(schema["items"], item) for item in value)
    if kind == "string":
        return isinstance(value, str) and re.search(schema.get("pattern", ""), value) is not None
    return {"integer": int, "boolean": bool}[kind] is type(value)


class OpenApi(ServerTest):
    def setUp(self):
        super().setUp()
        with open(DOCUMENT, encoding="utf-8") as file:
            self.document = json.load(file)
        for host, start in (("a", NOON), ("b", NOON + 60)):
            span = {"from": start, "until": start + 60}
            self.assert_stored(
                self.server.put(pprof_of("main;f 3\n"), id=host, host=host, label_x="1", **span)
            )

    def operations(self):
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield path, method.upper(), operation

    def parameters(self, operation):
        return [resolve(self.document, one) for one in operation.get("parameters", ())]

    def example(self, parameter):
        name, schema = parameter["name"], parameter["schema"]
        schema = schema.get("items", schema)
        values = {
            "id": "example", "kind": "on-cpu", "function": "f", "name": "host", "by": "host",
            "service": "redis", "host": "a", "label.NAME": "1", "from": NOON, "until": NOON + 120,
            "before.from": NOON, "before.until": NOON + 120, "before.service": "redis",
            "before.host": "b", "before.label.NAME": "1", "sampleRate": 100, "units": "samples",
        }
        if "enum" in schema:
            return schema["enum"][0]
        return values.get(name, schema.get("default"))

    def ask(self, path, method, operation, leave_out=None):
        pairs = {}
        for parameter in self.parameters(operation):
            if parameter["name"] != leave_out:
                name = parameter["name"].replace("NAME", "x")
                pairs[name] = self.example(parameter)
        if path == "/ingest":
            pairs["name"] = "shop.cpu"
        body = headers = None
        if method == "POST":
            body = b"main;f 1\n" if path == "/ingest" else pprof_of("main;f 1\n")
            headers = {"Content-Type": next(iter(operation["requestBody"]["content"]))}
        return self.server.ask(method, path, body, headers, **pairs)

    def check_answer(self, operation, answer):
        described = operation["responses"].get(str(answer.status))
        self.assertIsNotNone(described, f"{answer.status} {answer.body[:200]}")
        content = resolve(self.document, described)["content"]
        kind = answer.headers["Content-Type"].split(";")[0]
        self.assertIn(kind, content)
        schema = content[kind].get("schema")
        if schema and kind == "application/json":
            self.assertTrue(matches(schema, json.loads(answer.body)), answer.body[:500])

    def test_each_path_answers_as_it_is_described(self):
        for path, method, operation in self.operations():
            with self.subTest(path):
                answer = self.ask(path, method, operation)
                self.check_answer(operation, answer)
                if path != "/push.v1.PusherService/Push":
                    self.assertEqual(answer.status, 200, answer.body[:200])

    def test_what_has_to_be_there_is_asked_for(self):
        for path, method, operation in self.operations():
            for parameter in self.parameters(operation):
                if not parameter.get("required") or path == "/ingest":
                    continue
                with self.subTest(path + " " + parameter["name"]):
                    answer = self.ask(path, method, operation, parameter["name"])
                    self.check_answer(operation, answer)
                    # A window without a beginning is as long as time is.
                    self.assertEqual(answer.status, 400, answer.body)

    def test_what_is_not_described_is_refused(self):
        for path, method, operation in self.operations():
            if not operation.get("parameters") or path == "/ingest":
                continue
            with self.subTest(path):
                answer = self.server.ask(method, path, b"", unknown="1")
                self.assert_error(answer, 400, "unknown parameter")

    def test_all_paths_are_described(self):
        with open(os.path.join(ROOT, "web/server.c"), encoding="ascii") as file:
            source = file.read().replace("METRICS_PATH,", '"/metrics",')
        routes = set(re.findall(r'\{ "(GET|POST)", "([^"]+)",', source))
        described = {(method, path) for path, method, _ in self.operations()}
        self.assertGreater(len(routes), 8)
        self.assertEqual(routes, described)


if __name__ == "__main__":
    unittest.main()
