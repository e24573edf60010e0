"""Train DCNv2 with DeepCTR-Torch, as its documentation does: ``compile``, ``fit``, ``predict`` on arrays by name."""

import time

import torch
from deepctr_torch.callbacks import Callback
from deepctr_torch.inputs import SparseFeat
from deepctr_torch.models import DCN
from job import Job, Stopwatch, count_parameters, peak_megabytes


class EpochTimes(Callback):
    """The seconds of each epoch; the conversion of all rows before the first is not part of them."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stop the clock."""
        self.seconds.append(time.perf_counter() - self.started)


def train(job: Job) -> None:
    """Train, score, report."""
    watch = Stopwatch()
    columns, labels = job.columns("train")
    features = [SparseFeat(name, size, job.dim) for name, size in zip(job.names, job.sizes, strict=True)]
    preparing = watch.lap()
    model = DCN(
        [],  # no linear part beside the network
        features,
        cross_num=job.crosses,
        cross_parameterization="matrix",
        dnn_hidden_units=tuple(job.hidden),
        l2_reg_linear=0,
        l2_reg_embedding=0,
        l2_reg_cross=0,
        l2_reg_dnn=0,
        seed=job.seed,
    )
    model.compile(torch.optim.Adam(model.parameters(), lr=job.learning_rate), "binary_crossentropy")
    times = EpochTimes()
    watch.lap()
    model.fit(columns, labels, batch_size=job.batch_size, epochs=job.epochs, verbose=0, callbacks=[times])
    preparing += watch.lap() - sum(times.seconds)
    peak = peak_megabytes()
    job.finish(
        packages=["deepctr-torch", "torch"],
        scores=model.predict(job.columns("test")[0], batch_size=job.batch_size),
        train_seconds=sum(times.seconds),
        prepare_seconds=preparing,
        peak_megabytes=peak,
        parameters=count_parameters(model),
        model="DCN(cross_parameterization='matrix') without its linear part: full-rank crosses beside a deep network",
        training=f"Adam at {job.learning_rate:g} over whole tables in float32; the weight penalties are off",
    )


if __name__ == "__main__":
    train(Job.read())
