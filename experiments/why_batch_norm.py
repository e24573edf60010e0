"""Which part of BatchNorm on the embedded fields lets a model learn more in one pass: the centre or the scale?

    python experiments/why_batch_norm.py        writes results/studies/input-norm/parts.json, and goes on where it was

SSR-D and the MLP at 300,000 dense parameters, as in ``studies/input-norm.toml``, on the same log; in place of the
normalisation stands a part of it. ``base rate`` has none, but begins with the click rate in place of one half. Only
validation rows are scored. Half an hour on two cores.
"""

import argparse
import dataclasses
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tamis.data import EncodedSet
from tamis.experiment import build_model, make_batches, prepare_data, read_settings
from tamis.layers import AveragedBatchNorm, TaskTowers
from tamis.record import command_line, machine, versions, write_whole
from tamis.training import train

MODELS = {
    "ssr_d": {"preset": "paper", "views": [8], "widths": [56]},
    "mlp": {"hidden": [372, 184]},
}
TRAINING = {"epochs": 1, "evaluations_per_epoch": 4, "batch_size": 4096, "device": "cpu"}
NOTE = "validation AUC after one pass, the best of four evaluations, with parts of BatchNorm on the embedded fields"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variant:
    """What is done to the embedded fields, and where the model begins."""

    centres: bool = False
    scales: bool = False
    starts_at_base_rate: bool = False


VARIANTS = {
    "none": Variant(),
    "scale": Variant(scales=True),
    "centre": Variant(centres=True),
    "centre and scale": Variant(centres=True, scales=True),
    "base rate": Variant(starts_at_base_rate=True),
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
    settings = {"models": MODELS, "training": TRAINING}
    earlier = json.loads(arguments.out.read_text()) if arguments.out.exists() else None
    if earlier is not None and (earlier["dataset"], earlier["settings"]) != (encoded.name, settings):
        sys.exit(f"{arguments.out} holds runs of another log or other settings. Name another file with --out.")
    found = {
        "dataset": encoded.name,
        "note": NOTE,
        "settings": settings,
        "command": command_line("python", f"experiments/{Path(sys.argv[0]).name}"),
        "machine": machine(),
        "versions": versions(),
        "runs": [] if earlier is None else earlier["runs"],
    }
    done = {(run["model"], run["variant"], run["seed"]) for run in found["runs"]}
    for seed in arguments.seeds:
        for name in MODELS:
            for label, variant in VARIANTS.items():
                if (name, label, seed) in done:
                    continue
                auc = measure(data, encoded, name, variant, seed=seed)
                found["runs"].append({"model": name, "variant": label, "seed": seed, "valid_auc": auc})
                write_whole(arguments.out, json.dumps(found, indent=1) + "\n")
                print(f"{name} {label} seed {seed}: {auc:.4f}", flush=True)
    print(arguments.out)


def measure(data: dict[str, Any], encoded: EncodedSet, name: str, variant: Variant, *, seed: int) -> float:
    """The best validation AUC of one pass."""
    model_table = {"name": name, "dim": 16, "input_norm": "none", **MODELS[name]}
    table = {"data": data, "model": model_table, "training": {**TRAINING, "seed": seed}}
    settings = read_settings(table, where="why_batch_norm")
    model = build_model(settings, encoded)
    if variant.centres or variant.scales:
        width = 16 * encoded.layout.num_fields
        model.norm = PartOfBatchNorm(width, centres=variant.centres, scales=variant.scales)
    if variant.starts_at_base_rate:
        rows, [task] = encoded.manifest.splits["train"], encoded.layout.tasks
        assert isinstance(model.head, TaskTowers)
        odds = rows.positives[task] / (rows.rows - rows.positives[task])
        [score] = model.head.scores
        nn.init.constant_(score.bias, math.log(odds))  # type: ignore[arg-type]
    aucs = []
    with tempfile.TemporaryDirectory() as folder:
        train(
            model,
            source=make_batches(settings, encoded, "train"),
            valid=make_batches(settings, encoded, "valid"),
            settings=settings.training,
            folder=folder,
            report=lambda progress: aucs.append(progress.valid["auc"]) if progress.valid else None,
        )
    return max(aucs)


if __name__ == "__main__":
    main()
