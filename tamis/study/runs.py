"""The runs of one entrant: trials one after the other, the choice, then its final runs side by side.

Everything that is done lies in files, and what lies there is not done again. The choice lies among the results too:
where they are and the runs are not, as after a change of machine, the final runs are made again and the tuning is not.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from tamis.config import Config, read_config
from tamis.data import EncodedSet
from tamis.errors import ConfigError
from tamis.experiment import SETTINGS_FILE, is_record_of, recorded_settings
from tamis.experiment.scores import SCORES_FILE
from tamis.record import CURVE_FILE, RECORD_FILE, RunRecord, remove_whole, result_path, write_whole
from tamis.study.budget import Matched, ShortOfMemory, Size, match_budget
from tamis.study.processes import Chain, Job, Outcome
from tamis.study.search import RunSettings, changed, read_run
from tamis.study.settings import Entrant, StudySettings
from tamis.study.tuning import Trial, Tuned, propose, tuned_by
from tamis.study.work import run_final, run_trial, score_trial
from tamis.training.settings import HIGHER_IS_BETTER

CHOSEN_FILE = "chosen.json"
TRIAL_FILE = "trial.json"
DATA_FILE = "data.json"
FAILED_FILE = "failed.json"
TEST_FILE = "test_after_all_runs.json"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a study's runs and records go, and the command they name."""

    runs: Path
    results: Path | None
    command: str


