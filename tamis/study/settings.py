"""A study as its file says it, read strictly: data sets, models, seeds, the budget, and what may be tuned."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tamis.config import apply_overrides, read_config, read_toml, suggest, write_config
from tamis.errors import ConfigError
from tamis.experiment import ExperimentSettings
from tamis.models import MODELS
from tamis.study.blocks import (
    DataBlock,
    ModelBlock,
    check_name,
    read_data_block,
    read_model_block,
    read_reference_block,
)
from tamis.study.search import Choice, RunSettings, check_search, read_run, read_search


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What holds for every model of a study.

    ``seeds`` are those of the final runs; ``trials`` is how often each model is tuned, 0 for not at all. With
    ``selection_gain`` the trials are scored on the test rows after everything else, to say what choosing by them would
    have feigned. ``bootstrap_draws`` is the number of draws of test rows.
    """

    name: str
    seeds: tuple[int, ...] = (0, 1, 2)
    trials: int = 0
    selection_gain: bool = False
    bootstrap_draws: int = 1000

    def __post_init__(self) -> None:
        check_name("[study] name", self.name)
        _check_seeds("[study]", self.seeds)
        if self.trials < 0 or self.bootstrap_draws < 1:
            raise ConfigError(
                "[study] trials must be at least 0 and bootstrap_draws at least 1; "
                f"got {self.trials} and {self.bootstrap_draws}."
            )
        if self.selection_gain and self.trials < 2:
            raise ConfigError(
                f"[study] selection_gain needs at least 2 trials to choose from; got {self.trials}. Raise trials."
            )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How large models may be: dense ``parameters``, or ``flops`` of one row forwards, or ``none`` to leave them.

    Each of ``targets`` is a contest of its own. Models come within ``tolerance`` of it, by scaling their
    ``budget_setting``, rounded to a ``multiple``, or to a half or quarter of it for models that grow in large steps.
    Where ``tuned_at`` names one of the targets, models are tuned at that size only and keep the choice at the others.
    """

    kind: Literal["parameters", "flops", "none"] = "none"
    targets: tuple[int, ...] = ()
    tolerance: float = 0.05
    multiple: int = 4
    tuned_at: int | None = None

    def __post_init__(self) -> None:
        if (self.kind == "none") != (not self.targets):
            raise ConfigError(
                f"[budget] kind {self.kind!r} and targets {list(self.targets)} do not fit together. "
                'Give a kind of "parameters" or "flops" with at least one target, or leave both out.'
            )
        if len(set(self.targets)) < len(self.targets) or min(self.targets, default=1) < 1:
            raise ConfigError(f"[budget] targets must differ and be at least 1; got {list(self.targets)}.")
        if not 0 < self.tolerance < 1 or self.multiple < 1:
            raise ConfigError(
                "[budget] tolerance must be above 0 and below 1 and multiple at least 1; "
                f"got {self.tolerance} and {self.multiple}."
            )
        if self.tuned_at is not None and self.tuned_at not in self.targets:
            raise ConfigError(
                f"[budget] tuned_at must be one of the targets {list(self.targets)}; got {self.tuned_at}. "
                "Leave it out to tune at every target."
            )

    def is_met(self, size: Mapping[str, Any], target: int | None) -> bool | None:
        """Whether what a model costs is within the tolerance of a target; None where nothing is asked, or known.

        Example:
            >>> budget = Budget(kind="parameters", targets=(1000,))
            >>> budget.is_met({"dense": 1050}, 1000), budget.is_met({"dense": 1060}, 1000), budget.is_met({}, 1000)
            (True, False, None)
        """
        reached = size.get({"parameters": "dense", "flops": "flops", "none": ""}[self.kind])
        if target is None or reached is None:
            return None
        return abs(reached - target) <= self.tolerance * target


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One model on one data set at one budget, or a reference on one data set: what is tuned, run and judged.

    ``tuned_as`` is the same model at the size at which it is tuned, None where it is tuned as it is.
    """

    data: DataBlock
    model: ModelBlock
    target: int | None
    label: str
    seeds: tuple[int, ...]
    search: dict[str, Choice]
    settings: RunSettings
    tuned_as: "Entrant | None" = None

    def folder(self, runs: Path) -> Path:
        """Where all its runs lie."""
        return runs / self.data.name / self.label


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """A whole study; ``entrants`` are its models by data set and budget, and its references by data set.

    ``asked`` are the targets of the budget that are wanted now; names of runs do not depend on it.
    """

    rules: Rules
    budget: Budget
    data: tuple[DataBlock, ...]
    training: dict[str, Any]
    search: dict[str, Choice]
    models: tuple[ModelBlock, ...]
    references: tuple[ModelBlock, ...]
    where: str
    asked: tuple[int, ...] = ()

    def contests(self) -> list[tuple[DataBlock, int | None]]:
        """Each data set at each budget, where a model stands."""
        return [
            (data, target)
            for data in self.data
            for target in self._targets()
            if any(model.stands_at(target) for model in self.models_on(data))
        ]

    def entrants(self) -> list[Entrant]:
        """Every model of every contest, and every reference of every data set, in the order of the data sets.

        Raises:
            ConfigError: a setting of a model or of its training does not exist or breaks its rule.
        """
        found = []
        for data in self.data:
            found += [
                self.entrant(data, model, target)
                for target in self._targets()
                for model in self.models_on(data)
                if model.stands_at(target)
            ]
            found += [self.entrant(data, reference, None) for reference in self.references if reference.stands_on(data)]
        return found

    def models_on(self, data: DataBlock) -> list[ModelBlock]:
        """The models that stand on a data set."""
        return [model for model in self.models if model.stands_on(data)]

    def only(
        self, names: Iterable[str] = (), *, targets: Iterable[int] = (), labels: Iterable[str] = ()
    ) -> "StudySettings":
        """The same study on some of its data sets, at some targets, with some models; all of what is not given.

        Data sets on which none of the models stands are left out.

        Raises:
            ConfigError: it has no such data set, target or model, or none is left.
        """
        data_names = self._known("data set", names, [data.name for data in self.data])
        model_labels = self._known("model", labels, [model.label for model in (*self.models, *self.references)])
        asked = tuple(targets)
        for target in asked:
            if target not in self.budget.targets:
                raise ConfigError(
                    f"{self.where}: has no budget target {target:,}. Its targets are {list(self.budget.targets)}."
                )
        models = tuple(model for model in self.models if model.label in model_labels)
        narrowed = dataclasses.replace(
            self,
            data=tuple(
                data for data in self.data if data.name in data_names and any(model.stands_on(data) for model in models)
            ),
            models=models,
            references=tuple(model for model in self.references if model.label in model_labels),
            asked=asked,
        )
        if not narrowed.contests():
            raise ConfigError(
                f"{self.where}: no model of {model_labels} stands on {data_names} at that size, and references stand "
                "beside models alone. Ask for a model that stands there."
            )
        return narrowed

    def _known(self, what: str, wanted: Iterable[str], known: list[str]) -> list[str]:
        """The names that are wanted, each of which is known; all that are known if none is wanted."""
        names = list(wanted)
        for name in names:
            if name not in known:
                raise ConfigError(f"{self.where}: has no {what} {name!r}. {suggest(name, known)}")
        return names or known

    def _targets(self) -> tuple[int | None, ...]:
        """The sizes at which there are contests now, None without a budget."""
        return self.asked or self.budget.targets or (None,)

    def seeds_of(self, model: ModelBlock) -> tuple[int, ...]:
        """The seeds of a model's final runs."""
        return model.seeds or self.rules.seeds

    def _settings_of(self, data: DataBlock, model: ModelBlock) -> dict[str, Any]:
        """The model's own settings, over those that the data set brings to the models that have them."""
        if model.is_reference:
            return model.settings
        known = {part.name for part in dataclasses.fields(MODELS[model.name].config)}
        return {**{name: value for name, value in data.model.items() if name in known}, **model.settings}

    def entrant(self, data: DataBlock, model: ModelBlock, target: int | None) -> Entrant:
        """One model on one data set at one budget.

        Raises:
            ConfigError: a setting of the model or of its training does not exist or breaks its rule.
        """
        where = f"{self.where} model {model.label!r} on {data.name!r}"
        training = merged(merged(self.training, data.training), model.training)
        seeds = self.seeds_of(model)
        table = {
            "data": write_config(data.settings),
            "reference" if model.is_reference else "model": {"name": model.name, **self._settings_of(data, model)},
            "training": {**training, "seed": seeds[0]},
            **({} if model.worth is None else {"worth": model.worth}),
        }
        settings = read_run(table, where=where)
        if isinstance(settings, ExperimentSettings):
            known = [part.name for part in dataclasses.fields(settings.model_settings)]
            for name in model.budget_setting:
                if name not in known:
                    raise ConfigError(f"{where}: budget_setting {name!r} is no setting. {suggest(name, known)}")
        search = model.search if model.is_reference else {**self.search, **model.search}
        if self.rules.trials > 1 and not search:
            raise ConfigError(
                f"{where}: has nothing to tune, and the study has {self.rules.trials} trials for each model. "
                "Add [search] for all models or [model.search] for this one, or set trials = 0."
            )
        check_search(search, settings, where=where)
        label = (
            model.label if target is None or len(self.budget.targets) < 2 else f"{model.label}-{short_count(target)}"
        )
        tuned_at, tuned_as = self.budget.tuned_at, None
        if tuned_at is not None and target not in (None, tuned_at):
            tuned_as = self.entrant(data, model, tuned_at)
        return Entrant(
            data=data,
            model=model,
            target=target,
            label=label,
            seeds=seeds,
            search=search,
            settings=settings,
            tuned_as=tuned_as,
        )


