"""How tamis compares with the libraries its users would otherwise pick: one DCNv2, the same encoded rows, one machine.

    python benchmarks/peers.py --work FOLDER

Every library trains in a process of its own, one after the other, and all of that ``--runs`` times over, so that a
busy minute strikes all alike. Seconds are those of the training steps: no start-up, no preparation of the rows, no
validation. The peak of memory is that of the training process until its last epoch ends; a loader's worker processes
are not in it. AUC is computed by one code, from the scores that each library leaves for the test part.

Each peer lives in a virtual environment in ``--work``, made by the first run and used again by the next ones. A peer
that cannot be installed, or fails, is named under ``missing`` with the reason.

FuxiCTR also encodes a Criteo-shaped CSV file; that figure, ``rows/s over FuxiCTR``, is lent to the findings of
``encode``, which keep it when ``encode.py`` runs again.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from criteo_shaped import write_log
from findings import figure, lend_figure, write_findings
from planted_log import NAMES, SIZES, make_planted_log
from processes import end_when_told, last_line, run

from tamis.features import FIRST_KNOWN
from tamis.metrics.auc import AUC

HERE = Path(__file__).resolve().parent
DRIVERS = HERE / "peer_drivers"
TORCH = "torch==2.13.0"
OWN = "tamis"
ENCODER = "fuxictr"
MODEL = {"dim": 16, "crosses": 3, "hidden": [400, 400, 400], "batch_size": 4096, "learning_rate": 1e-3}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A library to compare with: what ``pip install`` is told, and the file that drives it."""

    name: str
    packages: tuple[str, ...]
    driver: str


PEERS = (
    # polars 2 removed an argument by which this release reads CSV files.
    Peer(name="fuxictr", packages=("fuxictr==2.3.10", "polars<2"), driver="with_fuxictr.py"),
    # It imports requests and does not say so.
    Peer(name="deepctr-torch", packages=("deepctr-torch==0.3.0", "requests"), driver="with_deepctr_torch.py"),
    Peer(name="torch-rechub", packages=("torch-rechub==0.9.0",), driver="with_torch_rechub.py"),
)


class Failed(Exception):
    """A library could not be installed or did not get through its job; the text says why."""


