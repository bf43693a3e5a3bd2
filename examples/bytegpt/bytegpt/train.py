from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import jax
from jax.experimental import multihost_utils

from bytegpt import data
from bytegpt.checkpoints import Checkpoints
from bytegpt.jaxjob import devices, report, should_stop, span
from bytegpt.learner import Learner
from bytegpt.model import Shape
from bytegpt.parallel import anywhere
from bytegpt.phases import Phases

PROMPT = b"def "
TEST_STEP = 0


@dataclass(frozen=True)
class Options:
    steps: int = 200
    batch: int = 8
    layers: int = 12
    unroll: bool = False
    learning_rate: float = 2e-3
    seed: int = 0
    checkpoints: Path | None = None
    checkpoint_every: int = 50
    report_every: int = 10

    @property
    def shape(self) -> Shape:
        return Shape(layers=self.layers, unroll=self.unroll)


@dataclass(frozen=True)
class Result:
    """`stopped`: asked to stop before the last step, after a checkpoint of `step` was written."""

    step: int
    resumed_from: int
    bits_per_byte: float
    sample: str
    stopped: bool


def say(line: str) -> None:
    if jax.process_index() == 0:
        print(line, flush=True)


def warm(options: Options, phases: Phases) -> None:
    """Compiles what training with these options will run: all is in JAX's cache then."""
    with phases("compile"):
        learner = _learner(options)
        learner.warm((options.batch, options.shape.context + 1), PROMPT)


def _learner(options: Options) -> Learner:
    count, kind = len(devices()), devices()[0].device_kind
    if options.batch % count:
        raise SystemExit(f"--batch {options.batch} must be a multiple of the {count} devices")
    learner = Learner(options.shape, options.learning_rate, options.steps, options.seed)
    say(f"{jax.process_count()} processes, {count} devices ({kind})")
    return learner


def train(options: Options, phases: Phases) -> Result:
    """Trains to `options.steps`, on from the newest checkpoint if there is one, and tests."""
    length = options.shape.context + 1
    with phases("initialise"):
        with span("data"):
            training, test = data.load()
        learner = _learner(options)
        learner.begin()

    with closing(Checkpoints(options.checkpoints)) as checkpoints:
        with phases("restore"):
            learner.state, first = checkpoints.newest(learner.state)
            say(f"resumed from step {first}" if first else "starting at step 0")

        step, stopped = first, False
        while step < options.steps and not stopped:
            with phases("training" if step > first else "compile"):
                with span("data"):
                    batch = data.windows(training, step, options.batch, length, options.seed)
                loss = learner.step(batch)
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
            bits = learner.bits_per_byte(
                data.windows(test, TEST_STEP, options.batch, length, options.seed)
            )
            report(step=step, bits_per_byte=bits)
        with phases("sample"):
            sample = learner.sample(PROMPT)
    return Result(step, first, bits, sample, stopped and step < options.steps)