def read_study(table: Mapping[str, Any], *, where: str) -> StudySettings:
    """Build the study from one table; what is not a setting is refused.

    Raises:
        ConfigError: a part or key is unknown, has the wrong type, or breaks its rule.
    """
    parts = ("study", "budget", "data", "training", "search", "model", "reference")
    for part in table:
        if part not in parts:
            raise ConfigError(f"{where}: a study has no part {part!r}. {suggest(part, parts)}")
    for part in ("data", "model"):
        blocks = table.get(part)
        if not isinstance(blocks, list) or not blocks:
            raise ConfigError(f"{where}: a study needs at least one block [[{part}]], in double brackets.")
    study = StudySettings(
        rules=read_config(Rules, table.get("study", {}), where=f"{where} [study]"),
        budget=read_config(Budget, table.get("budget", {}), where=f"{where} [budget]"),
        data=tuple(read_data_block(block, where=f"{where} [[data]]") for block in table["data"]),
        training=dict(table.get("training", {})),
        search=read_search(table.get("search", {}), where=f"{where} [search]"),
        models=tuple(read_model_block(block, where=f"{where} [[model]]") for block in table["model"]),
        references=tuple(
            read_reference_block(block, where=f"{where} [[reference]]") for block in table.get("reference", [])
        ),
        where=where,
    )
    if study.budget.tuned_at is not None and study.rules.trials == 0:
        raise ConfigError(
            f"{where} [budget] tuned_at needs [study] trials of at least 1; got 0. Leave one of them out."
        )
    _check_distinct(where, "data sets", [data.name for data in study.data])
    everyone = [*study.models, *study.references]
    _check_distinct(where, "models", [model.label for model in everyone])
    for model in everyone:
        _check_seeds(f"{where} model {model.label!r}:", study.seeds_of(model))
        if len(study.seeds_of(model)) != len(study.rules.seeds):
            raise ConfigError(
                f"{where} model {model.label!r}: seeds must be as many as the study's {len(study.rules.seeds)}; "
                f"got {list(study.seeds_of(model))}. Give it as many, or leave them out to take the study's."
            )
    known = [data.name for data in study.data]
    for model in everyone:
        for name in model.only:
            if name not in known:
                hint = suggest(name, known)
                raise ConfigError(f"{where} model {model.label!r}: only names no data set: {name!r}. {hint}")
        for target in model.targets:
            if target not in study.budget.targets:
                raise ConfigError(
                    f"{where} model {model.label!r}: targets must be some of [budget] targets "
                    f"{list(study.budget.targets)}; got {target}."
                )
    for data in study.data:
        if not study.models_on(data):
            raise ConfigError(f"{where} [[data]] {data.name!r}: no model stands on it. Add it to `only` of one.")
        for target in study.budget.targets:
            if not any(model.stands_at(target) for model in study.models_on(data)):
                raise ConfigError(
                    f"{where} [[data]] {data.name!r}: no model stands at {target:,}. Add it to `targets` of one."
                )
        for name in data.model:
            if not any(name in study._settings_of(data, model) for model in study.models_on(data)):
                raise ConfigError(f"{where} [[data]] {data.name!r}: no model of the study has a setting {name!r}.")
    study.entrants()
    return study


