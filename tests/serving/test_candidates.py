"""Many candidates of one request score as their whole rows do."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.batch import Batch, Output
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError, DataError
from tamis.export import Bundle
from tamis.features import Context, Field, Kind, Schema, fit_encoders
from tamis.layers import INPUT_NORMS
from tamis.models import MODELS, SplitModel
from tamis.serving import Scorer

NAMES = list(MODELS)
# Models whose first step is not affine in the field vectors.
WHOLE_ROWS = ("autofis", "autoint", "final_mlp", "wukong")
# Models whose default settings are large.
SMALL = {"afn": {"neurons": 16, "hidden": (32,)}}
# Every way a model's first part may look.
VARIANTS = [
    *((name, {"input_norm": kind}) for name in NAMES if name not in {"lr", *WHOLE_ROWS} for kind in INPUT_NORMS),
    *((name, {}) for name in ("lr", *WHOLE_ROWS)),
    ("afn", {"deep_hidden": (8,)}),
    ("final_net", {"has_gates": True}),
    ("final_net", {"second_hidden": ()}),
    ("gdcn", {"structure": "stacked"}),
    ("masknet", {"structure": "serial"}),
    ("mmoe", {"num_experts": 2, "expert_hidden": (8,), "head": ()}),
    ("rank_mixer", {"num_experts": 2}),
    ("mlp", {"hidden": ()}),
    ("mlp", {"hidden": (8, 8), "head": (4,)}),
    ("dcn_v2", {"structure": "stacked"}),
    ("dcn_v2", {"rank": 3}),
    ("dcn_v2", {"hidden": ()}),
    ("ssr_s", {"preset": "paper"}),
    ("ssr_s", {"preset": "official", "depth": 2}),
    ("ssr_s", {"fusion": "none"}),
    ("ssr_s", {"fusion": "dense", "last": "concat", "views": (4,), "widths": (8,)}),
    ("ssr_d", {"preset": "paper"}),
    ("ssr_d", {"preset": "official"}),
    ("ssr_d", {"preset": "unirank"}),
    ("ssr_d", {"preset": "unirank", "gate": True}),
]
USER = ("user_id", "age", "history", "page")
ITEM = ("item_id", "price", "tags", "image", "size")
SCHEMA = Schema(
    fields=(
        Field(name="user_id", kind=Kind.CATEGORICAL),
        Field(name="item_id", kind=Kind.CATEGORICAL, min_count=2),
        Field(name="age", kind=Kind.NUMERIC),
        Field(name="price", kind=Kind.NUMERIC, encoder="standardise"),
        Field(name="price bucket", column="price", kind=Kind.NUMERIC, encoder="quantile_bucket", buckets=5),
        Field(name="history", kind=Kind.SEQUENCE, share="item_id", min_count=2),
        Field(name="attended", column="history", kind=Kind.SEQUENCE, share="item_id", min_count=2, target="item_id"),
        Field(name="tags", kind=Kind.MULTI_VALUED),
        Field(name="image", kind=Kind.VECTOR),
        Field(name="page", kind=Kind.SCENARIO, encoder="hash", buckets=4),
        Field(name="size", kind=Kind.NUMERIC, encoder="log_bucket"),
        Field(name="click", kind=Kind.LABEL),
        Field(name="like", kind=Kind.LABEL),
    )
)


def make_log(rows: int, *, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    lists = [[int(item) for item in random.integers(0, 30, random.integers(0, 4))] for _ in range(rows)]
    return pl.DataFrame(
        {
            "user_id": random.integers(0, 40, rows),
            "item_id": [f"{item}" for item in random.integers(0, 30, rows)],
            "age": random.integers(10, 90, rows),
            "price": random.lognormal(2.0, 1.0, rows),
            "history": lists,
            "tags": [[f"t{value}" for value in values] for values in lists],
            "image": random.normal(size=(rows, 3)).tolist(),
            "page": [("home", "search")[number] for number in random.integers(0, 2, rows)],
            "size": random.integers(0, 1000, rows),
            "click": random.integers(0, 2, rows),
            "like": random.integers(0, 2, rows),
        },
        schema_overrides={"history": pl.List(pl.Int64), "tags": pl.List(pl.String)},
    )


LOG = make_log(300, seed=0)
ENCODERS = fit_encoders(SCHEMA, [LOG])


def make_scorer(name: str, *, batch_size: int = 8192, context: Context | None = None, **changes) -> Scorer:
    """A scorer whose weights, statistics and constants are as after some training."""
    torch.manual_seed(0)
    config = MODELS[name].config(**{**SMALL.get(name, {}), **changes})
    model = MODELS[name].build(config, replace(ENCODERS.layout, context=context))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.uniform_(-0.1, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        for path, parameter in model.named_parameters():
            if "bias" in path or "norm" in path:
                parameter.add_(torch.empty_like(parameter).uniform_(-0.1, 0.1))
    bundle = Bundle(model_name=name, model_settings=config, model=model, encoders=ENCODERS, context=context)
    return Scorer(bundle, batch_size=batch_size)


def whole(request: dict, items: pl.DataFrame) -> pl.DataFrame:
    """The rows that score_candidates spares, written out."""
    return items.with_columns(
        *(pl.Series(column, [value] * len(items), dtype=LOG.schema[column]) for column, value in request.items())
    )


def request_of(row: int = 0) -> dict:
    return LOG.select(USER).row(row, named=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_whose_first_step_is_affine_declares_the_split(name):
    assert isinstance(make_scorer(name).model, SplitModel) == (name not in WHOLE_ROWS)


@pytest.mark.parametrize(("name", "changes"), VARIANTS)
def test_scores_equal_those_of_whole_rows(name, changes):
    scorer, items = make_scorer(name, **changes), make_log(60, seed=1).select(ITEM)
    expected = scorer.score(whole(request_of(), items))
    assert expected.std(axis=0).min() > 1e-4, "scores that are all alike would prove nothing"
    prepared = scorer.prepare_candidates(items)
    np.testing.assert_allclose(scorer.score_candidates(request_of(), prepared), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(scorer.score_candidates(request_of(), items), expected, rtol=0, atol=1e-5)
    again = scorer.score_candidates(request_of(), prepared)
    np.testing.assert_allclose(again, expected, rtol=0, atol=1e-5, err_msg="scoring must leave the catalogue alone")


@pytest.mark.parametrize("name", NAMES)
def test_scores_equal_those_of_whole_rows_where_the_requests_context_leaves_fields_of_items_out(name):
    page = ENCODERS.layout.tables["page"]
    context = Context(field="page", left_out={"item_id": tuple(range(page)), "price": tuple(range(page))})
    scorer, items = make_scorer(name, context=context), make_log(60, seed=1).select(ITEM)
    expected = scorer.score(whole(request_of(), items))
    assert not np.allclose(expected, make_scorer(name).score(whole(request_of(), items)), atol=1e-4)
    for candidates in (scorer.prepare_candidates(items), items):
        np.testing.assert_allclose(scorer.score_candidates(request_of(), candidates), expected, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(
    name=st.sampled_from(NAMES),
    split=st.sets(st.sampled_from((*USER, *ITEM))),
    rows=st.lists(st.integers(0, 29), max_size=40),
    batch_size=st.sampled_from([7, 8192]),
)
def test_any_columns_may_be_the_requests_and_any_rows_chosen(name, split, rows, batch_size):
    scorer = make_scorer(name, batch_size=batch_size)
    items = make_log(30, seed=2)
    request = {column: items[column][3] for column in sorted(split)}
    request = {key: value.to_list() if isinstance(value, pl.Series) else value for key, value in request.items()}
    own = items.select(*(column for column in (*USER, *ITEM) if column not in split), "like")
    catalogue = scorer.prepare_candidates(own)
    expected = scorer.score(whole(request, items))
    scores = scorer.score_candidates(request, catalogue, rows=rows)
    assert scores.shape == (len(rows), 2)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected[rows], rtol=0, atol=1e-5)
    np.testing.assert_allclose(scorer.score_candidates(request, own, rows=rows), expected[rows], rtol=0, atol=1e-5)
    np.testing.assert_allclose(scorer.score_candidates(request, catalogue), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("how", ["prepared", "frame"])
def test_unseen_values_and_rows_are_counted_as_for_whole_rows(how):
    request = {"user_id": 999, "age": None, "history": ["1", "never", "nor"], "page": None}
    items = make_log(40, seed=3).select(ITEM)
    items = items.with_columns(
        item_id=pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("new")).otherwise("item_id"),
        price=pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise("price"),
        tags=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit(["x", "t1", "y"])).otherwise("tags"),
    )
    rows = [0, 5, 6, 12, 15, 0]
    ours, theirs = make_scorer("mlp"), make_scorer("mlp")
    candidates = ours.prepare_candidates(items) if how == "prepared" else items
    assert ours.rows == 0 and not ours.unseen, "preparing scores nothing"
    scores = ours.score_candidates(request, candidates, rows=rows)
    frame = items[rows].with_columns(
        user_id=pl.lit(999),
        age=pl.lit(None, dtype=pl.Int64),
        history=pl.lit(["1", "never", "nor"]),
        page=pl.lit(None, dtype=pl.String),
    )
    np.testing.assert_allclose(scores, theirs.score(frame), rtol=0, atol=1e-5)
    assert theirs.unseen["history"] == 12 and theirs.unseen["price"] == 3 and theirs.unseen["tags"] == 8
    assert +ours.unseen == +theirs.unseen
    assert ours.rows == theirs.rows == 6


class WholeRows(torch.nn.Module):
    """A model that declares no split."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = FieldEmbedding(ENCODERS.layout, 2)

    def forward(self, batch: Batch) -> Output:
        return Output(logits=self.embed(batch).prod(dim=1) * 1e9)


