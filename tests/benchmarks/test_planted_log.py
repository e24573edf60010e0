"""The planted log says the same every time, and its labels follow the rule that was planted."""

import numpy as np
import pytest

from tamis.metrics.auc import AUC


@pytest.fixture
def planted():
    import planted_log

    return planted_log


def auc_of(scores, labels):
    auc = AUC()
    auc.update(1 / (1 + np.exp(-scores)), labels)
    return auc.compute()


def test_the_same_seed_gives_the_same_log_and_another_seed_another(planted):
    first, second, other = (planted.make_planted_log(500, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.ids, second.ids)
    assert np.array_equal(first.labels, second.labels)
    assert not np.array_equal(first.ids, other.ids)


def test_every_id_lies_inside_its_field(planted):
    ids = planted.make_planted_log(20_000).ids
    assert ids.shape == (20_000, 39)
    assert ids.min() >= 0
    assert (ids.max(axis=0) < np.array(planted.SIZES)).all()


def test_labels_follow_the_rule_and_its_pairs_of_fields(planted):
    log = planted.make_planted_log(20_000)
    whole = auc_of(planted.planted_logits(log.ids, seed=0), log.labels)
    single = auc_of(planted.planted_logits(log.ids, seed=0, with_pairs=False), log.labels)
    strange = auc_of(planted.planted_logits(log.ids, seed=1), log.labels)
    assert 0.85 < whole < 0.92
    assert 0.75 < single < whole - 0.03
    assert abs(strange - 0.5) < 0.05
