"""From a settings file to a finished run: the composition that the command line and ``Ranker`` share.

Also made here: a look into a finished model (``inspect_model``), and a run of the reference from outside that
``trees`` gives. From ``data``, ``models``, ``training``, ``export``, ``analysis`` and ``serving``; asked for by
``cli``, ``ranker``, ``study`` and scripts.
"""

from tamis.experiment.bayes import bayes_bounds
from tamis.experiment.build import build_model, make_batches
from tamis.experiment.inspection import inspect_model
from tamis.experiment.latency_budget import choose_within
from tamis.experiment.plan import Plan, in_units
from tamis.experiment.planning import make_plan
from tamis.experiment.prepare import prepare_data
from tamis.experiment.recorded import is_record_of, recorded_settings
from tamis.experiment.reference import (
    REFERENCES,
    ReferenceSettings,
    plan_reference,
    read_reference,
    run_reference,
    score_reference,
)
from tamis.experiment.run import SETTINGS_FILE, check_everywhere, run_experiment, run_folder
from tamis.experiment.scores import read_scores
from tamis.experiment.settings import DataSettings, ExperimentSettings, WorthSettings, load_settings, read_settings
from tamis.experiment.worth import FieldChoice, choose_fields, worth_meter
from tamis.trees import require_lightgbm

__all__ = [
    "REFERENCES",
    "SETTINGS_FILE",
    "DataSettings",
    "ExperimentSettings",
    "FieldChoice",
    "Plan",
    "ReferenceSettings",
    "WorthSettings",
    "bayes_bounds",
    "build_model",
    "check_everywhere",
    "choose_fields",
    "choose_within",
    "in_units",
    "inspect_model",
    "is_record_of",
    "load_settings",
    "make_batches",
    "make_plan",
    "plan_reference",
    "prepare_data",
    "read_reference",
    "read_scores",
    "read_settings",
    "recorded_settings",
    "require_lightgbm",
    "run_experiment",
    "run_folder",
    "run_reference",
    "score_reference",
    "worth_meter",
]
