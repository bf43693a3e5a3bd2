"""Compiles three functions of its own, takes steps with them on one host, and ends well.

compiles.py [--hold]: after five steps, or with --hold once the file /tmp/go exists. Its process id
is in /tmp/pid.
"""

import argparse
import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import jaxrun
import numpy as np

STEPS = 5
GO = Path("/tmp/go")
PID = Path("/tmp/pid")


@jax.jit
def spread(x: jax.Array) -> jax.Array:
    return jnp.tanh(x @ x.T)


@jax.jit
def narrow(x: jax.Array) -> jax.Array:
    return x / (1.0 + jnp.abs(x).sum(axis=0))


@jax.jit
def total(x: jax.Array) -> jax.Array:
    return jnp.sort(x.ravel())[-8:].sum()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hold", action="store_true")
    options = parser.parse_args()
    PID.write_text(str(os.getpid()))

    step, state = 0, np.linspace(-1.0, 1.0, 64 * 64, dtype=np.float32).reshape(64, 64)
    while not jaxrun.should_stop():
        state = narrow(spread(state))
        loss = float(total(state))
        step += 1
        jaxrun.report(step=step, loss=loss)
        if GO.exists() if options.hold else step >= STEPS:
            break
        time.sleep(0.05)
    print(f"ended after step {step}")


main()