def test_a_model_without_a_split_scores_whole_rows_through_the_same_call():
    torch.manual_seed(0)
    scorer = Scorer(Bundle(model_name="whole", model_settings=None, model=WholeRows(), encoders=ENCODERS))
    assert not isinstance(scorer.model, SplitModel)
    items = make_log(30, seed=4).select(*ITEM, "click")
    catalogue = scorer.prepare_candidates(items)
    assert catalogue.num_bytes == 0
    expected = scorer.score(whole(request_of(2), items))
    np.testing.assert_array_equal(scorer.score_candidates(request_of(2), catalogue), expected)
    np.testing.assert_array_equal(scorer.score_candidates(request_of(2), items, rows=[4, 2]), expected[[4, 2]])
    assert scorer.score_candidates(request_of(2), catalogue, rows=[]).shape == (0, 2)
    assert scorer.rows == 62


def test_without_a_split_an_empty_request_leaves_the_items_as_they_are():
    scorer = Scorer(Bundle(model_name="whole", model_settings=None, model=WholeRows(), encoders=ENCODERS))
    items = make_log(5, seed=4).select(*USER, *ITEM)
    np.testing.assert_array_equal(scorer.score_candidates({}, items), scorer.score(items))


@pytest.mark.parametrize("name", NAMES)
def test_no_candidates_have_no_scores(name):
    scorer = make_scorer(name)
    nothing = LOG[:0].select(ITEM)
    assert scorer.score_candidates(request_of(), nothing).shape == (0, 2)
    assert scorer.score_candidates(request_of(), scorer.prepare_candidates(nothing)).shape == (0, 2)


