"""Why does SSR promise too few clicks on Criteo? Its dropout, its normalisation, or where it begins?

    python experiments/why_calibration.py --from FOLDER        writes results/studies/start/calibration.json

Started again, it goes on where it was.

Models of the table at 300,000 dense parameters with the settings that tuning chose for them there, each with one thing
changed. Only training and validation rows are scored, with the weights that were best on validation by AUC. Some
25 minutes on one core.
"""

import argparse
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from one_by_one import run_one_by_one
from torch import nn
from train_aside import train_aside

from tamis.data import EncodedSet
from tamis.experiment import ExperimentSettings, build_model, load_settings, make_batches, prepare_data
from tamis.record import RunRecord
from tamis.training import evaluate

RESULTS = Path(__file__).resolve().parents[1] / "results"
TABLE = "criteo-60k/column-part"
MODELS = ("ssr_s_paper-300k", "ssr_d_paper-300k", "dcn_v2-300k")
NOTE = (
    "the model of the table with one thing changed, trained and chosen as there: AUC, normalised entropy and "
    "calibration ratio on validation rows, and that ratio on training rows, as served and as in training, with "
    "dropout acting"
)

AFTER_NORM, BASE_RATE = "model.dropout_place=after_norm", "training.start=base_rate"
OVERRIDES: dict[str, tuple[str, ...]] = {
    "as tuned": (),
    "no dropout inside": ("model.dropout=0.0",),
    "no input dropout": ("model.input_dropout=0.0",),
    "no dropout": ("model.dropout=0.0", "model.input_dropout=0.0"),
    "dropout after the norm": (AFTER_NORM,),
    "base rate": (BASE_RATE,),
    "dropout after the norm, base rate": (AFTER_NORM, BASE_RATE),
}


class AsInTraining(nn.Module):
    """A model that also scores in the mode of training, with dropout acting."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *batch: Any) -> Any:
        """Score a batch as a training step would."""
        self.model.train()
        return self.model(*batch)


def main() -> None:
    """Train what is not in the file yet, and write it anew after each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--from", dest="from_folder", type=Path, help="where the data lie, if not in the cache")
    parser.add_argument("--out", type=Path, default=RESULTS / "studies" / "start" / "calibration.json")
    arguments = parser.parse_args()
    encoded = prepare_data(load_settings(tuned(MODELS[0])).data, from_folder=arguments.from_folder)
    facts = {
        "dataset": encoded.name,
        "fingerprint": encoded.fingerprint,
        "note": NOTE,
        "settings": {model: RunRecord.load(tuned(model)).settings for model in MODELS},
        "variants": OVERRIDES,
    }
    runs = [
        {"model": model, "variant": variant, "seed": seed}
        for seed in arguments.seeds
        for model in MODELS
        for variant, overrides in OVERRIDES.items()
        if model.startswith("ssr") or AFTER_NORM not in overrides
    ]
    run_one_by_one(arguments.out, facts, runs, partial(measure, encoded=encoded))


def measure(run: Mapping[str, Any], *, encoded: EncodedSet) -> dict[str, float]:
    """Train one variant, and score the training and validation rows with its best weights."""
    overrides = (*OVERRIDES[run["variant"]], f"training.seed={run['seed']}")
    settings = load_settings(tuned(run["model"]), overrides)
    model = build_model(settings, encoded)
    return train_and_score(model, settings, encoded)


def tuned(model: str) -> Path:
    """A record of the table, which holds the settings that tuning chose."""
    return RESULTS / TABLE / model / "seed-0.json"


def train_and_score(model: nn.Module, settings: ExperimentSettings, encoded: EncodedSet) -> dict[str, float]:
    """What the best weights say of the validation rows, and of the training rows in both modes."""
    train_aside(model, settings, encoded)
    source, valid = (make_batches(settings, encoded, split) for split in ("train", "valid"))
    told = evaluate(model, valid, precision="fp32", device="cpu").values
    served = evaluate(model, source, precision="fp32", device="cpu").values
    torch.manual_seed(settings.training.seed)
    acting = evaluate(AsInTraining(model), source, precision="fp32", device="cpu").values
    return {
        "auc": told["auc"],
        "normalised_entropy": told["normalised_entropy"],
        "calibration_ratio": told["calibration_ratio"],
        "calibration_ratio_train": served["calibration_ratio"],
        "calibration_ratio_in_training": acting["calibration_ratio"],
    }


if __name__ == "__main__":
    main()
