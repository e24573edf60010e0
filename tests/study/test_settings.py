"""A study file is read strictly."""

from pathlib import Path

import pytest

from tamis.errors import ConfigError
from tamis.study import load_study, read_study
from tamis.study.search import changed, read_run

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(
    path for path in (ROOT / "experiments" / "studies").glob("*.toml") if not path.name.startswith("scaling-")
)


def table(**parts):
    return {"study": {"name": "s"}, "data": [{"name": "adult", "recipe": "adult"}], "model": [{"name": "mlp"}], **parts}


def read(**parts):
    return read_study(table(**parts), where="s.toml")


def test_there_are_studies_to_load():
    assert STUDIES


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_a_shipped_study_loads(path):
    study = load_study(path)
    assert study.rules.name == path.stem
    models = sum(len(study.models_on(data)) for data, _ in study.contests())
    assert len(study.entrants()) == models + len(study.data) * len(study.references)


def test_settings_of_training_go_from_common_to_data_set_to_model():
    study = read(
        training={"epochs": 5, "batch_size": 64, "dense": {"learning_rate": 0.1}},
        data=[{"name": "adult", "recipe": "adult", "training": {"batch_size": 128, "dense": {"eps": 1e-3}}}],
        model=[{"name": "mlp", "training": {"epochs": 7}}],
    )
    training = study.entrants()[0].settings.training
    assert (training.epochs, training.batch_size, training.dense.learning_rate, training.dense.eps) == (
        7,
        128,
        0.1,
        1e-3,
    )


def test_a_model_may_stand_at_some_sizes_only():
    budget = {"kind": "parameters", "targets": [1_000, 10_000], "tuned_at": 1_000}
    models = [{"name": "mlp"}, {"name": "ssr_s", "targets": [10_000]}]
    study = read(budget=budget, model=models, study={"name": "s", "trials": 1})
    assert [entrant.label for entrant in study.entrants()] == ["mlp-1k", "mlp-10k", "ssr_s-10k"]
    (_, _, sparse) = study.entrants()
    assert sparse.tuned_as is not None and sparse.tuned_as.label == "ssr_s-1k"  # where all are tuned, it is too
    with pytest.raises(ConfigError, match=r"model 'mlp': targets must be some of \[budget\] targets .*; got 500"):
        read(budget=budget, model=[{"name": "mlp", "targets": [500]}], study={"name": "s", "trials": 1})
    with pytest.raises(ConfigError, match=r"'adult': no model stands at 1,000. Add it to `targets` of one"):
        read(budget=budget, model=models[1:], study={"name": "s", "trials": 1})
    with pytest.raises(ConfigError, match=r"a reference has no targets"):
        read(budget=budget, reference=[{"name": "lightgbm", "targets": [1_000]}])


def test_a_model_may_stand_on_some_data_sets_only():
    data = [{"name": "adult", "recipe": "adult"}, {"name": "other", "recipe": "planted"}]
    study = read(data=data, model=[{"name": "mlp"}, {"name": "lr", "only": ["other"]}])
    labels = [(entrant.data.name, entrant.label) for entrant in study.entrants()]
    assert labels == [("adult", "mlp"), ("other", "mlp"), ("other", "lr")]
    assert [entrant.label for entrant in study.only(["adult"]).entrants()] == ["mlp"]
    trees = [{"name": "lightgbm", "only": ["other"]}]
    assert [(e.data.name, e.label) for e in read(data=data, reference=trees).entrants()][1:] == [
        ("other", "mlp"),
        ("other", "lightgbm"),
    ]
    with pytest.raises(ConfigError, match=r"\[\[data\]\] 'adult': no model stands on it. Add it to `only` of one"):
        read(data=data, model=[{"name": "mlp", "only": ["other"]}])
    with pytest.raises(ConfigError, match=r"model 'lr': only names no data set: 'othr'. Did you mean 'other'\?"):
        read(data=data, model=[{"name": "lr", "only": ["othr"]}])


