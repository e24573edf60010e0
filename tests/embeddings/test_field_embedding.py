import json
from dataclasses import replace

import pytest
import torch

from tamis.batch import Batch
from tamis.embeddings import FieldEmbedding
from tamis.errors import ConfigError
from tamis.features.layout import Context, DenseField, IdField, Layout, ListField

LAYOUT = Layout(
    tables={"item": 9, "user": 7, "tag": 5, "unused": 100},
    ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
    lists=(
        ListField(name="tags", table="tag", max_length=4, ordered=False),
        ListField(name="history", table="item", max_length=4, ordered=True),
    ),
    dense=(DenseField(name="price", width=1), DenseField(name="image", width=3)),
)
NO_IDS = torch.empty(2, 0, dtype=torch.int32)


def batch() -> Batch:
    return Batch(
        ids=torch.tensor([[2, 3], [6, 8], [1, 0]], dtype=torch.int32),
        lists=(
            torch.tensor([[2, 3, 0], [4, 0, 0], [0, 0, 0]], dtype=torch.int32),
            torch.tensor([[8, 8], [2, 0], [0, 0]], dtype=torch.int32),
        ),
        dense=torch.randn(3, 4),
    )


def test_fields_are_embedded_in_the_order_of_the_layout():
    torch.manual_seed(0)
    embed = FieldEmbedding(LAYOUT, dim=4)
    rows = batch()
    output = embed(rows)
    assert output.shape == (3, 6, 4) == (3, len(LAYOUT.field_names), 4)
    table, offsets = embed.table.weight, embed.table.offsets
    for row in range(3):
        torch.testing.assert_close(output[row, 0], table[offsets["user"] + rows.ids[row, 0]])
        torch.testing.assert_close(output[row, 1], table[offsets["item"] + rows.ids[row, 1]])
        for place, (name, ids) in enumerate(zip(("tag", "item"), rows.lists, strict=True), start=2):
            known = [int(number) for number in ids[row] if number != 0]
            expected = sum((table[offsets[name] + number] for number in known), torch.zeros(4))
            torch.testing.assert_close(output[row, place], expected / max(1, len(known)))
    torch.testing.assert_close(output[:, 4:], embed.dense(rows.dense))


def test_an_empty_list_is_a_zero_vector():
    output = FieldEmbedding(LAYOUT, dim=4)(batch())
    assert not output[2, 2].any() and not output[2, 3].any()


def test_a_table_two_fields_share_gets_one_gradient_of_distinct_rows():
    embed = FieldEmbedding(LAYOUT, dim=2)
    embed(batch()).sum().backward()
    grad = embed.table.weight.grad
    assert grad.is_coalesced()
    offsets = embed.table.offsets
    expected = {offsets["user"] + i for i in (1, 2, 6)} | {offsets["item"] + i for i in (2, 3, 8)}
    expected |= {offsets["tag"] + i for i in (2, 3, 4)}
    assert set(grad.indices()[0].tolist()) == expected
    item_8 = grad.to_dense()[offsets["item"] + 8]
    torch.testing.assert_close(item_8, torch.full((2,), 2.0))  # once as an id, twice a half in a list


def test_padding_appended_to_a_list_changes_nothing():
    embed, rows = FieldEmbedding(LAYOUT, dim=4), batch()
    longer = tuple(torch.nn.functional.pad(ids, (0, 3)) for ids in rows.lists)
    padded = Batch(ids=rows.ids, lists=longer, dense=rows.dense)
    torch.testing.assert_close(embed(padded), embed(rows))


def test_a_table_no_field_names_is_not_made():
    embed = FieldEmbedding(LAYOUT, dim=2)
    assert embed.table.weight.shape == (21, 2)


def test_dense_fields_alone_need_no_table():
    layout = Layout(tables={}, dense=(DenseField(name="image", width=3),))
    embed = FieldEmbedding(layout, dim=2)
    assert embed.table is None
    assert embed(Batch(ids=torch.empty(4, 0, dtype=torch.int32), dense=torch.randn(4, 3))).shape == (4, 1, 2)


