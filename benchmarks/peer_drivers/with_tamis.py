"""Train DCNv2 with tamis and the default settings of its training; or encode a CSV file with its ``prepare``."""

import torch
from job import Job, Stopwatch, count_parameters, peak_megabytes

from tamis.data import SplitSettings, open_source, prepare
from tamis.data.batching import EncodedBatches
from tamis.data.recipes import RECIPES
from tamis.features import EncodedChunk, IdField, Layout
from tamis.kernels import kernels_for
from tamis.models import MODELS
from tamis.training import DenseOptimizer, TrainingSettings, evaluate
from tamis.training import train as train_model


def train(job: Job) -> None:
    """Train, score, report."""
    watch = Stopwatch()
    layout = Layout(
        tables=dict(zip(job.names, job.sizes, strict=True)),
        ids=tuple(IdField(name=name, table=name) for name in job.names),
    )
    batches = {part: make_batches(job, part, layout) for part in ("train", "valid")}
    preparing = watch.lap()
    entry = MODELS["dcn_v2"]
    config = entry.config(
        dim=job.dim,
        num_crosses=job.crosses,
        hidden=tuple(job.hidden),
        structure="parallel",
        input_norm="none",  # as in the paper and in the peers
    )
    torch.manual_seed(job.seed)
    model = entry.build(config, layout)
    kernels_for(torch.zeros(1, dtype=torch.bfloat16))  # compiled once a machine, which is no part of an epoch
    settings = TrainingSettings(
        epochs=job.epochs,
        batch_size=job.batch_size,
        seed=job.seed,
        dense=DenseOptimizer(learning_rate=job.learning_rate),
        checkpoint_minutes=None,
    )
    result = train_model(
        model, source=batches["train"], valid=batches["valid"], settings=settings, folder=job.folder / "run"
    )
    peak = peak_megabytes()
    scored = evaluate(model, make_batches(job, "test", layout), keep_rows=True).scored
    assert scored is not None
    tables, dense = settings.tables, settings.dense
    job.finish(
        packages=["torch"],
        scores=scored.probabilities,
        train_seconds=result.train_seconds,
        prepare_seconds=preparing,
        peak_megabytes=peak,
        parameters=count_parameters(model),
        model="dcn_v2 without the BatchNorm of the input that it has by default and the peers do not have",
        training=f"{tables.name} at {tables.learning_rate:g} on the rows of a batch, AdamW at {dense.learning_rate:g} "
        f"for the rest, {result.precision}: its defaults",
    )


def make_batches(job: Job, part: str, layout: Layout) -> EncodedBatches:
    """The rows of one part, the training part in a new order every epoch."""
    columns, labels = job.columns(part)
    rows = EncodedChunk(rows=len(labels), ids=columns, labels={layout.tasks[0]: labels})
    return EncodedBatches(rows, layout, batch_size=job.batch_size, shuffle_seed=job.seed if part == "train" else None)


def encode(job: Job) -> None:
    """Encode the CSV file by the recipe for Criteo; nearly all rows are fitted on, as the peer fits on all."""
    categories = {name: "text" for name in job.names if name.startswith("C")}
    watch = Stopwatch()
    prepare(
        source=open_source(job.log, types=categories),
        schema=RECIPES["criteo"].schema,
        split=SplitSettings(fractions=(0.98, 0.01, 0.01)),
        folder=job.folder / "encoded",
    )
    job.finish(packages=["polars"], encode_seconds=watch.lap())


if __name__ == "__main__":
    given = Job.read()
    {"train": train, "encode": encode}[given.task](given)