def test_each_budget_is_a_contest_with_labels_of_its_own():
    study = read(
        budget={"kind": "parameters", "targets": [300_000, 1_000_000]}, model=[{"name": "mlp"}, {"name": "ssr_s"}]
    )
    labels = [(entrant.target, entrant.label) for entrant in study.entrants()]
    assert labels == [
        (300_000, "mlp-300k"),
        (300_000, "ssr_s-300k"),
        (1_000_000, "mlp-1m"),
        (1_000_000, "ssr_s-1m"),
    ]
    single = read(budget={"kind": "flops", "targets": [300_000]})
    assert [entrant.label for entrant in single.entrants()] == ["mlp"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"modell": []}, r"s.toml: a study has no part 'modell'. Did you mean 'model'\?"),
        ({"model": []}, r"needs at least one block \[\[model\]\], in double brackets"),
        ({"study": {"name": "s", "trails": 3}}, r"\[study\]: Rules has no setting 'trails'. Did you mean 'trials'\?"),
        ({"study": {"name": "a/b"}}, r"\[study\] name becomes a folder, .* got 'a/b'"),
        ({"study": {"name": "s", "seeds": [1, 1]}}, r"\[study\] seeds must be at least one and differ; got \[1, 1\]"),
        ({"study": {"name": "s", "trials": -1}}, r"trials must be at least 0 .* got -1 and 1000"),
        ({"study": {"name": "s", "selection_gain": True}}, r"selection_gain needs at least 2 trials .* got 0"),
        ({"study": {"name": "s", "trials": 3}}, r"model 'mlp' on 'adult': has nothing to tune, .* 3 trials"),
        ({"budget": {"kind": "flops"}}, r"kind 'flops' and targets \[\] do not fit together"),
        ({"budget": {"targets": [5]}}, r"kind 'none' and targets \[5\] do not fit together"),
        (
            {"budget": {"kind": "flops", "targets": [5], "tuned_at": 6}},
            r"tuned_at must be one of the targets \[5\]; got 6. Leave it out to tune at every target",
        ),
        (
            {"budget": {"kind": "flops", "targets": [5], "tuned_at": 5}},
            r"s.toml \[budget\] tuned_at needs \[study\] trials of at least 1; got 0",
        ),
        ({"budget": {"kind": "flops", "targets": [5, 5]}}, r"targets must differ and be at least 1; got \[5, 5\]"),
        (
            {"budget": {"kind": "flops", "targets": [5], "tolerance": 1.5}},
            r"tolerance must be above 0 .* got 1.5 and 4",
        ),
        (
            {"data": [{"name": "a", "recipe": "adult", "spilt": {}}]},
            r"\[\[data\]\]: a data set has no setting 'spilt'. Did you mean 'split'\?",
        ),
        ({"data": [{"recipe": "adult"}]}, r"\[\[data\]\] '': DataBlock needs 'name', which is missing"),
        ({"model": [{"name": "mlp"}, {"name": "mlp"}]}, r"s.toml: two models are called 'mlp'. Name them apart"),
        ({"model": [{"name": "mpl"}]}, r"no model is called 'mpl'. Did you mean 'mlp'\?"),
        (
            {"model": [{"name": "mlp", "settings": {"hiden": [8]}}]},
            r"model 'mlp' on 'adult' \[model\]: MLPConfig has no setting 'hiden'. Did you mean 'hidden'\?",
        ),
        (
            {"model": [{"name": "mlp", "budget_setting": "hiden"}]},
            r"budget_setting 'hiden' is no setting. Did you mean 'hidden'\?",
        ),
        (
            {"model": [{"name": "mlp", "seeds": [5]}]},
            r"model 'mlp': seeds must be as many as the study's 3; got \[5\]. Give it as many, or leave them out",
        ),
        (
            {"model": [{"name": "mlp", "seeds": [5, 5, 5]}]},
            r"model 'mlp': seeds must be at least one and differ; got \[5, 5, 5\]. Give each final run a seed",
        ),
        (
            {"search": {"model.dropuot": {"choices": [0.1]}}},
            r"MLPConfig has no setting 'dropuot'. Did you mean 'dropout'\?",
        ),
        (
            {"search": {"model.dim.rank": {"choices": [1]}}},
            r"'model.dim.rank' is no setting, as model.dim is a value, not a table. Tune model.dim",
        ),
        ({"search": {"model.dropout": {"choices": [0.1, 1.5]}}}, r"dropout must be at least 0 and below 1; got 1.5"),
        (
            {"search": {"dropout": {"choices": [0.1]}}},
            r"'dropout': must be a setting with its part before it, in quotes",
        ),
        ({"search": {"model.dropout": [0.1]}}, r"must be a table such as \{ choices = \[0.0, 0.1\] \}; got \[0.1\]"),
        (
            {"search": {"model.dropout": {"log": [0.1, 0.2], "choices": [0.1]}}},
            r"exactly one of choices, range, log, and not empty; got choices, log",
        ),
        ({"search": {"model.dropout": {"choices": []}}}, r"exactly one of choices, range, log, and not empty"),
        ({"search": {"model.dropout": {"log": [0.0, 0.2]}}}, r"from a lower to a higher number, above 0; got"),
        ({"search": {"model.dropout": {"range": [0.2, 0.1]}}}, r"range must go from a lower to a higher number; got"),
        ({"search": {"training.metric": {"choices": ["auc"]}}}, r"training.metric is no matter of tuning"),
        ({"search": {"training.seed": {"choices": [1]}}}, r"training.seed is no matter of tuning"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(parts, message):
    with pytest.raises(ConfigError, match=message):
        read(**parts)


def test_a_trial_may_change_a_whole_table():
    (entrant,) = read().entrants()
    tables = [{"learning_rate": 0.5}, {"learning_rate": 0.25, "weight_decay": 0.1}]
    for table in tables:
        dense = changed(entrant.settings, {"training.dense": table}, where="trial").training.dense
        assert {name: getattr(dense, name) for name in table} == table
    study = read(study={"name": "s", "trials": 2}, search={"training.dense": {"choices": tables}})
    assert study.search["training.dense"].choices == tuple(tables)


def test_settings_of_a_data_set_reach_the_models_that_have_them_and_say_nothing_else():
    study = read(
        data=[{"name": "adult", "recipe": "adult", "model": {"dim": 4}}],
        model=[{"name": "lr"}, {"name": "mlp"}, {"name": "fm", "settings": {"dim": 8}}],
    )
    lr, mlp, fm = (entrant.settings.model_settings for entrant in study.entrants())
    assert (mlp.dim, fm.dim) == (4, 8) and not hasattr(lr, "dim")
    with pytest.raises(ConfigError, match=r"'adult': no model of the study has a setting 'dimm'"):
        read(data=[{"name": "adult", "recipe": "adult", "model": {"dimm": 4}}])


def test_a_reference_stands_once_beside_all_budgets_of_a_data_set_and_is_tuned_in_its_own_settings():
    study = read(
        study={"name": "s", "trials": 2, "seeds": [4, 5]},
        budget={"kind": "parameters", "targets": [300_000, 1_000_000]},
        training={"metric": "log_loss", "epochs": 3},
        search={"training.dense.learning_rate": {"log": [1e-4, 1e-2]}},
        reference=[{"name": "lightgbm", "label": "trees", "search": {"reference.leaves": {"choices": [7, 31]}}}],
    )
    labels = [(entrant.target, entrant.label) for entrant in study.entrants()]
    assert labels == [(300_000, "mlp-300k"), (1_000_000, "mlp-1m"), (None, "trees")]
    trees = study.entrants()[-1]
    assert list(trees.search) == ["reference.leaves"]
    assert (trees.settings.metric, trees.settings.seed) == ("log_loss", 4)
    other = read_run({**trees.settings.to_table(), "reference": {"name": "lightgbm", "leaves": 7}}, where="trial")
    assert other.trees.leaves == 7 and other.with_seed(9).seed == 9
    assert read_run(trees.settings.to_table(), where="again") == trees.settings


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"name": "mlp"}, r"no reference is called 'mlp'"),
        ({"name": "lightgbm", "budget_setting": ["leaves"]}, r"a reference has no budget_setting: .* Remove it"),
        ({"name": "lightgbm", "settings": {"leafs": 7}}, r"no setting 'leafs'. Did you mean 'leaves'"),
        ({"name": "lightgbm", "label": "mlp"}, r"two models are called 'mlp'"),
    ],
)
def test_a_reference_is_read_as_strictly(block, message):
    with pytest.raises(ConfigError, match=message):
        read(reference=[block])


