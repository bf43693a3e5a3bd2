"""Models for servers under test; each factory is one."""

import gc
import os
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrun import serve


def _double(params: Any, inputs: Any) -> Any:
    doubled = inputs["x"] * params["factor"]
    negated = jnp.logical_not(inputs["flags"])
    return {"y": doubled, "half": doubled.astype(jnp.bfloat16), "negated": negated}


def double() -> serve.Model:
    """x doubled, as FP32 and as BF16; flags negated."""
    return serve.Model(
        name="double",
        version="3",
        function=_double,
        params={"factor": jnp.float32(2)},
        inputs={
            "x": serve.Input(("batch", "length"), "float32"),
            "flags": serve.Input(("batch",), "bool"),
        },
        outputs={
            "y": serve.Output(("batch", "length")),
            "half": serve.Output(("batch", "length")),
            "negated": serve.Output(("batch",)),
        },
        buckets={"batch": (1, 4), "length": (4, 8)},
        routes=(
            serve.Route("/double", _from_json, _to_json),
            serve.Route("/frozen", _from_json, lambda _: {"objects": gc.get_freeze_count()}),
        ),
    )


def _from_json(said: Any) -> dict[str, Any]:
    if said == "defect":
        raise RuntimeError("a defect of the user's code")
    values = said.get("values") if isinstance(said, dict) else None
    if not isinstance(values, list):
        raise ValueError("values is missing, or not a list")
    return {"x": np.array([values], np.float32), "flags": np.array([False])}


def _to_json(outputs: Any) -> Any:
    return {"doubled": outputs["y"][0].tolist()}


def slow() -> serve.Model:
    """Takes a good while for whatever it is asked, one row at a time."""

    def work(params: Any, inputs: Any) -> Any:
        def turn(_: int, x: Any) -> Any:
            return jnp.tanh(x @ params["w"])

        turned = jax.lax.fori_loop(0, int(os.environ.get("TURNS", "400")), turn, params["w"])
        return {"y": inputs["x"] + 0 * turned[0, 0]}

    return serve.Model(
        name="slow",
        function=work,
        params={"w": jnp.full((256, 256), 0.01)},
        inputs={"x": serve.Input(("batch",), "float32")},
        outputs={"y": serve.Output(("batch",), "float32")},
        buckets={"batch": (1,)},
    )


def held() -> serve.Model:
    """Answers while the file GO is there, one row at a time."""

    def pass_on(x: Any) -> Any:
        while not Path(os.environ["GO"]).exists():
            time.sleep(0.01)
        return x

    def work(params: Any, inputs: Any) -> Any:
        x = inputs["x"]
        return {"y": jax.pure_callback(pass_on, jax.ShapeDtypeStruct(x.shape, x.dtype), x)}

    return serve.Model(
        name="held",
        function=work,
        params={},
        inputs={"x": serve.Input(("batch",), "float32")},
        outputs={"y": serve.Output(("batch",), "float32")},
        buckets={"batch": (1,)},
    )


def patient() -> serve.Model:
    """Made once the file GO is there."""
    while not Path(os.environ["GO"]).exists():
        time.sleep(0.02)
    return double()


def failing() -> serve.Model:
    raise KeyError("weights")


def wrong() -> serve.Model:
    """With a golden output that is not what it gives."""
    right = double()
    golden = serve.Golden({"x": np.ones((1, 2), np.float32), "flags": [True]}, {"y": [[9.0, 9.0]]})
    return serve.Model(
        name=right.name,
        function=right.function,
        params=right.params,
        inputs=right.inputs,
        outputs=right.outputs,
        buckets=right.buckets,
        golden=(golden,),
    )