def test_a_scaled_number_multiplies_a_vector_of_its_own():
    torch.manual_seed(0)
    embed, rows = FieldEmbedding(LAYOUT, dim=4, init_bound=0.01, numbers="scaled"), batch()
    price = embed(rows)[:, 4]
    for row in range(3):
        torch.testing.assert_close(price[row], rows.dense[row, 0] * embed.dense.weight[0])
    assert embed.dense.weight.abs().max() <= 0.01
    assert not any("bias" in name for name, _ in embed.named_parameters())


def test_lists_alone_are_embedded():
    layout = Layout(tables={"tag": 5}, lists=(LAYOUT.lists[0],))
    rows = Batch(ids=NO_IDS, lists=(torch.tensor([[2, 0], [3, 4]]),), dense=torch.empty(2, 0))
    embed = FieldEmbedding(layout, dim=2)
    torch.testing.assert_close(embed(rows)[1, 0], embed.table.weight[3:5].mean(0))


def test_a_layout_without_features_is_refused():
    with pytest.raises(ConfigError, match="at least one feature field .* got 0 fields and dim 4"):
        FieldEmbedding(Layout(tables={}), dim=4)


ATTENDED = replace(LAYOUT, lists=(LAYOUT.lists[0], replace(LAYOUT.lists[1], target="item")))


def test_a_list_with_a_target_is_attended_from_it_and_all_else_stays():
    torch.manual_seed(0)
    embed = FieldEmbedding(ATTENDED, dim=4)
    torch.manual_seed(0)
    means = FieldEmbedding(LAYOUT, dim=4)
    rows = batch()
    output, expected = embed(rows), means(rows)
    same = [0, 1, 2, 4, 5]
    torch.testing.assert_close(output[:, same], expected[:, same])
    table, start = embed.table.weight, embed.table.offsets["item"]
    (attention,) = embed.attention.values()
    seen, item = table[start + rows.lists[1]], table[start + rows.ids[:, 1]]
    torch.testing.assert_close(output[:, 3], attention(seen * (rows.lists[1] != 0).unsqueeze(2), item))
    assert output[:2, 3].abs().min() > 0
    assert not output[2, 3].any(), "an empty list is zero"


def test_weights_of_ids_are_not_attended():
    assert not FieldEmbedding(ATTENDED.unattended, dim=1).attention


def test_targets_are_told_by_the_layout_and_survive_json():
    assert [field.name for field in ATTENDED.attended] == ["history"]
    assert LAYOUT.attended == ATTENDED.unattended.attended == ()
    assert Layout.from_json(json.loads(json.dumps(ATTENDED.to_json()))) == ATTENDED
    assert "target" not in str(LAYOUT.to_json()), "as layouts were written before there were targets"


IN_CONTEXT = replace(LAYOUT, context=Context(field="item", left_out={"user": (3, 8), "tags": (0,), "image": (8,)}))


def test_where_the_context_leaves_a_field_out_its_vector_is_zero_and_learns_nothing():
    torch.manual_seed(0)
    embed = FieldEmbedding(IN_CONTEXT, dim=4)
    torch.manual_seed(0)
    plain = FieldEmbedding(LAYOUT, dim=4)
    rows = batch()
    output, expected = embed(rows), plain(rows).detach().clone()
    for row, item in enumerate(rows.ids[:, 1].tolist()):
        for place, name in enumerate(LAYOUT.field_names):
            if item in IN_CONTEXT.context.left_out.get(name, ()):
                expected[row, place] = 0.0
    assert torch.equal(output, expected) and (expected == 0).all(dim=2).sum() >= 4
    output.sum().backward()
    users = embed.table.weight.grad.to_dense()[embed.table.offsets["user"] :][: LAYOUT.tables["user"]]
    assert users.abs().sum(dim=1).nonzero().flatten().tolist() == [1], "of the rows' users 2, 6 and 1"


def test_a_context_survives_json_and_is_no_weight():
    assert Layout.from_json(json.loads(json.dumps(IN_CONTEXT.to_json()))) == IN_CONTEXT
    assert "context" not in LAYOUT.to_json(), "as layouts were written before there were contexts"
    assert FieldEmbedding(IN_CONTEXT, dim=4).state_dict().keys() == FieldEmbedding(LAYOUT, dim=4).state_dict().keys()