def test_a_study_may_be_cut_to_some_of_its_data_sets():
    study = read(data=[{"name": "adult", "recipe": "adult"}, {"name": "other", "recipe": "planted"}])
    assert [entrant.data.name for entrant in study.only(["other"]).entrants()] == ["other"]
    assert study.only(["adult", "other"]) == study
    with pytest.raises(ConfigError, match=r"s.toml: has no data set 'adlut'. Did you mean 'adult'\?"):
        study.only(["adlut"])


def test_a_study_may_be_cut_to_some_targets_of_its_budget_and_its_names_stay():
    study = read(budget={"kind": "parameters", "targets": [300_000, 1_000_000]})
    labels = [entrant.label for entrant in study.entrants()]
    kept = [entrant.label for entrant in study.only(targets=[1_000_000]).entrants()]
    assert kept == [label for label in labels if not label.endswith("-300k")]
    assert study.only() == study
    with pytest.raises(ConfigError, match=r"no budget target 400,000. Its targets are \[300000, 1000000\]"):
        study.only(targets=[400_000])


def test_a_study_may_be_cut_to_some_models_and_what_they_are_tuned_as_stays():
    data = [{"name": "adult", "recipe": "adult"}, {"name": "other", "recipe": "planted"}]
    models = [{"name": "mlp"}, {"name": "ssr_s", "label": "ours", "only": ["other"]}, {"name": "fm"}]
    study = read(data=data, model=models, reference=[{"name": "lightgbm"}])
    labels = [(e.data.name, e.label) for e in study.only(labels=["ours", "lightgbm"]).entrants()]
    assert labels == [("other", "ours"), ("other", "lightgbm")], "no model of these stands on adult"
    assert study.only(labels=["mlp", "ours", "fm", "lightgbm"]) == study
    with pytest.raises(ConfigError, match=r"s.toml: has no model 'our'. Did you mean 'ours'\?"):
        study.only(labels=["our"])
    for names, wanted in ((["adult"], ["ours"]), ([], ["lightgbm"])):
        with pytest.raises(ConfigError, match="references stand beside models alone. Ask for a model that stands"):
            study.only(names, labels=wanted)
    budget = {"kind": "parameters", "targets": [1_000, 10_000], "tuned_at": 1_000}
    sized = read(budget=budget, study={"name": "s", "trials": 1}, model=[{"name": "mlp"}, {"name": "ssr_s"}])
    (large,) = sized.only(targets=[10_000], labels=["ssr_s"]).entrants()
    assert large.tuned_as is not None and large.tuned_as.label == "ssr_s-1k"


def test_a_reference_does_not_stand_beside_models_that_see_a_share_of_the_rows():
    data = [{"name": "adult", "recipe": "adult", "train_share": 0.5}]
    with pytest.raises(ConfigError, match=r"trains on all rows, so it cannot stand beside models with .* 0.5"):
        read(data=data, reference=[{"name": "lightgbm"}]).entrants()
