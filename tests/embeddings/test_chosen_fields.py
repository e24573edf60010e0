from dataclasses import replace

import pytest
import torch

from tamis.batch import Batch
from tamis.embeddings import ChosenFields
from tamis.errors import ConfigError
from tamis.features.layout import DenseField, IdField, Layout, ListField

LAYOUT = Layout(
    tables={"item": 9, "user": 7, "tag": 5},
    ids=(IdField(name="user", table="user"), IdField(name="item", table="item")),
    lists=(
        ListField(name="tags", table="tag", max_length=4, ordered=False),
        ListField(name="history", table="item", max_length=4, ordered=True),
    ),
    dense=(DenseField(name="price", width=1), DenseField(name="image", width=3)),
)


def test_each_chosen_field_is_embedded_from_tables_of_its_own():
    torch.manual_seed(0)
    context = ChosenFields(LAYOUT, ("image", "history", "item"), dim=4)
    batch = Batch(
        ids=torch.tensor([[2, 3], [6, 8]]),
        lists=(torch.tensor([[2, 3], [4, 0]]), torch.tensor([[8, 7], [2, 0]])),
        dense=torch.randn(2, 4),
    )
    output, table = context(batch), context.embed.table.weight
    assert table.shape == (9, 4), "the item's table alone"
    torch.testing.assert_close(output[:, 0], table[batch.ids[:, 1]])
    torch.testing.assert_close(output[:, 1], torch.stack([table[7:9].mean(dim=0), table[2]]))
    dense = context.embed.dense
    torch.testing.assert_close(output[:, 2], batch.dense[:, 1:] @ dense.weight + dense.bias[0])


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="one of the fields user, item, tags, history, price, image; got 'usr'"):
        ChosenFields(LAYOUT, ("usr",), dim=4)
    with pytest.raises(ConfigError, match="at least one feature field"):
        ChosenFields(LAYOUT, (), dim=4)


def test_a_list_is_attended_where_its_target_is_chosen_too():
    layout = replace(LAYOUT, lists=(LAYOUT.lists[0], replace(LAYOUT.lists[1], target="item")))
    assert ChosenFields(layout, ("item", "history"), dim=4).embed.attention
    assert not ChosenFields(layout, ("user", "history"), dim=4).embed.attention