def load_study(path: Path | str, overrides: Iterable[str] = ()) -> StudySettings:
    """Read a study file and apply ``a.b=value`` overrides on top."""
    return read_study(apply_overrides(read_toml(path), overrides), where=str(path))


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` in it, tables within tables too.

    Example:
        >>> merged({"dense": {"eps": 1, "name": "a"}}, {"dense": {"eps": 2}, "epochs": 3})
        {'dense': {'eps': 2, 'name': 'a'}, 'epochs': 3}
    """
    result = dict(base)
    for key, value in changes.items():
        is_table = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if is_table else value
    return result


def short_count(count: int) -> str:
    """A number of parameters as a part of a name.

    Example:
        >>> [short_count(count) for count in (300_000, 1_000_000, 1_500_000, 1234)]
        ['300k', '1m', '1500k', '1234']
    """
    for size, letter in ((1_000_000, "m"), (1000, "k")):
        if count and count % size == 0:
            return f"{count // size}{letter}"
    return str(count)


def _check_seeds(where: str, seeds: tuple[int, ...]) -> None:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(
            f"{where} seeds must be at least one and differ; got {list(seeds)}. Give each final run a seed of its own."
        )


def _check_distinct(where: str, what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{where}: two {what} are called {twice[0]!r}. Name them apart.")
