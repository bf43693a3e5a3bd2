"""A JAX program that compiles a little, counts what JAX says of its cache, and goes on for ever.

compiling.py [report|silent|once|raise|warm]: `report` tells each step, `silent` none, `once` exits
after one step, `raise` raises at it, `warm` only compiles, by jaxrun.warm, and exits. In the epochs
below DIES_BEFORE_EPOCH the last process dies after a second of steps.
"""

import os
import sys
import time
from collections import Counter

import jax
import jax.numpy as jnp

import jaxrun

how = sys.argv[1]
epoch = int(os.environ.get("JAXRUN_EPOCH", "1"))
size = int(os.environ.get("JAXRUN_NUM_PROCESSES", "1"))
dies = epoch < int(os.environ.get("DIES_BEFORE_EPOCH", "0"))
told: Counter[str] = Counter()
jax.monitoring.register_event_listener(lambda event, **_: told.update([event]))
if size > 1:
    jax.distributed.initialize()
rank = jax.process_index()


def train_step(state: jax.Array, batch: jax.Array) -> jax.Array:
    return state + jnp.tanh(batch @ state).mean()


def say() -> None:
    requests = told["/jax/compilation_cache/compile_requests_use_cache"]
    hits = told["/jax/compilation_cache/cache_hits"]
    print(f"process {rank}, epoch {epoch}: {hits} hits of {requests}", flush=True)


if how == "warm":
    shape = jax.ShapeDtypeStruct((16, 16), jnp.float32)
    compiled = jaxrun.warm(train_step, shape, shape)
    print(type(compiled).__name__)
    jaxrun.warm(jax.jit(lambda tree, k: tree["a"] * k), {"a": shape}, k=2.0)
    say()
    sys.exit()

step = jax.jit(train_step)
state, batch = jnp.eye(16), jnp.ones((16, 16))
for number in range(100_000):
    state = step(state, batch).block_until_ready()
    if number == 0:
        say()
        if how == "raise":
            raise ValueError("bad batch")
    if how == "report":
        jaxrun.report(step=number)
    if how == "once":
        break
    if dies and number == 20 and rank == size - 1:
        os._exit(3)
    time.sleep(0.05)
