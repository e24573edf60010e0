"""What a benchmark writes, and what another one lends to it."""

import json

import pytest


@pytest.fixture
def findings(monkeypatch, tmp_path):
    import findings

    monkeypatch.setattr(findings, "RESULTS", tmp_path)
    return findings


def values(place):
    return {line["name"]: line["value"] for line in json.loads(place.read_text())["figures"]}


def test_a_lent_figure_replaces_its_older_self_and_survives_the_next_writing(findings, tmp_path):
    own = findings.figure("own rows/s", [3, 1, 2], unit="rows/s", goal="-")
    findings.write_findings("encode", [own])
    for value in (4, 5):
        lent = findings.figure("ratio", [value], unit="times", goal=">= 1")
        findings.lend_figure("encode", lent, measured_by="peers")
    findings.write_findings("encode", [own])
    assert values(tmp_path / "encode.json") == {"own rows/s": 2, "ratio": 5}


def test_nothing_is_lent_to_a_question_without_findings(findings, tmp_path):
    lent = findings.figure("ratio", [1], unit="times", goal="-")
    findings.lend_figure("encode", lent, measured_by="peers")
    assert list(tmp_path.iterdir()) == []
