import re
import signal
import time

import pytest

pytest.importorskip("flax", reason="pip install -e '.[examples]'")


def until(run, pattern, seconds=120):
    """Waits until process 0 has said something."""
    deadline = time.monotonic() + seconds
    while not re.search(pattern, run.text, re.M):
        said = run.text + run.errors
        assert time.monotonic() < deadline, f"no {pattern!r} after {seconds} s:\n{said}"
        assert run.processes[0].poll() is None, f"ended before {pattern!r}:\n{said}"
        time.sleep(0.05)


def test_alone_it_learns_digits_that_it_never_saw(launch):
    run = launch()
    assert run.wait() == [0]
    assert run.result["accuracy"] >= 0.97
    assert run.result["step"] == 330
    phases = {"import", "initialise", "restore", "compile", "training", "checkpoint", "test"}
    assert set(run.result["seconds"]) == phases


def test_two_processes_learn_what_one_does(launch, tmp_path):
    one = launch("--steps", "90")
    one.wait()
    two = launch("--steps", "90", "--checkpoints", str(tmp_path / "checkpoints"), processes=2)
    assert two.wait() == [0, 0]
    assert two.result["processes"] == 2
    assert float(two.losses[90]) == pytest.approx(float(one.losses[90]), rel=0.05)


def test_killed_it_goes_on_from_its_checkpoint_as_if_nothing_had_happened(launch, tmp_path):
    straight = launch("--steps", "90")
    straight.wait()
    options = ("--checkpoints", str(tmp_path / "checkpoints"), "--checkpoint-every", "30")
    killed = launch("--steps", "90", *options)
    until(killed, r"^step 60 ")
    killed.processes[0].kill()
    resumed = launch("--steps", "90", *options)
    assert resumed.wait() == [0]
    first = resumed.result["resumed_from"]
    assert first in (30, 60)
    assert f"resumed from step {first}" in resumed.text
    assert resumed.losses[90] == straight.losses[90]


def test_finished_it_has_nothing_left_to_train(launch, tmp_path):
    options = ("--steps", "30", "--checkpoints", str(tmp_path / "checkpoints"))
    assert launch(*options).wait() == [0]
    again = launch(*options)
    assert again.wait() == [0]
    assert again.result["resumed_from"] == again.result["step"] == 30
    assert not again.losses


def test_sigterm_to_one_process_stops_both_after_the_same_step(launch, tmp_path):
    options = ("--steps", "100000", "--checkpoints", str(tmp_path / "checkpoints"))
    run = launch(*options, processes=2)
    until(run, r"^step 30 ")
    run.processes[1].send_signal(signal.SIGTERM)
    assert run.wait() == [143, 143]
    assert run.result["stopped"]
    assert (tmp_path / "checkpoints" / str(run.result["step"])).is_dir()


def test_a_batch_that_cannot_be_divided_is_refused_in_a_sentence(launch):
    run = launch("--batch", "100")
    assert run.wait() == [1]
    assert "--batch 100 must be a multiple of the 1 devices and divide the 384" in run.errors
