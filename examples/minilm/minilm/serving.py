"""The encoder as the model server takes it: `jaxrun serve minilm.serving:model`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxrun import serve
from jaxrun.serve.adapters import flax_nnx

from minilm import weights
from minilm.model import Shape
from minilm.tokenize import LONGEST, Tokenizer

GOLDEN = Path(__file__).with_name("golden.json")
BUCKETS = {"batch": (1, 2, 4, 8, 16, 32, 64), "length": (16, 32, 64, 128, LONGEST)}
TOLERANCE = 1e-2
"""Devices that multiply in bfloat16 are within it; other weights are off by more than 0.1."""


def model() -> serve.Model:
    directory = weights.directory()
    tokenize = Tokenizer(directory)

    def tokens(body: Any) -> dict[str, np.ndarray]:
        ids, mask = tokenize(texts_in(body))
        return {"ids": ids, "mask": mask}

    return flax_nnx.model(
        weights.load(directory),
        call=lambda encoder, inputs: {"embedding": encoder(inputs["ids"], inputs["mask"])},
        name="minilm",
        inputs={
            "ids": serve.Input(("batch", "length"), "int32"),
            "mask": serve.Input(("batch", "length"), "int32"),
        },
        outputs={"embedding": serve.Output(("batch", Shape.width), "float32")},
        buckets=BUCKETS,
        golden=(golden(tokenize),),
        routes=(serve.Route("/embed", before=tokens, after=embeddings),),
    )


def texts_in(body: Any) -> list[str]:
    """`{"texts": ["a text", ...]}`. Raises ValueError for anything else."""
    texts = body.get("texts") if isinstance(body, dict) else None
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise ValueError('texts: a list of at least one string is wanted: {"texts": ["a text"]}')
    return texts


def embeddings(outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {"embeddings": outputs["embedding"].tolist()}


def golden(tokenize: Tokenizer) -> serve.Golden:
    """Some texts and what the reference implementation makes of them."""
    known = json.loads(GOLDEN.read_text())
    ids, mask = tokenize([one["text"] for one in known])
    answer = np.array([one["embedding"] for one in known], np.float32)
    return serve.Golden({"ids": ids, "mask": mask}, {"embedding": answer}, rtol=0, atol=TOLERANCE)
