"""Where the kernels come from, and what happens when they cannot be had."""

import logging
import shutil

import pytest
import torch

from tamis.kernels import kernels_for, kernels_state
from tamis.kernels.library import _compiled, _load


@pytest.fixture
def anew(tmp_path, monkeypatch):
    """An empty cache, and nothing loaded before or after."""
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path))
    monkeypatch.delenv("TAMIS_KERNELS", raising=False)
    _load.cache_clear()
    yield tmp_path / "kernels"
    _load.cache_clear()


def test_without_a_compiler_torch_works_and_the_log_says_why(anew, monkeypatch, caplog):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with caplog.at_level(logging.INFO, logger="tamis.kernels"):
        assert kernels_for(torch.ones(2)) is None
    assert kernels_state() == "torch: no C++ compiler was found (CXX, g++, c++, clang++)."
    assert "run in torch, which is slower on a CPU: no C++ compiler was found" in caplog.text


def test_a_compiler_that_fails_costs_speed_only(anew, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "disk on fire" >&2\nexit 1\n')
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    assert kernels_for(torch.ones(2)) is None
    assert kernels_state() == "torch: disk on fire"
    assert not list(anew.glob("*"))


def test_a_cache_that_cannot_be_written_costs_speed_only(anew, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TAMIS_CACHE", str(tmp_path / "file"))
    assert kernels_for(torch.ones(2)) is None


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_it_is_compiled_once_a_machine(anew):
    place = _compiled("float")
    before = place.stat().st_mtime_ns
    assert _compiled("float") == place
    assert place.stat().st_mtime_ns == before
    assert [path.name for path in anew.iterdir()] == [place.name]


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("TAMIS_KERNELS", "off")
    assert kernels_for(torch.ones(2)) is None
    assert kernels_state() == "torch: TAMIS_KERNELS is off"


def test_other_numbers_and_mixed_numbers_are_left_to_torch():
    assert kernels_for(torch.ones(2, dtype=torch.float16)) is None
    assert kernels_for(torch.ones(2), torch.ones(2, dtype=torch.bfloat16)) is None
    assert kernels_for(torch.ones(2), torch.ones(2, device="meta")) is None