class EntrantRuns:
    """All runs of one entrant on its encoded data; ``tell`` hears the name of each one found done already."""

    def __init__(
        self, study: StudySettings, entrant: Entrant, encoded: EncodedSet, places: Places, tell: Callable[[str], None]
    ) -> None:
        self.study, self.entrant, self.encoded, self.places, self._tell = study, entrant, encoded, places, tell
        self.folder = entrant.folder(places.runs)
        self.name = f"{entrant.data.name} {entrant.label}"
        self.is_higher_better = HIGHER_IS_BETTER[entrant.settings.metric]
        self.tuner = self if entrant.tuned_as is None else EntrantRuns(study, entrant.tuned_as, encoded, places, tell)

    def tune(self) -> Generator[list[Job], list[Outcome], Matched | None]:
        """The trials, each made or found, and the choice among them; None if nothing can be run with it.

        Raises:
            ConfigError: the folder holds trials of other settings.
        """
        known = self.known_choice()
        if known is not None:
            for number in range(known.trials):
                self._tell(self._trial_name(number))
            return self._choose(known)
        trials: list[Trial] = []
        for number in range(self.study.rules.trials):
            trial = yield from self._trial(number, trials)
            trials.append(trial)
        is_whole = not any(trial.is_put_off for trial in trials)
        return self._choose(tuned_by(trials, higher_is_better=self.is_higher_better), is_whole=is_whole)

    def tune_and_run(self) -> Chain:
        """Trials, the choice by validation, final runs.

        Raises:
            ConfigError: the folder holds trials of other settings.
        """
        matched = yield from self.tune()
        yield from self._final_runs(matched)

    def run_as_tuned(self) -> Chain:
        """The final runs of an entrant that is tuned at another size, where the choice has been made by now."""
        content = json.loads((self.tuner.folder / CHOSEN_FILE).read_text())
        yield from self._final_runs(self._choose(_read_part(Tuned, content, where=self.tuner.name)))

    def trials_left(self) -> int:
        """How many trials do not lie there yet.

        Raises:
            ConfigError: the folder holds trials of other settings.
        """
        return self.study.rules.trials - len(self._found_trials())

    def known_choice(self) -> Tuned | None:
        """The choice, where it lies among the results or no trial is left to be made; else None.

        Raises:
            ConfigError: the folder holds trials of other settings.
        """
        published = self._published_choice()
        if published is not None:
            return published
        trials = self._found_trials()
        if len(trials) < self.study.rules.trials:
            return None
        return tuned_by(trials, higher_is_better=self.is_higher_better)

    def match_choice(self, tuned: Tuned) -> Matched:
        """What the final runs are made with.

        Raises:
            ConfigError: there is nothing to run, as all trials failed or the budget cannot be met with what was chosen.
        """
        if tuned.trials and tuned.chosen_trial is None:
            first = tuned.failed_trials[0]["reason"]
            raise ConfigError(f"all {tuned.trials} trials failed, the first because: {first}")
        return self._matched_before(tuned.values) or self._match(tuned.values)

    def final_runs_left(self, matched: Matched) -> int:
        """How many of its final runs a start of the study would make, if they are made with ``matched``."""
        folders = {seed: self.folder / f"seed-{seed}" for seed in self.entrant.seeds}
        return sum(not self._is_done(folder, matched.settings.with_seed(seed)) for seed, folder in folders.items())

    def score_trials(self) -> Chain:
        """The test AUC of every trial, for the selection gain; asked for when all final runs are done."""
        jobs: dict[Path, Job] = {}
        for folder in (trial_folder(self.folder, number) for number in range(self.study.rules.trials)):
            trial, name = json.loads((folder / TRIAL_FILE).read_text()), f"{self.name} test rows of {folder.name}"
            if trial["value"] is None or _is_scored(folder):
                self._tell(name)
                continue
            arguments = (trial["settings"], str(self.encoded.folder), str(folder))
            jobs[folder] = Job(name=name, function=score_trial, arguments=arguments)
        outcomes = yield list(jobs.values())
        for folder, outcome in zip(jobs, outcomes, strict=True):
            _write_json(folder / TEST_FILE, {"test_auc": outcome.value, "reason": outcome.reason})

    def _trial(self, number: int, past: list[Trial]) -> Generator[list[Job], list[Outcome], Trial]:
        """One trial, made or found."""
        folder = trial_folder(self.folder, number)
        name = self._trial_name(number)
        found = self._found_trial(folder / TRIAL_FILE)
        if found is not None:
            self._tell(name)
            return found
        seed = f"{self.study.rules.name} {self.entrant.data.name}"  # not the model's: equal searches draw alike
        values = propose(self.entrant.search, past, seed=seed, higher_is_better=self.is_higher_better)
        settings: RunSettings | None = None
        try:
            settings = self._match(values).settings
        except ConfigError as error:
            told: dict[str, Any] = {"reason": str(error), "is_put_off": isinstance(error, ShortOfMemory)}
            self._tell(name)
        else:
            self._make_way(folder, settings)
            outcome = (yield [self._job(name, run_trial, settings, folder)])[0]
            told = outcome.value or {"reason": outcome.reason, "is_put_off": outcome.was_killed}
        trial = Trial(number=number, values=values, **told)
        table = None if settings is None else settings.to_table()
        _write_json(folder / TRIAL_FILE, {**self._origin(), **dataclasses.asdict(trial), "settings": table})
        return trial

    def _found_trial(self, path: Path) -> Trial | None:
        if not path.exists():
            return None
        content = json.loads(path.read_text())
        if content["settings"] is None or content.get("is_put_off"):
            return None  # it never ran, and what stood in its way may be gone
        if not self._is_own(content):
            raise ConfigError(
                f"{path}: is a trial of other settings, choices, budget or data than {self.study.where} has now. "
                f"Name the study otherwise in [study] name, or remove {self.folder}."
            )
        return _read_part(Trial, content, where=str(path))

    def _found_trials(self) -> list[Trial]:
        numbers = range(self.study.rules.trials)
        found = (self._found_trial(trial_folder(self.folder, number) / TRIAL_FILE) for number in numbers)
        return [trial for trial in found if trial is not None]

    def _published_choice(self) -> Tuned | None:
        """The choice among the results, if it is this entrant's; None where trials are wanted for themselves."""
        path = self._published_path()
        if path is None or not path.exists() or self.study.rules.selection_gain or not self.study.rules.trials:
            return None
        content = json.loads(path.read_text())
        is_own = content["trials"] == self.study.rules.trials and self._is_own(content)
        return _read_part(Tuned, content, where=str(path)) if is_own else None

    def _published_path(self) -> Path | None:
        if self.places.results is None:
            return None
        run = RunRecord(
            dataset=self.encoded.name,
            split=self.encoded.manifest.split_description,
            model=self.entrant.label,
            seed=self.entrant.seeds[0],
        )
        return result_path(self.places.results, run).with_name(CHOSEN_FILE)

    def _choose(self, tuned: Tuned, *, is_whole: bool = True) -> Matched | None:
        """Write down what was chosen, and why; None if nothing can be run.

        A choice among trials of which some were put off is not kept among the results, where it would be for good.
        """
        content: dict[str, Any] = {**self._origin(), **dataclasses.asdict(tuned)}
        matched = None
        try:
            matched = self.match_choice(tuned)
        except ConfigError as error:
            content["reason"] = str(error)
        else:
            content |= {
                "size": {} if matched.size is None else dataclasses.asdict(matched.size),
                "factor": matched.factor,
                "settings": matched.settings.to_table(),
            }
        _write_json(self.folder / CHOSEN_FILE, content)
        published = self._published_path()
        if published is not None and matched is not None and tuned.trials and self.tuner is self and is_whole:
            _write_json(published, content)
        return matched

    def _final_runs(self, matched: Matched | None) -> Chain:
        if matched is None:
            for seed in self.entrant.seeds:
                self._tell(self._seed_name(seed))
            return
        jobs: dict[Path, Job] = {}
        for seed in self.entrant.seeds:
            settings, folder = matched.settings.with_seed(seed), self.folder / f"seed-{seed}"
            name = self._seed_name(seed)
            (folder / FAILED_FILE).unlink(missing_ok=True)
            if self._is_done(folder, settings):
                self._tell(name)
                self._keep(folder)
                continue
            self._make_way(folder, settings)
            jobs[folder] = self._job(name, run_final, settings, folder)
        outcomes = yield list(jobs.values())
        for folder, outcome in zip(jobs, outcomes, strict=True):
            if outcome.reason is None:
                self._keep(folder)
            else:
                _write_json(folder / FAILED_FILE, {"reason": outcome.reason})

    def _make_way(self, folder: Path, settings: RunSettings) -> None:
        """Remove a run of other settings or data, which cannot go on as this one, and mark the folder with the data.

        Otherwise its record would count until this run ends, or its checkpoint would fail it for good.
        """
        attended = recorded_settings(settings, self.encoded).get("attended", {})
        marks = {
            SETTINGS_FILE: tomli_w.dumps(settings.to_table()),
            DATA_FILE: json.dumps({"fingerprint": self.encoded.fingerprint, "attended": attended}) + "\n",
        }
        # A mark that is not there yet says nothing against the run.
        found = {name: (folder / name).read_text() for name in marks if (folder / name).exists()}
        has_other_record = (folder / RECORD_FILE).exists() and not self._is_done(folder, settings)
        if has_other_record or not found.items() <= marks.items():
            remove_whole(folder)
        write_whole(folder / DATA_FILE, marks[DATA_FILE])

    def _keep(self, folder: Path) -> None:
        """The record and the curve among the results."""
        if self.places.results is None:
            return
        record = RunRecord.load(folder / RECORD_FILE)
        place = result_path(self.places.results, dataclasses.replace(record, model=self.entrant.label))
        record.save(place)
        if (folder / CURVE_FILE).exists():  # a reference has none
            write_whole(place.with_name(f"{place.stem}.{CURVE_FILE}"), (folder / CURVE_FILE).read_text())

    def _is_done(self, folder: Path, settings: RunSettings) -> bool:
        """Whether a run has ended and left what it is judged by."""
        if not (folder / RECORD_FILE).exists() or not (folder / SCORES_FILE).exists():
            return False
        record = RunRecord.load(folder / RECORD_FILE)
        return is_record_of(record, settings, self.encoded)

    def _matched_before(self, values: dict[str, Any]) -> Matched | None:
        """What these values were matched to when they were chosen: known without a model, or memory to build one."""
        path = self.folder / CHOSEN_FILE
        content = json.loads(path.read_text()) if path.exists() else {}
        if content.get("values") != values or "settings" not in content or not self._is_own(content):
            return None
        size = Size(**content["size"]) if content["size"] else None
        return Matched(settings=read_run(content["settings"], where=str(path)), size=size, factor=content["factor"])

    def _match(self, values: dict[str, Any]) -> Matched:
        settings = changed(self.entrant.settings, values, where=self.name)
        return match_budget(settings, self.entrant, self.study.budget, self.encoded)

    def _trial_name(self, number: int) -> str:
        return f"{self.name} trial {number}"

    def _seed_name(self, seed: int) -> str:
        return f"{self.name} seed {seed}"

    def _job(self, name: str, function: Callable[..., Any], settings: RunSettings, folder: Path) -> Job:
        arguments = (settings.to_table(), str(self.encoded.folder), str(folder), self.places.command)
        return Job(name=name, function=function, arguments=arguments)

    def _is_own(self, trial: dict[str, Any]) -> bool:
        """Whether a trial or a choice is this entrant's: by the same search, budget and data, from the same settings.

        A setting that did not exist when it was made has its default, as in a record.
        """
        is_of_origin = all(trial.get(name) == part for name, part in self._origin().items())
        return is_of_origin and has_settings_of(self.entrant, trial["values"], trial["settings"])

    def _origin(self) -> dict[str, Any]:
        """What a trial or a choice must share with the study beside the settings that are not scaled.

        Those that are, ``unscaled``, count as they stand before the budget scales them.
        """
        model = self.entrant.settings.to_table().get("model", {})
        # What is None has no place in a table.
        unscaled = {name: model.get(name) for name in self.entrant.model.budget_setting}
        return {"identity": self._identity(), "unscaled": unscaled}

    def _identity(self) -> str:
        """The search, the budget and the data of the trials."""
        entrant, budget = self.entrant, dataclasses.asdict(self.study.budget)
        del budget["tuned_at"]  # says which entrants have trials, nothing about one of them
        parts = [
            recorded_settings(entrant.settings, self.encoded).get("attended", {}),
            {name: dataclasses.asdict(choice) for name, choice in entrant.search.items()},
            {**budget, "targets": entrant.target, "scaled": entrant.model.budget_setting},
            self.encoded.fingerprint,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def has_settings_of(entrant: Entrant, values: dict[str, Any], table: dict[str, Any]) -> bool:
    """Whether settings are the entrant's with ``values``, but for those that are scaled to a budget."""
    try:
        made = read_run(table, where=entrant.label).to_table()
        meant = changed(entrant.settings, values, where=entrant.label).to_table()
    except ConfigError:  # of a version whose settings were others
        return False
    for name in entrant.model.budget_setting:
        made["model"].pop(name, None)
        meant["model"].pop(name, None)
    return made == meant


def only_tuned(everyone: Sequence[EntrantRuns]) -> list[EntrantRuns]:
    """Those that some of ``everyone`` are tuned as, and that are not among them: they have trials and no final runs."""
    folders = {one.folder for one in everyone}
    return list({one.tuner.folder: one.tuner for one in everyone if one.tuner.folder not in folders}.values())


def trial_folder(entrant: Path, number: int) -> Path:
    """Where a trial lies below its entrant's folder."""
    return entrant / "trials" / f"trial-{number:03d}"


def _is_scored(trial: Path) -> bool:
    """Whether its test AUC is known; a scoring that failed is made again."""
    place = trial / TEST_FILE
    return place.exists() and json.loads(place.read_text())["test_auc"] is not None


def _read_part(cls: type[Config], content: dict[str, Any], *, where: str) -> Config:
    """What a file says of a trial or of a choice; it says more beside it."""
    parts = [part.name for part in dataclasses.fields(cls)]  # type: ignore[arg-type]
    return read_config(cls, {name: content[name] for name in parts if name in content}, where=where)


def _write_json(path: Path, content: Any) -> None:
    write_whole(path, json.dumps(content, indent=2) + "\n")
