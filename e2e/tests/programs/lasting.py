"""Trains until it is told to end, keeps checkpoints, and goes on from the last one.

lasting.py [--save-every N] [--save-seconds S] [--fail-at STEP --exit CODE --process N]

The checkpoint volume is where it keeps its checkpoints; without one it begins at 0 each time. It
ends well once the file /tmp/go exists in any of the pods. Its process id is in /tmp/pid. Process N
exits with CODE at each time that it reaches STEP.
"""

import argparse
import json
import os
import time
from pathlib import Path

import jax
import jaxrun
import numpy as np
from jax.experimental import multihost_utils

GO = Path("/tmp/go")
PID = Path("/tmp/pid")


class Checkpoints:
    """The last step; process 0 writes, and tells the others what it read."""

    def __init__(self, directory: str | None, save_seconds: float) -> None:
        self._file = Path(directory, "step") if directory else None
        self._save_seconds = save_seconds

    def last(self) -> int:
        step = 0
        if self._file is not None and jax.process_index() == 0 and self._file.exists():
            step = int(self._file.read_text())
        return int(multihost_utils.broadcast_one_to_all(np.array(step)))

    def save(self, step: int, slowly: bool = False) -> None:
        if self._file is None:
            return
        if slowly:
            time.sleep(self._save_seconds)
        if jax.process_index() == 0:
            partial = self._file.with_suffix(".partial")
            partial.write_text(str(step))
            partial.rename(self._file)
        jaxrun.checkpointed(step)


def say(**what: object) -> None:
    print("told: " + json.dumps(what), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save-every", type=int, default=20)
    parser.add_argument("--save-seconds", type=float, default=0.0)
    parser.add_argument("--fail-at", type=int)
    parser.add_argument("--exit", type=int, default=3)
    parser.add_argument("--process", type=int, default=1)
    options = parser.parse_args()
    PID.write_text(str(os.getpid()))

    jax.distributed.initialize()
    checkpoints = Checkpoints(os.environ.get("JAXRUN_CHECKPOINT_DIR"), options.save_seconds)
    step = checkpoints.last()
    told = {name: int(os.environ[f"JAXRUN_{name.upper()}"]) for name in ("attempt", "epoch")}
    say(began=step, **told)
    over = False
    while not over:
        step += 1
        over = bool(multihost_utils.process_allgather(np.array(GO.exists())).any())
        jaxrun.report(step=step)
        if step == options.fail_at and jax.process_index() == options.process:
            os._exit(options.exit)
        if jaxrun.should_stop():
            checkpoints.save(step, slowly=True)
            say(stopped=step)
            return
        if step % options.save_every == 0:
            checkpoints.save(step)
        time.sleep(0.05)
    say(ended=step)


main()
