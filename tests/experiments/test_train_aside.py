"""Every script that trains aside trains as ``tamis train`` does."""

import pytest

from tamis.experiment import build_model, load_settings, prepare_data, run_experiment
from tamis.record import read_curve


@pytest.mark.parametrize("setting", ["training.tables.dtype=bf16", "data.train_share=0.3", "training.start=base_rate"])
def test_every_setting_of_an_experiment_counts(experiment, tmp_path, monkeypatch, setting):
    import cross_validate
    import fast_against_slow
    from train_aside import train_aside

    monkeypatch.setenv("TAMIS_KERNELS", "off")
    settings = load_settings(experiment, ["training.epochs=2", "training.patience=none", setting])
    encoded = prepare_data(settings.data)
    run_experiment(settings, encoded, folder=tmp_path / "run", command="test")
    points = read_curve(tmp_path / "run" / "curve.jsonl")
    expected = [point.valid["auc"] for point in points if point.valid is not None]
    result, aucs = train_aside(build_model(settings, encoded), settings, encoded)
    assert aucs == expected and len(aucs) == 2 and result.best.value == max(aucs)
    monkeypatch.setattr(cross_validate, "encode_fold", lambda *words: encoded)
    assert cross_validate.validate_fold(settings, {}, 0, None) == expected
    arm = fast_against_slow.Arm(precision="auto", tables="row_wise_adagrad", kernels="off")
    assert fast_against_slow.train_and_score(settings, encoded, arm, None)["by_epoch"] == expected
