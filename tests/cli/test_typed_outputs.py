"""What people type for the form of an output: both spellings of JSON everywhere, and what a command says of it."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    "words",
    ["top happy", "list", "bursts", "stats", "problems", "export out --dry-run", "model info", "model recipes"],
)
def test_json_has_two_spellings(call, scanned, words):
    db = () if words.startswith("model") else ("--db", scanned)
    spellings = [["--json"], ["--format", "json"], ["--format=json", "--json"]]
    done = [call(*words.split(), *db, *spelling) for spelling in spellings]
    assert {one.returncode for one in done} == {0}
    first, *others = (json.loads(one.stdout) for one in done)
    assert all(other == first for other in others)
    assert call(*words.split(), *db, "--format", "table").stdout != done[0].stdout


@pytest.mark.parametrize("words", ["top happy", "list"])
def test_jsonl_is_ndjson(call, scanned, words):
    jsonl, ndjson = (call(*words.split(), "--db", scanned, "--format", form).stdout for form in ("jsonl", "ndjson"))
    assert jsonl == ndjson
    assert all(json.loads(line)["path"] for line in jsonl.splitlines())


def test_two_formats_that_differ_are_wrong_usage(call, scanned):
    done = call("top", "happy", "--db", scanned, "--json", "--format", "csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json and --format csv contradict each other" in done.stderr
