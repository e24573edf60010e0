"""Train DCNv2 with torch-rechub, as its documentation does: ``DataGenerator`` and ``CTRTrainer``."""

import torch
from job import Job, Stopwatch, count_parameters, peak_megabytes
from torch_rechub.basic.features import SparseFeature
from torch_rechub.models.ranking import DCNv2
from torch_rechub.trainers import CTRTrainer
from torch_rechub.utils.data import DataGenerator


def train(job: Job) -> None:
    """Train, score, report."""
    torch.manual_seed(job.seed)
    watch = Stopwatch()
    columns, labels = job.columns("train")
    test_columns, test_labels = job.columns("test")
    train_rows, _, test_rows = DataGenerator(columns, labels).generate_dataloader(
        x_val={name: column[:1] for name, column in test_columns.items()},  # it wants some; they are not looked at
        y_val=test_labels[:1],
        x_test=test_columns,
        y_test=test_labels,
        batch_size=job.batch_size,
    )
    preparing = watch.lap()
    features = [SparseFeature(name, size, job.dim) for name, size in zip(job.names, job.sizes, strict=True)]
    model = DCNv2(
        features,
        n_cross_layers=job.crosses,
        mlp_params={"dims": job.hidden},
        model_structure="parallel",
        use_low_rank_mixture=False,
    )
    trainer = CTRTrainer(model, optimizer_params={"lr": job.learning_rate}, n_epoch=job.epochs)
    watch.lap()
    for _ in range(job.epochs):
        trainer.train_one_epoch(train_rows)
    training, peak = watch.lap(), peak_megabytes()
    job.finish(
        packages=["torch-rechub", "torch"],
        scores=trainer.predict(model, test_rows),
        train_seconds=training,
        prepare_seconds=preparing,
        peak_megabytes=peak,
        parameters=count_parameters(model),
        model="DCNv2(model_structure='parallel', use_low_rank_mixture=False); its MLP has BatchNorm in every layer",
        training=f"Adam at {job.learning_rate:g} over whole tables in float32; the weight decay of its trainer is off",
    )


if __name__ == "__main__":
    train(Job.read())
