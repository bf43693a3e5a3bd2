"""Models small enough to load in a second, and requests for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrun import serve
from jaxrun.serve.engine import Engine, Loading
from jaxrun.serve.engine.padding import Array

WIDTH = 4
TABLE = np.arange(10.0 * WIDTH, dtype=np.float32).reshape(10, WIDTH) / 7
PAD = 9


def embed(params: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Each token's row of the table, and their mean where the mask is set."""
    each = params["table"][inputs["ids"]] * inputs["mask"][..., None]
    count = jnp.maximum(inputs["mask"].sum(1), 1)
    return {"mean": each.sum(1) / count[:, None], "each": each}


def embedder(**changes: Any) -> serve.Model:
    """Two buckets of rows times two of length."""
    model = serve.Model(
        name="embedder",
        function=embed,
        params={"table": TABLE},
        inputs={
            "ids": serve.Input(("batch", "length"), "int32", pad=PAD),
            "mask": serve.Input(("batch", "length"), "float32"),
        },
        outputs={
            "mean": serve.Output(("batch", WIDTH)),
            "each": serve.Output(("batch", "length", WIDTH)),
        },
        buckets={"batch": (1, 8), "length": (4, 16)},
    )
    return replace(model, **changes)


def tokens(rows: int, length: int, seed: int = 0) -> dict[str, Array]:
    """A request with random tokens."""
    chosen = np.random.default_rng(seed)
    return {
        "ids": chosen.integers(0, 10, (rows, length)).astype(np.int32),
        "mask": np.ones((rows, length), np.float32),
    }


def right_answer(request: dict[str, Array]) -> dict[str, Array]:
    """By numpy, without padding or batching."""
    each = TABLE[request["ids"]] * request["mask"][..., None]
    return {"mean": each.mean(1), "each": each}


def loaded(
    model: serve.Model, told: Callable[[Loading], None] = lambda _: None, **how: Any
) -> Engine:
    """On one device unless told otherwise."""
    how.setdefault("devices", jax.devices()[:1])
    engine = Engine(model, **how)
    engine.load(told)
    return engine


def bucket(batch: int, **family: int) -> serve.Bucket:
    """bucket(8, length=16)"""
    return serve.Bucket(batch, tuple(sorted(family.items())))
