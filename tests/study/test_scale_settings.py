"""A scaling study's file is read strictly, and says which points lie on which curve."""

from pathlib import Path

import pytest

from tamis.errors import ConfigError
from tamis.study import load_scale, read_scale

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "experiments" / "studies").glob("scaling-*.toml"))
POINTS_OF_A_LAW = 4
WITHOUT_A_LAW = {
    "scaling-planted": {"rank_mixer", "wukong"},
    "scaling-planted-no-norm": {"mlp", "ssr_s", "ssr_d", "rank_mixer", "wukong"},
}
"""Curves that end early, for the time they take: they have slopes, but no law."""

SIZES = {"kind": "parameters", "targets": [1_000, 10_000, 100_000]}


def read(**parts):
    table = {
        "study": {"name": "s"},
        "data": [{"name": "adult", "recipe": "adult"}],
        "model": [{"name": "mlp", "budget_setting": "hidden"}],
        **parts,
    }
    return read_scale(table, where="s.toml")


def labels_of(settings):
    return {curve: [point.entrant.label for point in points] for (_, curve), points in settings.curves().items()}


def test_there_are_studies_to_load():
    assert STUDIES


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_a_shipped_study_loads(path):
    settings = load_scale(path)
    assert settings.study.rules.name == path.stem
    few = {curve for (_, curve), points in settings.curves().items() if len(points) < POINTS_OF_A_LAW}
    assert few == WITHOUT_A_LAW.get(path.stem, set())


def test_sizes_make_one_curve_a_model_and_data_set():
    settings = read(budget=SIZES, model=[{"name": "mlp"}, {"name": "ssr_s", "label": "sparse"}])
    assert labels_of(settings) == {
        "mlp": ["mlp-1k", "mlp-10k", "mlp-100k"],
        "sparse": ["sparse-1k", "sparse-10k", "sparse-100k"],
    }


def test_a_curve_ends_where_its_model_does():
    settings = read(budget=SIZES, model=[{"name": "mlp"}, {"name": "ssr_s", "targets": [1_000, 10_000]}])
    assert labels_of(settings)["ssr_s"] == ["ssr_s-1k", "ssr_s-10k"]


def test_at_equal_sizes_each_shape_has_a_curve_of_its_own():
    model = {"name": "mlp", "grid": {"depth": {"one": {"hidden": [32]}, "two": {"hidden": [32, 16]}}, "dim": [8, 16]}}
    settings = read(budget=SIZES, model=[model])
    curves = labels_of(settings)
    assert list(curves) == [f"mlp, depth {depth}, dim {dim}" for depth in ("one", "two") for dim in (8, 16)]
    assert curves["mlp, depth two, dim 16"] == [f"mlp-depthtwo-dim16-{size}" for size in ("1k", "10k", "100k")]
    (point, *_) = settings.curves()["adult", "mlp, depth two, dim 16"]
    assert point.entrant.settings.model_settings.hidden == (32, 16)
    assert point.entrant.settings.model_settings.dim == 16
    assert point.place == {"depth": "two", "dim": "16", "size": "1k"} and point.name == "mlp"


def test_without_sizes_the_curve_runs_along_the_grid_of_all_models_and_of_one():
    models = [{"name": "mlp"}, {"name": "ssr_s", "grid": {"views": [[4, 4], [8, 8]]}}]
    settings = read(scale={"grid": {"dim": [4, 8]}}, model=models)
    assert labels_of(settings) == {
        "mlp": ["mlp-dim4", "mlp-dim8"],
        "ssr_s": [f"ssr_s-dim{dim}-views{views}" for dim in (4, 8) for views in ("4x4", "8x8")],
    }
    apart = read(scale={"grid": {"dim": [4, 8]}, "along": ["dim"]}, model=models[:1])
    assert labels_of(apart) == {"mlp": ["mlp-dim4", "mlp-dim8"]}


def test_shares_of_the_rows_are_points_along_rows_and_curves_along_sizes():
    scale = {"data_shares": [0.1, 0.5, 1.0]}
    by_size = read(budget=SIZES, scale=scale)
    assert list(labels_of(by_size)) == ["mlp, share 0.1", "mlp, share 0.5", "mlp, share 1"]
    by_rows = read(budget=SIZES, scale=scale | {"axis": "rows"})
    assert labels_of(by_rows)["mlp, size 10k"] == [f"mlp-share{share}-10k" for share in ("0.1", "0.5", "1")]
    shares = [point.entrant.settings.data.train_share for point in by_rows.curves()["adult", "mlp, size 10k"]]
    assert shares == [0.1, 0.5, None]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, r"model 'mlp': nothing grows. Give \[budget\] several targets, \[scale\] a grid"),
        ({"scale": {"axes": "flops"}}, r"\[scale\]: Scale has no setting 'axes'. Did you mean 'axis'\?"),
        ({"scale": {"data_shares": [0.0, 1.0]}}, r"data_shares must be .* above 0 and up to 1; got \[0.0, 1.0\]"),
        ({"scale": {"data_shares": [0.5, 0.5]}}, r"data_shares must be .* differ"),
        ({"scale": {"threshold": 0.0}}, r"threshold must be above 0 and below 1 and draws at least 100; got 0.0"),
        ({"scale": {"grid": {"dim": []}}}, r"grid 'dim': must be a list of values that differ, .* got \[\]"),
        ({"scale": {"grid": {"dim": [8, 8]}}}, r"grid 'dim': two of \[8, 8\] become the same folder, '8'. Give values"),
        (
            {"scale": {"grid": {"shape": {"a b": {"dim": 8}, "a_b": {"dim": 16}}}}},
            r"grid 'shape': two of \['a b', 'a_b'\] become the same folder, 'a_b'. .* names that differ in letters",
        ),
        (
            {"budget": SIZES, "scale": {"axis": "active"}, "model": [{"name": "mlp", "worth": {"threshold": 2.0}}]},
            r"model 'mlp': has a part worth, .* Take another axis than 'active', or leave worth out",
        ),
        ({"scale": {"grid": {"size": [8, 16]}}}, r"grid 'size': is said by \[budget\] targets"),
        ({"scale": {"grid": {"dmi": [8, 16]}}}, r"MLPConfig has no setting 'dmi'. Did you mean 'dim'\?"),
        (
            {"budget": SIZES, "scale": {"along": ["dim"]}},
            r"its curves run along 'dim', which does not vary. Known: size",
        ),
        ({"budget": SIZES, "scale": {"axis": "rows"}}, r"its curves run along 'share', which does not vary"),
        (
            {
                "budget": SIZES,
                "study": {"name": "s", "trials": 2, "selection_gain": True},
                "search": {"model.dim": {"choices": [8]}},
            },
            r"selection_gain belongs to tamis compare",
        ),
        ({"budget": SIZES, "reference": [{"name": "lightgbm"}]}, r"a scaling study has none. Remove \[\[reference\]\]"),
        ({"modell": []}, r"s.toml: a study has no part 'modell'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(parts, message):
    with pytest.raises(ConfigError, match=message):
        read(**parts)
