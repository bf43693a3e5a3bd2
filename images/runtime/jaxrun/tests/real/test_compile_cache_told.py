"""What a real program with real JAX tells of compiling and of its persistent cache."""

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gang import RealGang

PROGRAM = """
import os, sys, time, jax, jax.numpy as jnp, jaxrun

@jax.jit
def train_step(weights, x):
    return weights + (x @ x.T).sum()

weights = train_step(jnp.zeros((4,)), jnp.ones((32, 64)))
"""
STEP = "weights.block_until_ready(); jaxrun.report(step=1)\n"
ANOTHER_SHAPE = "weights = train_step(weights, jnp.ones((17, 64)))\n"
PRINTING = """
@jax.jit
def log_step(weights):
    jax.debug.print("weights {}", weights[0])
    return weights

@jax.jit
def fetch(x):
    return jax.pure_callback(lambda value: value, x, x)

log_step(weights); fetch(weights); log_step(weights[:2])
"""
EVALUATION = "jax.jit(lambda x: x * 2)(weights); jnp.linalg.norm(weights); weights[:2] + 1\n"
UNTIL_TOLD = """
while not os.path.exists("enough"):
    time.sleep(0.05)
    jaxrun.report(step=9)
"""


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[RealGang]:
    """A gang of one."""
    gang = RealGang(tmp_path, size=1)
    yield gang
    gang.close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """JAX's directory."""
    directory = tmp_path / "cache"
    directory.mkdir()
    return directory


def run(gang: RealGang, cache: Path, code: str, **environment: str) -> dict[str, Any]:
    """The status of a program that has done all that it does."""
    gang.start(
        [sys.executable, "-c", PROGRAM + code + UNTIL_TOLD],
        JAX_COMPILATION_CACHE_DIR=str(cache),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        **environment,
    )
    gang.wait_for_step(9)
    told = gang.launchers[0].status()
    page = gang.launchers[0].page("metrics")
    found = re.search(r"^jaxrun_cache_hits_total (.*)$", page, re.MULTILINE)
    assert found is not None
    assert float(found.group(1)) == told["cache"]["hits"]
    (gang.launchers[0].directory / "enough").touch()
    gang.wait()
    assert gang.exit_codes == [0], gang.outputs()
    (gang.launchers[0].directory / "enough").unlink()
    return told


def published(cache: Path, volume: Path) -> None:
    """Each entry becomes a link to a file that is named by its content."""
    volume.mkdir()
    for entry in sorted(cache.iterdir()):
        blob = volume / hashlib.sha256(entry.read_bytes()).hexdigest()
        entry.rename(blob)
        entry.symlink_to(blob)


def test_a_second_run_has_everything_in_the_cache(alone: RealGang, cache: Path) -> None:
    cold = run(alone, cache, STEP)
    assert cold["cache"]["hits"] == 0
    assert cold["cache"]["requests"] == cold["cache"]["written"] > 0
    assert cold["cache"]["firstStepRequests"] == cold["cache"]["requests"]
    assert cold["cache"]["firstStepHits"] == 0
    assert cold["cache"]["neverKept"] == cold["cache"]["firstStepNeverKept"] == 0
    assert 0 < cold["firstStepSeconds"] < 60
    names = {function["name"]: function for function in cold["compile"]["functions"]}
    assert names["train_step"]["count"] == 1
    assert sum(f["seconds"] for f in names.values()) == pytest.approx(cold["compile"]["seconds"])
    warm = run(alone, cache, STEP)
    assert warm["cache"]["hits"] == warm["cache"]["requests"] == cold["cache"]["requests"]
    assert warm["cache"]["firstStepHits"] == warm["cache"]["firstStepRequests"] > 0
    assert warm["cache"]["written"] == warm["cache"]["readErrors"] == 0
    assert warm["cache"]["retrievalSeconds"] > 0
    assert warm["compile"]["afterFirstStep"] == {"count": 0, "last": None}


