"""Train DCNv2 with FuxiCTR's layers, loader and training loop; or encode a CSV file with its FeatureProcessor."""

import json
import os
import time

import numpy as np
import ray
import torch
from fuxictr.datasets.criteo import CustomizedFeatureProcessor
from fuxictr.features import FeatureMap
from fuxictr.preprocess import build_dataset
from fuxictr.pytorch.dataloaders import RankDataLoader
from fuxictr.pytorch.layers import CrossNetV2, FeatureEmbedding, MLP_Block
from fuxictr.pytorch.models import BaseModel
from fuxictr.pytorch.torch_utils import seed_everything
from job import Job, Stopwatch, count_parameters, peak_megabytes

LABEL = "label"


class DCNv2(BaseModel):
    """Crosses beside a deep network, put together from the library's layers, whose package holds no DCNv2.

    It keeps the seconds of its training steps, without those of the validations that its loop makes.
    """

    def __init__(self, feature_map: FeatureMap, job: Job) -> None:
        super().__init__(
            feature_map, model_id="dcn_v2", model_root=str(job.folder), verbose=0, metrics=["AUC"], monitor="AUC"
        )
        width = feature_map.sum_emb_out_dim()
        self.embedding_layer = FeatureEmbedding(feature_map, job.dim)
        self.crosses = CrossNetV2(width, job.crosses)
        self.deep = MLP_Block(input_dim=width, hidden_units=job.hidden)
        self.last = torch.nn.Linear(width + job.hidden[-1], 1)
        self.train_seconds = self._eval_seconds = 0.0
        self.compile("adam", "binary_crossentropy", job.learning_rate)
        self.reset_parameters()
        self.model_to_device()

    def forward(self, inputs):
        """Score one batch."""
        first = self.embedding_layer(self.get_inputs(inputs), flatten_emb=True)
        logits = self.last(torch.cat([self.crosses(first), self.deep(first)], dim=-1))
        return {"y_pred": self.output_activation(logits)}

    def train_epoch(self, data_generator):
        """Time one epoch."""
        started, self._eval_seconds = time.perf_counter(), 0.0
        super().train_epoch(data_generator)
        self.train_seconds += time.perf_counter() - started - self._eval_seconds

    def eval_step(self):
        """Time one validation."""
        started = time.perf_counter()
        super().eval_step()
        self._eval_seconds += time.perf_counter() - started


def train(job: Job) -> None:
    """Train, score, report."""
    seed_everything(job.seed)
    watch = Stopwatch()
    for part in ("train", "valid", "test"):
        columns, labels = job.columns(part)
        # The loader stacks all columns to one array: whole numbers alone stay whole numbers.
        np.savez(job.folder / f"{part}.npz", **columns, **{LABEL: labels.astype(np.int32)})
    feature_map = make_feature_map(job)
    files = {part: str(job.folder / f"{part}.npz") for part in ("train", "valid", "test")}
    train_rows, valid_rows = RankDataLoader(
        feature_map,
        stage="train",
        train_data=files["train"],
        valid_data=files["valid"],
        batch_size=job.batch_size,
        shuffle=True,
    )
    preparing = watch.lap()
    model = DCNv2(feature_map, job)
    model.fit(train_rows, epochs=job.epochs, validation_data=valid_rows)
    peak = peak_megabytes()
    test_rows = RankDataLoader(
        feature_map, stage="test", test_data=files["test"], batch_size=job.batch_size, shuffle=False
    )
    job.finish(
        packages=["fuxictr", "torch"],
        scores=model.predict(test_rows),
        train_seconds=model.train_seconds,
        prepare_seconds=preparing,
        peak_megabytes=peak,
        parameters=count_parameters(model),
        model="a DCNv2 of its FeatureEmbedding, CrossNetV2 and MLP_Block: its package on PyPI holds none ready-made",
        training=f"Adam at {job.learning_rate:g} over whole tables in float32; its loop clips gradients to norm 10",
    )


def make_feature_map(job: Job) -> FeatureMap:
    """The fields as the library describes them; id 0 is its padding."""
    fields = [
        {name: {"source": "", "type": "categorical", "padding_idx": 0, "vocab_size": size}}
        for name, size in zip(job.names, job.sizes, strict=True)
    ]
    path = job.folder / "feature_map.json"
    path.write_text(json.dumps({"dataset_id": "log", "labels": [LABEL], "features": fields}))
    # BaseModel saves its best weights in a folder of the data set's name.
    (job.folder / "log").mkdir(exist_ok=True)
    feature_map = FeatureMap("log", str(job.folder))
    feature_map.load(str(path), {"embedding_dim": job.dim})
    return feature_map


def encode(job: Job) -> None:
    """Encode the CSV file as the library's own settings for Criteo do; Ray is started before the clock."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(logging_level="ERROR", include_dashboard=False)
    integers = [name for name in job.names if name.startswith("I")]
    categories = [name for name in job.names if name.startswith("C")]
    shared = {"active": True, "type": "categorical"}
    processor = CustomizedFeatureProcessor(
        feature_cols=[
            {**shared, "name": integers, "dtype": "float", "preprocess": "convert_to_bucket"},
            {**shared, "name": categories, "dtype": "str", "fill_na": ""},
        ],
        label_col={"name": LABEL, "dtype": "float"},
        dataset_id="encoded",
        data_root=str(job.folder),
    )
    watch = Stopwatch()
    build_dataset(processor, train_data=str(job.log), min_categr_count=10)
    seconds = watch.lap()
    job.finish(packages=["fuxictr", "polars"], encode_seconds=seconds)
    ray.shutdown()


if __name__ == "__main__":
    given = Job.read()
    {"train": train, "encode": encode}[given.task](given)