@dataclass(kw_only=True)
class Library:
    """A library that takes part: how it is run, and what was measured of it, a value for each round."""

    name: str
    python: Path
    driver: Path
    speeds: list[float] = field(default_factory=list)
    aucs: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    preparations: list[float] = field(default_factory=list)
    encodings: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def run(self, job: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Do one job in a fresh process and return its facts; what it prints goes to ``output.txt``.

        Raises:
            Failed: the process ended with an error.
        """
        _empty(folder)
        (folder / "job.json").write_text(json.dumps({**job, "folder": str(folder)}))
        command = [self.python, self.driver, folder / "job.json"]
        with open(folder / "output.txt", "w") as output:
            code = run(command, output=output, folder=folder, environment=self._environment())
        if code:
            raise Failed(f"{job['task']}: {last_line(folder / 'output.txt')}")
        facts = json.loads((folder / "facts.json").read_text())
        self.facts |= {key: facts[key] for key in ("model", "training", "parameters") if key in facts}
        self.facts["versions"] = {**self.facts.get("versions", {}), **facts["versions"]}
        return facts

    def _environment(self) -> dict[str, str]:
        """Where packages are found by PYTHONPATH, a peer must not find those of this environment."""
        return {key: value for key, value in os.environ.items() if key != "PYTHONPATH" or self.name == OWN}


def install(peer: Peer, work: Path) -> Library:
    """The peer in its environment, which is made unless it is there with the same packages.

    Raises:
        Failed: pip found no way.
    """
    place, wanted = work / peer.name, " ".join((TORCH, *peer.packages))
    marker = place / "installed.txt"
    python = place / "bin" / "python"
    if not (marker.exists() and marker.read_text() == wanted):
        print(f"{peer.name}: pip install {wanted}", file=sys.stderr, flush=True)
        commands = (
            [sys.executable, "-m", "venv", place],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", TORCH, *peer.packages],
        )
        log = work / f"{peer.name}-pip.txt"
        for command in commands:
            with open(log, "w") as output:
                code = run(command, output=output)
            if code:
                raise Failed(f"pip install {wanted}: {last_line(log)}")
        marker.write_text(wanted)
    facts = {"pip install": wanted}
    return Library(name=peer.name, python=python, driver=DRIVERS / peer.driver, facts=facts)


def write_encoded_log(path: Path, *, rows: dict[str, int]) -> dict[str, float]:
    """Write the planted log that every library trains on; return what is known of its test part."""
    log = make_planted_log(sum(rows.values()))
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for part, count in rows.items():
        # Ids 0 and 1 are left free: some libraries keep 0 as padding, which is not trained.
        arrays[f"{part}_ids"] = log.ids[start : start + count] + np.int32(FIRST_KNOWN)
        arrays[f"{part}_labels"] = log.labels[start : start + count]
        start += count
    np.savez(path, allow_pickle=False, **arrays)
    chances = log.chances[-rows["test"] :]
    return {"clicks": round(float(log.labels.mean()), 4), "AUC of the planted chances": round(_auc(chances, path), 5)}


def write_csv_log(path: Path, *, rows: int) -> None:
    """Write a Criteo-shaped log of raw values as CSV with a header line."""
    aside = write_log(path.with_suffix(".tsv"), rows=rows)
    names = ["label", *NAMES]
    pl.scan_csv(aside, separator="\t", has_header=False, new_columns=names, infer_schema=False).sink_csv(path)
    aside.unlink()


def train_once(library: Library, log: Path, folder: Path, *, rows: int, epochs: int, seed: int) -> None:
    """One library, one round."""
    job = {"task": "train", "log": str(log), "names": NAMES, "sizes": [size + FIRST_KNOWN for size in SIZES]}
    facts = library.run({**job, **MODEL, "epochs": epochs, "seed": seed}, folder)
    library.speeds.append(round(rows * epochs / facts["train_seconds"]))
    library.aucs.append(round(_auc(np.load(folder / "scores.npy"), log), 5))
    library.peaks.append(facts["peak_megabytes"])
    library.preparations.append(round(facts["prepare_seconds"], 1))


def encode_once(library: Library, log: Path, folder: Path, *, rows: int) -> None:
    """One library encodes the CSV file once."""
    job = {"task": "encode", "log": str(log), "names": NAMES, "sizes": [], "epochs": 0, "seed": 0}
    facts = library.run({**job, **MODEL}, folder)
    library.encodings.append(round(rows / facts["encode_seconds"]))


def comparison(libraries: list[Library]) -> list[dict[str, Any]]:
    """The figures, those that compare first; ratios and differences are taken round by round."""
    own, peers = libraries[0], libraries[1:]
    figures = []
    if peers:
        fastest = max(peers, key=lambda peer: median(peer.speeds))
        best = max(peers, key=lambda peer: median(peer.aucs))
        ratios = [round(ours / theirs, 2) for ours, theirs in zip(own.speeds, fastest.speeds, strict=True)]
        gaps = [round(ours - theirs, 5) for ours, theirs in zip(own.aucs, best.aucs, strict=True)]
        figures += [
            figure("dcn_v2 rows/s over fastest peer", ratios, unit="times", goal=">= 4"),
            figure("dcn_v2 test AUC minus best peer", gaps, unit="AUC", goal=">= 0"),
        ]
    for library in libraries:
        figures += [
            figure(f"{library.name} dcn_v2 rows/s", library.speeds, unit="rows/s", goal="-"),
            figure(f"{library.name} peak MB", library.peaks, unit="MB", goal="-"),
            figure(f"{library.name} test AUC", library.aucs, unit="AUC", goal="-"),
            figure(f"{library.name} preparation of the rows", library.preparations, unit="s", goal="-"),
        ]
    return figures


def encoding_comparison(own: Library, peer: Library) -> list[dict[str, Any]]:
    """The figures of encoding; the ratio is the last."""
    ratios = [round(ours / theirs, 2) for ours, theirs in zip(own.encodings, peer.encodings, strict=True)]
    return [
        figure(f"{own.name} encode rows/s", own.encodings, unit="rows/s", goal="-"),
        figure(f"{peer.name} encode rows/s", peer.encodings, unit="rows/s", goal="-"),
        figure("encode rows/s over FuxiCTR", ratios, unit="times", goal=">= 20"),
    ]


def in_turn(
    libraries: list[Library], runs: int, work: Callable[[Library, int], None], missing: dict[str, str]
) -> list[Library]:
    """Let each library work once a round; who fails is reported as missing and leaves."""
    present = list(libraries)
    for number in range(runs):
        for library in list(present):
            print(f"round {number + 1} of {runs}: {library.name}", file=sys.stderr, flush=True)
            try:
                work(library, number)
            except Failed as failure:
                if library.name == OWN:
                    raise
                missing[library.name] = str(failure)
                present.remove(library)
    return present


def _auc(scores: np.ndarray, log: Path) -> float:
    auc = AUC()
    with np.load(log) as arrays:
        auc.update(scores, arrays["test_labels"])
    return auc.compute()


def _empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def main() -> None:
    """Install what is missing, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000, help="training rows, and rows of the CSV file")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--peers", nargs="*", default=[peer.name for peer in PEERS], metavar="NAME")
    parser.add_argument("--work", type=Path, default=HERE.parent / "runs" / "peers", help="environments and logs")
    arguments = parser.parse_args()
    if unknown := set(arguments.peers) - {peer.name for peer in PEERS}:
        parser.error(f"no peer is called {sorted(unknown)[0]!r}; there are {', '.join(peer.name for peer in PEERS)}")
    end_when_told()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    libraries = [Library(name=OWN, python=Path(sys.executable), driver=DRIVERS / "with_tamis.py")]
    missing: dict[str, str] = {}
    for peer in PEERS:
        if peer.name in arguments.peers:
            try:
                libraries.append(install(peer, work))
            except Failed as failure:
                missing[peer.name] = str(failure)

    rows = {"train": arguments.rows, "valid": arguments.rows // 8, "test": arguments.rows // 8}
    encoded, raw, job = work / "log.npz", work / "log.csv", work / "job"
    known = write_encoded_log(encoded, rows=rows)
    trained = in_turn(
        libraries,
        arguments.runs,
        lambda library, number: train_once(
            library, encoded, job, rows=rows["train"], epochs=arguments.epochs, seed=number
        ),
        missing,
    )
    figures = comparison(trained)
    if ENCODER in (library.name for library in trained):
        write_csv_log(raw, rows=arguments.rows)
        encoders = [library for library in trained if library.name in (OWN, ENCODER)]
        encoders = in_turn(
            encoders,
            arguments.runs,
            lambda library, _: encode_once(library, raw, job, rows=arguments.rows),
            missing,
        )
        if len(encoders) == 2:
            figures += encoding_comparison(*encoders)
            lend_figure("encode", {**figures[-1], "name": "rows/s over FuxiCTR"}, measured_by="peers")
    details = {
        "log": {**rows, "fields": len(SIZES), "ids": sum(SIZES), **known},
        "model": {"name": "DCNv2, parallel, full-rank crosses", **MODEL, "epochs": arguments.epochs},
        "libraries": {library.name: library.facts for library in libraries},
        "missing": missing,
    }
    write_findings("peers", figures, details=details)


if __name__ == "__main__":
    main()
