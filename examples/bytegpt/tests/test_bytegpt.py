import re
import time

import pytest

pytest.importorskip("flax", reason="pip install -e '.[examples]'")

SMALL = ("--layers", "2", "--report-every", "10", "--checkpoint-every", "20")
EVEN_ODDS_BITS = 8.0


def test_two_processes_learn_some_python_and_write_it(launch, tmp_path):
    run = launch("--steps", "40", *SMALL, "--checkpoints", str(tmp_path / "c"), processes=2)
    assert run.wait() == [0, 0]
    assert run.result["processes"] == 2
    assert run.result["bits_per_byte"] < EVEN_ODDS_BITS - 2
    assert run.result["sample"].startswith("def ")
    assert len(run.result["sample"]) == 128


def test_killed_it_goes_on_from_its_checkpoint_as_if_nothing_had_happened(launch, tmp_path):
    straight = launch("--steps", "40", *SMALL)
    straight.wait()
    options = ("--steps", "40", *SMALL, "--checkpoints", str(tmp_path / "checkpoints"))
    killed = launch(*options)
    deadline = time.monotonic() + 120
    while not re.search(r"^step 30 ", killed.text, re.M):
        assert time.monotonic() < deadline, f"no step 30 after 120 s:\n{killed.text}{killed.errors}"
        assert killed.processes[0].poll() is None, killed.text + killed.errors
        time.sleep(0.05)
    killed.processes[0].kill()
    resumed = launch(*options)
    assert resumed.wait() == [0]
    assert resumed.result["resumed_from"] == 20
    assert resumed.losses[40] == straight.losses[40]
    assert resumed.result["sample"] == straight.result["sample"]


def test_warmed_it_finds_all_that_it_compiles_in_the_cache(launch, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(cache))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    options = ("--steps", "4", "--layers", "1")
    assert launch("--warm", *options).wait() == [0]
    warmed = own_entries(cache)
    assert {name.partition("-")[0] for name in warmed} >= {"jit_step", "jit_test", "jit_sample"}
    assert launch(*options).wait() == [0]
    assert own_entries(cache) == warmed


def own_entries(cache):
    """Of the program's own functions: the name has the function and the key."""
    names = ("jit_step-", "jit_test-", "jit_sample-", "jit__lambda-")
    return {entry.name for entry in cache.glob("*-cache") if entry.name.startswith(names)}
