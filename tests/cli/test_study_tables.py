"""What studies print of contests that could not be judged."""

import pytest

from tamis.cli.study_tables import print_verdicts


@pytest.mark.parametrize(
    ("target", "size"), [(None, ""), (300_000, ", 300,000 parameters")], ids=["no budget", "a budget"]
)
def test_what_waits_is_named_with_its_reason(target, size, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    reason = "a comparison needs at least two rows of each class; got 1 of the [rarer] one. " + "More rows. " * 9
    waiting = {"study": "s", "data": "log", "budget": "parameters", "target": target, "reason": reason}
    print_verdicts({"data_sets": [], "waiting": [waiting], "real_sets": 0})
    out = capsys.readouterr().out
    assert f"log{size}, not judged: {reason}\n" in out and "no model's final run has ended" not in out