def test_a_shape_that_changes_after_the_first_step_is_named(alone: RealGang, cache: Path) -> None:
    told = run(alone, cache, STEP + ANOTHER_SHAPE + EVALUATION)
    assert told["compile"]["afterFirstStep"] == {
        "count": 1,
        "last": "train_step: x float32[32,64] -> float32[17,64]",
    }
    assert "Compiling" not in alone.launchers[0].out, "the user did not ask for JAX's log"
    hit = run(alone, cache, STEP + ANOTHER_SHAPE)
    assert hit["compile"]["afterFirstStep"]["count"] == 1, "also where the cache has it"


def test_what_calls_back_into_python_is_never_kept(alone: RealGang, cache: Path) -> None:
    cold = run(alone, cache, PRINTING + STEP)["cache"]
    assert cold["neverKept"] == cold["firstStepNeverKept"] == 3
    assert cold["neverKeptFunctions"] == ["log_step", "fetch"]
    assert cold["written"] == cold["requests"] - 3
    warm = run(alone, cache, PRINTING + STEP)["cache"]
    assert warm["hits"] == warm["requests"] - 3
    assert (warm["neverKept"], warm["written"]) == (3, 0)
    assert warm["neverKeptFunctions"] == cold["neverKeptFunctions"]


def test_the_users_own_log_is_as_it_would_be(alone: RealGang, cache: Path) -> None:
    run(alone, cache, STEP, JAX_LOG_COMPILES="1")
    assert "Compiling jit(train_step) with global shapes" in alone.launchers[0].out
    told = run(alone, cache, STEP + ANOTHER_SHAPE, JAX_LOGGING_LEVEL="DEBUG")
    assert "Compiling jit(train_step) with global shapes" in alone.launchers[0].out
    assert told["compile"]["afterFirstStep"]["count"] == 1


@pytest.mark.parametrize("content", [b"", b"rubbish", None], ids=["empty", "rubbish", "cut short"])
def test_a_bad_entry_costs_one_compilation(
    alone: RealGang, cache: Path, tmp_path: Path, content: bytes | None
) -> None:
    run(alone, cache, STEP)
    published(cache, tmp_path / "volume")
    (entry,) = cache.glob("jit_train_step-*-cache")
    blob = entry.resolve()
    bad = blob.read_bytes()[:100] if content is None else content
    blob.write_bytes(bad)
    first = run(alone, cache, STEP)["cache"]
    assert (first["readErrors"], first["written"]) == (1, 1)
    assert first["hits"] == first["requests"] - 1
    assert not entry.is_symlink()
    assert blob.read_bytes() == bad, "the published one is the keeper's"
    second = run(alone, cache, STEP)["cache"]
    assert (second["readErrors"], second["written"]) == (0, 0)
    assert second["hits"] == second["requests"]


def test_a_published_entry_that_has_gone(alone: RealGang, cache: Path, tmp_path: Path) -> None:
    run(alone, cache, STEP)
    published(cache, tmp_path / "volume")
    (entry,) = cache.glob("jit_train_step-*-cache")
    entry.resolve().unlink()
    first = run(alone, cache, STEP)["cache"]
    assert (first["readErrors"], first["written"]) == (0, 1)
    assert entry.is_file()
    assert not entry.is_symlink()
    assert run(alone, cache, STEP)["cache"]["written"] == 0


def test_without_reports_the_first_step_is_where_compiling_ends(
    alone: RealGang, cache: Path
) -> None:
    wait = "while not os.path.exists('enough'):\n    time.sleep(0.05)\n"
    alone.start(
        [sys.executable, "-c", PROGRAM + wait],
        JAX_COMPILATION_CACHE_DIR=str(cache),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        JAXRUN_QUIET_SECONDS="2",
    )
    alone.wait_for(lambda: alone.launchers[0].status().get("firstStepSeconds") is not None)
    told = alone.launchers[0].status()
    assert told["state"] == "Running"
    assert 0 < told["cache"]["firstStepRequests"] <= told["cache"]["requests"]
    assert told["cache"]["firstStepHits"] == 0
    (alone.launchers[0].directory / "enough").touch()
    alone.wait()
