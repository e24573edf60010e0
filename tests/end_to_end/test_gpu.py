"""The same run on a GPU; skipped where there is none."""

import pytest
import torch

import tamis
from tamis.features import Field, Kind, Schema
from tamis.models import MODELS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("ignore"),  # torch's compiler warns of itself
]


@pytest.mark.parametrize("compile", ["auto", "off"])
@pytest.mark.parametrize("model", sorted(MODELS))
def test_a_gpu_learns_what_the_processor_learns(model, compile, click_log):
    history = Field(name="seen", column="tags", kind=Kind.SEQUENCE, share="page", target="page")
    schema = Schema(fields=(*Schema.infer(click_log, label="click").fields, history))
    settings = {"dim": 4, **({"views": [2], "widths": [8]} if model.startswith("ssr") else {"hidden": [8]})}
    values = {}
    for device in ("cpu", "cuda"):
        training = {"epochs": 2, "batch_size": 128, "device": device, "precision": "fp32", "compile": compile}
        ranker = tamis.Ranker(model, settings=settings, training=training, schema=schema).fit(click_log)
        values[device] = ranker.evaluate(click_log)
    # ``ranker`` is now the one of the GPU.
    assert ranker.record_.machine["kernels"] == "triton"
    assert ranker.record_.machine["trunk"] == {"auto": "compiled", "off": "eager"}[compile]
    assert values["cuda"]["auc"] == pytest.approx(values["cpu"]["auc"], abs=0.01)
    assert values["cuda"]["log_loss"] == pytest.approx(values["cpu"]["log_loss"], abs=0.01)
