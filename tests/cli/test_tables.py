"""What is printed, word by word, where a mistake would not show in a run."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tamis.analysis import FieldWorth
from tamis.cli import sparsity_tables, study_tables, tables
from tamis.cli.tables import new_table
from tamis.experiment import FieldChoice
from tamis.experiment.plan import Plan
from tamis.features import Context
from tamis.record import Inspection, RunRecord
from tamis.study import StudyPlan


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def plan(**changes):
    facts = {
        **{"memory": {}, "memory_needed": 0, "memory_free": None, "disk": {}, "disk_needed": 0, "disk_free": None},
        **{"batch_rows": 8, "measured_rows": 8, "processes": 1, "rough_minutes": 2.5, "ways_out": ()},
    }
    return Plan(**(facts | changes))


@pytest.mark.parametrize(
    ("minutes", "said"), [(0.01, "under 0.1 min"), (0.1, "roughly 0.1 min"), (90.0, "roughly 90.0 min")]
)
def test_a_plan_never_says_that_a_run_takes_no_time(minutes, said, capsys):
    tables.print_plan(plan(rough_minutes=minutes))
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "left", "minutes", "said"),
    [
        (1, 1, 0.2, "1 run, 1 left, 2 at a time: under a minute if"),
        (4, 3, 1.2, "4 runs, 3 left, 2 at a time: roughly 1 minute if"),
        (1200, 1100, 1500.0, "1,200 runs, 1,100 left, 2 at a time: roughly 1,500 minutes if"),
    ],
)
def test_one_run_and_one_minute_are_no_plural(runs, left, minutes, said, capsys):
    study_tables.print_total(
        StudyPlan(entrants=(), processes=2, runs=runs, left=left, minutes=minutes, memory_needed=0, memory_free=None)
    )
    assert said in capsys.readouterr().out


def verdicts(p, *, real_sets):
    def line(model, auc, word):
        return {
            **{"model": model, "outside": False, "auc": auc, "low": auc - 0.01, "high": auc + 0.01},
            **{"parameters": {"dense": 100}, "against_best": word, "selection_gain": None, "failed": []},
            **{"failed_trials": [], "within_budget": True},
        }

    test = {"one": "ssr_s", "other": "mlp", "difference": 0.01, "p_holm": p, "told_from": 0.0123}
    contest = {
        **{"data": "log", "split": "random", "target": None, "budget": "none", "tests": [test]},
        "ranking": [line("ssr_s", 0.8, "best"), line("mlp", 0.79, "worse")],
    }
    return {
        **{"data_sets": [contest], "waiting": []},
        **{"real_sets": real_sets, "ssr_first_or_tied_real_sets": real_sets},
    }


@pytest.mark.parametrize(("p", "said"), [(1e-9, "-0.0100 < 0.001 worse"), (0.0417, "-0.0100 0.042 worse")])
def test_no_p_is_nothing(p, said, capsys):
    study_tables.print_verdicts(verdicts(p, real_sets=0))
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("real_sets", "said"), [(0, None), (1, "on 1 of 1 real data set\n"), (2, "on 2 of 2 real data sets\n")]
)
def test_real_data_sets_are_spoken_of_where_there_are_any(real_sets, said, capsys):
    study_tables.print_verdicts(verdicts(0.01, real_sets=real_sets))
    out = capsys.readouterr().out
    assert said in out if said else "SSR first" not in out


def test_below_the_ranking_stands_how_much_it_could_have_told(capsys):
    several, lone = verdicts(0.01, real_sets=0), verdicts(0.01, real_sets=0)
    lone["data_sets"][0]["tests"][0]["told_from"] = None
    study_tables.print_verdicts(several)
    assert "\nhalf of the models would be told apart from the best by 0.0123 or more\n" in capsys.readouterr().out
    study_tables.print_verdicts(lone)
    assert "half of the models" not in capsys.readouterr().out


def test_the_zeros_of_a_filter_are_those_after_its_last_step(capsys):
    trained = {"zeros": [[0.1, 0.2], [0.6, 0.8]], "dead": [0.0, 0.5], "overlap": 0.2, "chance_overlap": 0.3}
    trained["row_overlap"] = [0.5, 0.5]
    untrained = {**trained, "zeros": [[0.1, 0.2], [0.4, 0.5]]}
    sieve = {"name": "blocks.0", "kind": "dynamic", "views": 2, "width": 4, "trained": trained, "untrained": untrained}
    sparsity_tables.print_inspection(Inspection(model="ssr_d", rows=4, filters=(sieve,)))
    assert "70.0% (45.0%)  25.0%     20.0% (30.0%)" in capsys.readouterr().out


def record(kept, left_out):
    worth = [{"name": name, "worth": 0.0, "error": 0.1, "z": 0.0, "kept": name in kept} for name in [*kept, *left_out]]
    return RunRecord(dataset="log", split="random", model="mlp", seed=0, worth=tuple(worth))


@pytest.mark.parametrize(
    ("kept", "left_out", "said"),
    [
        ("ab", [], "fields: 2 of 2 kept, by their worth on rows not seen before\n"),
        ("ab", "c", "fields: 2 of 3 kept, by their worth on rows not seen before; left out: c\n"),
        ("ab", "cde", "not seen before; left out: c, d, e\n"),
        ("ab", "cdef", "not seen before; left out: c, d, e and 1 more\n"),
        ("a", [f"f{i}" for i in range(1200)], "fields: 1 of 1,201 kept,"),
        ("a", [f"f{i}" for i in range(1200)], "left out: f0, f1, f2 and 1,197 more\n"),
        ("a", ["[red]", "\\[/]"], "left out: [red], \\[/]\n"),
        ([], [], None),
    ],
)
def test_the_fields_left_out_are_counted_and_the_worthiest_of_them_named(kept, left_out, said, tmp_path, capsys):
    tables.print_record(record(kept, left_out), tmp_path)
    out = capsys.readouterr().out
    assert said in out if said else "fields:" not in out


def test_the_worth_of_fields_says_where_each_is_left_out(capsys):
    found = tuple(FieldWorth(name=name, worth=0.004, error=0.001) for name in ("slot", "a", "b", "[c]"))
    slots = {number: f"s{number}" for number in range(2, 7)}
    context = Context(field="slot", left_out={"a": (3,), "b": (2, 3, 5, 6)})
    choice = FieldChoice(found=found, kept=("slot", "a", "b"), context=context, context_values=slots)
    tables.print_worth(choice, "log", is_asked_for_context=True)
    *lines, last, decided = capsys.readouterr().out.splitlines()
    said = {words[0]: " ".join(words[4:]) for words in map(str.split, lines) if words}
    assert said["a"] == "left out where slot is s3 (1 of 5 values)"
    assert said["b"] == "left out where slot is s2, s3, s5, … (4 of 5 values)"
    assert said["slot"] == "" and said["[c]"] == "left out"
    assert last == "log: a run with [worth] would keep 3 of 4 fields" and decided == "context: slot"
    tables.print_worth(FieldChoice(found=found, kept=("a",)), "log", is_asked_for_context=True)
    assert capsys.readouterr().out.endswith("context: no field decides about several others\n")
    tables.print_worth(FieldChoice(found=found, kept=("a",)), "log", is_asked_for_context=False)
    assert "context" not in capsys.readouterr().out


def test_words_stand_left_and_may_be_broken_numbers_stand_right_and_may_not():
    table = new_table("model", "test AUC", "note", text=("note",))
    table.add_row("mlp", "0.81 [0.80]", "too large for this machine")
    out = io.StringIO()
    Console(file=out, width=28).print(table)
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "model     test AUC  note",
        "mlp    0.81 [0.80]  too",
        "                    large",
        "                    for this",
        "                    machine",
    ]


def test_the_verdicts_of_the_table_are_readable_in_eighty_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    verdicts = json.loads((Path(__file__).parents[2] / "results" / "verdicts.json").read_text())
    study_tables.print_verdicts(verdicts)
    lines = capsys.readouterr().out.splitlines()
    for contest in verdicts["data_sets"]:
        heading = f"{contest['data']} ({contest['split']}, {contest['target']:,} parameters)"
        shown = lines[lines.index(heading) + 3 :]  # below two lines of headings
        for line, model in zip(shown, contest["ranking"], strict=False):
            assert line.split()[0] == model["model"] and len(line) <= 80
            assert line.rstrip().endswith(model["against_best"])
            assert f" {model['auc']:.4f} ± {(model['high'] - model['low']) / 2:.4f} " in line
