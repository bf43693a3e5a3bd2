from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import jax
from jax.experimental import multihost_utils

from digits import data
from digits.checkpoints import Checkpoints
from digits.jaxjob import report, should_stop, span
from digits.learner import Learner
from digits.parallel import anywhere
from digits.phases import Phases


@dataclass(frozen=True)
class Options:
    steps: int = 330
    batch: int = 128
    learning_rate: float = 3e-3
    seed: int = 0
    checkpoints: Path | None = None
    checkpoint_every: int = 100
    report_every: int = 30


@dataclass(frozen=True)
class Result:
    """`stopped`: asked to stop before the last step, after a checkpoint of `step` was written."""

    step: int
    resumed_from: int
    accuracy: float
    stopped: bool


def say(line: str) -> None:
    if jax.process_index() == 0:
        print(line, flush=True)


def train(options: Options, phases: Phases) -> Result:
    """Trains to `options.steps`, on from the newest checkpoint if there is one, and tests."""
    devices = jax.device_count()
    if options.batch % devices or data.TEST_IMAGES % options.batch:
        raise SystemExit(
            f"--batch {options.batch} must be a multiple of the {devices} devices and divide the "
            f"{data.TEST_IMAGES} test images"
        )
    with phases("initialise"):
        with span("data"):
            training, test = data.load()
        learner = Learner(options.learning_rate, options.steps, options.seed)
        say(f"{jax.process_count()} processes, {devices} devices ({jax.default_backend()})")

    with closing(Checkpoints(options.checkpoints)) as checkpoints:
        with phases("restore"):
            learner.state, first = checkpoints.newest(learner.state)
            say(f"resumed from step {first}" if first else "starting at step 0")

        step, stopped = first, False
        while step < options.steps and not stopped:
            with phases("training" if step > first else "compile"):
                rows = data.rows_of_step(step, len(training), options.batch, options.seed)
                loss = learner.step(training, rows)
                step += 1
                reporting = step % options.report_every == 0 or step in (first + 1, options.steps)
                if reporting:
                    say(f"step {step} loss {loss:.4f}")
                    report(step=step, loss=float(loss))
                stopped = multihost_utils.reached_preemption_sync_point(step) or (
                    reporting and anywhere(should_stop())
                )
            if stopped or step % options.checkpoint_every == 0 or step == options.steps:
                with phases("checkpoint"):
                    checkpoints.write(step, learner.state)

        with phases("test"):
            accuracy = learner.accuracy(test, options.batch)
            report(step=step, accuracy=accuracy)
    return Result(step, first, accuracy, stopped and step < options.steps)
