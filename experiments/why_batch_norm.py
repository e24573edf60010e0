"""Which part of BatchNorm on the embedded fields lets a model learn more in one pass: the centre or the scale?

    python experiments/why_batch_norm.py        writes results/studies/input-norm/parts.json, and goes on where it was

SSR-D and the MLP at 300,000 dense parameters, as in ``studies/input-norm.toml``, on the same log; in place of the
normalisation stands a part of it. ``base rate`` has none, but begins with the click rate in place of one half. Only
validation rows are scored. Half an hour on two cores.
"""

import argparse
import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from one_by_one import run_one_by_one
from torch import Tensor, nn
from train_aside import train_aside

from tamis.data import EncodedSet
from tamis.experiment import build_model, prepare_data, read_settings
from tamis.layers import AveragedBatchNorm
from tamis.training import StartName

MODELS = {
    "ssr_d": {"name": "ssr_d", "dim": 16, "input_norm": "none", "preset": "paper", "views": [8], "widths": [56]},
    "mlp": {"name": "mlp", "dim": 16, "input_norm": "none", "hidden": [372, 184]},
}
TRAINING = {"epochs": 1, "evaluations_per_epoch": 4, "batch_size": 4096, "device": "cpu"}
NOTE = "validation AUC after one pass, the best of four evaluations, with parts of BatchNorm on the embedded fields"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """What is done to the embedded fields, and where the model begins."""

    centres: bool = False
    scales: bool = False
    start: StartName = "half"


VARIANTS = {
    "none": Variant(),
    "scale": Variant(scales=True),
    "centre": Variant(centres=True),
    "centre and scale": Variant(centres=True, scales=True),
    "base rate": Variant(start="base_rate"),
}


class PartOfBatchNorm(nn.Module):
    """Each of the ``fields * dim`` numbers without its mean, over its standard deviation, or both; nothing learned."""

    def __init__(self, width: int, *, centres: bool, scales: bool) -> None:
        super().__init__()
        self.centres, self.scales = centres, scales
        self.statistics = AveragedBatchNorm(width, is_affine=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """``(rows, fields, dim)`` in and out; while training by this batch's statistics, which are remembered."""
        x = vectors.flatten(1)
        known = self.statistics
        if self.training:
            variance, mean = torch.var_mean(x, dim=0)
            known.update_running(mean, variance)
        else:
            variance, mean = known.running_var, known.running_mean
            assert variance is not None and mean is not None
        if self.centres:
            x = x - mean
        if self.scales:
            x = x * torch.rsqrt(variance + known.eps)
        return x.view(vectors.shape)


def main() -> None:
    """Train what is not in the file yet, and write it anew after each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=5_000_000)
    out = Path(__file__).resolve().parents[1] / "results" / "studies" / "input-norm" / "parts.json"
    parser.add_argument("--out", type=Path, default=out)
    arguments = parser.parse_args()
    data = {"recipe": "planted-39", "options": {"rows": arguments.rows}}
    encoded = prepare_data(read_settings({"data": data, "model": {"name": "mlp"}}, where="why_batch_norm").data)
    facts = {
        "dataset": encoded.name,
        "fingerprint": encoded.fingerprint,
        "note": NOTE,
        "settings": {"models": MODELS, "training": TRAINING},
        "variants": {label: dataclasses.asdict(variant) for label, variant in VARIANTS.items()},
    }
    runs = [
        {"model": name, "variant": label, "seed": seed}
        for seed in arguments.seeds
        for name in MODELS
        for label in VARIANTS
    ]
    run_one_by_one(arguments.out, facts, runs, partial(measure, data=data, encoded=encoded))


def measure(run: Mapping[str, Any], *, data: dict[str, Any], encoded: EncodedSet) -> dict[str, float]:
    """The best validation AUC of one pass."""
    variant = VARIANTS[run["variant"]]
    training = {**TRAINING, "seed": run["seed"], "start": variant.start}
    table = {"data": data, "model": MODELS[run["model"]], "training": training}
    settings = read_settings(table, where="why_batch_norm")
    model = build_model(settings, encoded)
    if variant.centres or variant.scales:
        width = settings.model_settings.dim * encoded.layout.num_fields
        model.norm = PartOfBatchNorm(width, centres=variant.centres, scales=variant.scales)
    _, aucs = train_aside(model, settings, encoded)
    return {"valid_auc": max(aucs)}


if __name__ == "__main__":
    main()
