"""A small model, `y = x * WEIGHT`, and factories that make none."""

import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxrun import serve

Arrays = dict[str, jax.Array]


def times(params: jax.Array, inputs: Arrays) -> Arrays:
    return {"y": inputs["x"] * params}


def model() -> serve.Model:
    pathlib.Path("/tmp/pid").write_text(str(os.getpid()))
    weight = float(os.environ.get("WEIGHT", "2"))
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    return serve.Model(
        name="times",
        function=times,
        params=jnp.float32(weight),
        inputs={"x": serve.Input(("batch", "length"), "float32")},
        outputs={"y": serve.Output(("batch", "length"), "float32")},
        buckets={"batch": (1, 2, 4), "length": (8, 32)},
        golden=(serve.Golden({"x": x}, {"y": x * weight}, rtol=0, atol=0),),
    )


def broken() -> serve.Model:
    raise ValueError("no weights at /models/times-v2")
