"""Frappe: which app was used in which situation, with sampled negatives, as published for FM models."""

from tamis.data.readers.frappe import NAMES, FrappeTraining
from tamis.data.readers.libsvm import LibsvmSource
from tamis.data.recipes.checksums import check_content
from tamis.data.recipes.folders import find_parts, named_folder
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference, Rows
from tamis.data.split import SplitSettings
from tamis.errors import DataError
from tamis.features.schema import Field, Kind, Schema

_CHECKSUMS = {
    "frappe.csv": "409edc12f4e2153c5dd58ae171938735911d9b0f70961d5f1086b241656b2cb5",
    "frappe.validation.libfm": "fdf4be563a7dd9b15f7a6e8b32671e90e6e7a2a2bd3af4e10bf13c5ad7e76e9e",
    "frappe.test.libfm": "a2ebaef3a9af8e55f8bb0d08bc4923965e42e43760ebd7635ac2f8c5db99e097",
}
_PARTS = {"train": "frappe.train.libfm", "valid": "frappe.validation.libfm", "test": "frappe.test.libfm"}
_WAY_OUT = (
    "Get frappe.train.libfm, frappe.validation.libfm and frappe.test.libfm, which the authors of NFM and AFM publish "
    "with their code, or in place of the first the raw log frappe.csv, and name their folder with --from"
)


def _fetch(places: Places) -> Rows:
    folder = named_folder(places, "frappe", _WAY_OUT)
    if parts := find_parts(folder, _PARTS):
        check_content(parts.values(), _CHECKSUMS)
        places.report(f"frappe: taken from {folder}, with the published parts.")
        return {part: LibsvmSource(path, name=f"frappe {part}", as_lists=False) for part, path in parts.items()}
    if files := find_parts(folder, {**_PARTS, "train": "frappe.csv"}):
        check_content(files.values(), _CHECKSUMS)
        places.report(
            f"frappe: taken from {folder}, where the published training part is missing: its positives are the logs "
            "of frappe.csv that are in no other part, its negatives are drawn anew by the published rule."
        )
        log, valid, test = files["train"], files["valid"], files["test"]
        return {
            "train": FrappeTraining(log, valid=valid, test=test, name="frappe train, negatives drawn anew"),
            "valid": LibsvmSource(valid, name="frappe valid", as_lists=False),
            "test": LibsvmSource(test, name="frappe test", as_lists=False),
        }
    raise DataError(
        f"{folder}: holds no frappe.validation.libfm with frappe.test.libfm and frappe.train.libfm or frappe.csv. "
        f"{_WAY_OUT}."
    )


FRAPPE = RECIPES.add(
    "frappe",
    Recipe(
        name="frappe",
        title="Frappe app usage",
        licence="Research use with acknowledgement; no redistribution without permission, no commercial use.",
        citation=(
            "Linas Baltrunas, Karen Church, Alexandros Karatzoglou and Nuria Oliver. 2015. Frappe: "
            "Understanding the "
            "Usage and Perception of Mobile App Recommendations In-The-Wild. arXiv:1505.03014."
        ),
        where="https://github.com/hexiangnan/neural_factorization_machine",
        schema=Schema(
            fields=(
                *(Field(name=name, kind=Kind.CATEGORICAL, column=f"field_{i}") for i, name in enumerate(NAMES)),
                Field(name="label", kind=Kind.LABEL, positive="1"),
                Field(name="group", kind=Kind.GROUP, column="field_0"),
            )
        ),
        fetch=_fetch,
        split=SplitSettings(kind="given"),
        checksums=_CHECKSUMS,
        references=(
            Reference(
                model="DNN",
                protocol="Frappe_x1: the three published parts, 202,027 / 57,722 / 28,860 rows",
                auc=0.9833,
                log_loss=0.1622,
                source="BARS leaderboard (Zhu et al. 2022)",
            ),
            Reference(
                model="DCNv2",
                protocol="Frappe_x1: the three published parts, 202,027 / 57,722 / 28,860 rows",
                auc=0.9845,
                log_loss=0.1491,
                source="BARS leaderboard (Zhu et al. 2022)",
            ),
            Reference(
                model="logistic regression",
                protocol="published validation part to published test part, all of it trained on",
                auc=0.931,
                log_loss=0.298,
                source="measured independently with scikit-learn",
            ),
        ),
    ),
)
