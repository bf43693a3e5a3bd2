"""A data-parallel loop as small as can be, over all processes, that ends as it is told to.

train.py [--act ACTION] [--process N] [--attempts N] [--hold]: after five steps, or with --hold
once the file /tmp/go exists in any of the pods, process N does ACTION if this is one of the first
so many attempts; the others go on until they are stopped. Without an action all end well.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jaxrun
import numpy as np
from jax.experimental import multihost_utils

STEPS = 5
GO = Path("/tmp/go")


def raise_an_exception() -> None:
    raise ValueError("bad batch")


def fill_the_memory() -> None:
    hoard = []
    while True:
        hoard.append(b"x" * (32 << 20))


ACTIONS: dict[str, Callable[[], object]] = {
    "exception": raise_an_exception,
    "sys.exit(3)": lambda: sys.exit(3),
    "os._exit(3)": lambda: os._exit(3),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "host-oom": fill_the_memory,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--act", choices=ACTIONS)
    parser.add_argument("--process", type=int, default=1)
    parser.add_argument("--attempts", type=int, default=1)
    parser.add_argument("--hold", action="store_true")
    options = parser.parse_args()
    acting = options.act is not None and int(os.environ["JAXRUN_ATTEMPT"]) < options.attempts

    jax.distributed.initialize()
    step, over = 0, False
    while (not over or acting) and not jaxrun.should_stop():
        step += 1
        ready = GO.exists() if options.hold else step >= STEPS
        over = bool(multihost_utils.process_allgather(np.array(ready)).any())
        jaxrun.report(step=step)
        if over and acting and jax.process_index() == options.process:
            print(f"process {options.process}: {options.act}", flush=True)
            ACTIONS[options.act]()
        time.sleep(0.05)
    print(f"process {jax.process_index()}: done after step {step}")


main()
