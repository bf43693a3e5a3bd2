"""The digits network as the model server takes it: `jaxrun serve digits_serve.serving:model`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from digits.model import CNN
from jaxrun import serve
from jaxrun.serve.adapters import flax_nnx

from digits_serve import checkpoint

CHECKPOINTS = "digits"
"""Where they are on the volume of the job; ../digits/jaxjob.yaml says so."""
SIDE = 8


def model() -> serve.Model:
    directory = Path(os.environ.get("JAXRUN_MODEL_DIR", "checkpoints")) / CHECKPOINTS
    network, step = checkpoint.newest(directory)
    return flax_nnx.model(
        network,
        call=classify,
        name="digits",
        version=str(step),
        inputs={"images": serve.Input(("batch", SIDE, SIDE), "float32")},
        outputs={
            "logits": serve.Output(("batch", 10), "float32"),
            "probabilities": serve.Output(("batch", 10), "float32"),
            "labels": serve.Output(("batch",), "int32"),
        },
        buckets={"batch": (1, 4, 16, 64, 256)},
        routes=(serve.Route("/classify", before=images, after=answer),),
        refuse_nan=True,
    )


def classify(network: CNN, inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
    logits = network(inputs["images"][..., None])
    return {
        "logits": logits,
        "probabilities": jax.nn.softmax(logits),
        "labels": logits.argmax(-1).astype("int32"),
    }


def images(body: Any) -> dict[str, np.ndarray]:
    """`{"images": ...}`: one image of 8 x 8 numbers in 0..1, or a list of such.

    Raises ValueError for anything else.
    """
    given = body.get("images") if isinstance(body, dict) else None
    try:
        array = np.array(given, np.float32)
    except (TypeError, ValueError):
        array = np.empty(0, np.float32)
    if array.ndim not in (2, 3) or array.shape[-2:] != (SIDE, SIDE) or not len(array):
        raise ValueError(
            "images: 8 rows of 8 numbers are wanted, or a list of such: "
            '{"images": [[0, 0.5, ...], ...]}'
        )
    if not ((array >= 0) & (array <= 1)).all():
        raise ValueError("images: numbers from 0, no ink, to 1, all ink, are wanted")
    return {"images": array.reshape(-1, SIDE, SIDE)}


def answer(outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "labels": outputs["labels"].tolist(),
        "probabilities": outputs["probabilities"].tolist(),
    }