def test_shares_take_the_bytes_they_say():
    catalogue = make_scorer("ssr_d", views=(3, 2), widths=(5, 4)).prepare_candidates(LOG[:7].select(ITEM))
    assert len(catalogue) == 7
    shares = 7 * 4 * (2 * 3 * 5)  # competitors and values of the first block
    ids, offsets = 7 * 4 * len(ENCODERS.layout.ids), 8 * 8 * len(ENCODERS.layout.lists)
    assert catalogue.num_bytes == shares + ids + offsets, "and the ids that a history is attended from"


def test_without_a_list_attended_across_no_encoded_items_are_kept():
    scorer = make_scorer("mlp")
    assert scorer.prepare_candidates(LOG[:7].select(*ITEM, "history")).pairs is None, "both stand on one side"
    assert scorer.prepare_candidates(LOG[:7].select(USER)).pairs is not None, "items may hold the history"
    assert scorer.prepare_candidates(LOG[:7].select(*ITEM)).pairs is not None


def test_what_is_attended_across_decides_the_scores():
    scorer, items = make_scorer("mlp"), make_log(60, seed=1).select(ITEM)
    prepared = scorer.prepare_candidates(items)
    exact = scorer.score_candidates(request_of(), prepared)
    scorer._across = lambda *_: None  # negative control
    assert np.abs(scorer.score_candidates(request_of(), prepared) - exact).max() > 1e-4


@pytest.mark.parametrize(
    ("request_changes", "columns", "message"),
    [
        ({"page": ...}, ITEM, r"column 'page' is neither in the request \(user_id, age, history\) nor in the cand"),
        ({"price": 1.0}, ITEM, "column 'price' is in the request and in the candidates. Leave it out of one"),
        ({"agee": 4}, ITEM, "the request has a column that no field of the schema reads: 'agee'. Did you me"),
        ({"zzz": 4}, ITEM, "no field of the schema reads: 'zzz'. Leave it out"),
        ({}, ITEM[1:], r"column 'item_id' is neither .* nor in the candidates \(price, tags, image, size\)"),
        ({"age": "old"}, ITEM, "'age' needs numbers; column 'age' holds the text 'old'"),
    ],
)
def test_columns_that_do_not_fit_are_named(request_changes, columns, message):
    request = {key: value for key, value in {**request_of(), **request_changes}.items() if value is not ...}
    scorer = make_scorer("mlp")
    with pytest.raises(DataError, match=message):
        scorer.score_candidates(request, LOG.select(columns))
    with pytest.raises(DataError, match=message):
        scorer.score_candidates(request, scorer.prepare_candidates(LOG.select(columns)))


def test_an_unknown_column_of_the_items_is_named():
    with pytest.raises(DataError, match="the candidates have a column that no field .* reads: 'pricee'. Did you mean"):
        make_scorer("mlp").prepare_candidates(LOG.select(ITEM).rename({"price": "pricee"}))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 300], "rows must be from 0 to 299, the last of the candidates; got 300"),
        ([-1], "rows must be from 0 to 299, the last of the candidates; got -1"),
        ([0.5], "rows must be a list of whole numbers; got 1 dimensions of float64"),
        ([[1]], "rows must be a list of whole numbers; got 2 dimensions of int64"),
        ([True], r"got 1 dimensions of bool. To choose by a mask, give np.flatnonzero\(mask\)"),
    ],
)
def test_rows_that_do_not_exist_are_refused(rows, message):
    with pytest.raises(DataError, match=message):
        make_scorer("mlp").score_candidates(request_of(), LOG.select(ITEM), rows=rows)


def test_candidates_of_another_scorer_are_refused():
    catalogue = make_scorer("mlp").prepare_candidates(LOG.select(ITEM))
    with pytest.raises(ConfigError, match="prepared by another scorer"):
        make_scorer("mlp").score_candidates(request_of(), catalogue)
