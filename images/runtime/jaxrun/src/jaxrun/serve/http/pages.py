"""What the server says of itself: the protocol's metadata and health, /status."""

from collections.abc import Mapping
from typing import Any

from jaxrun import __version__
from jaxrun.serve.http.datatypes import DATATYPES
from jaxrun.serve.http.exchange import TEXT, Answer
from jaxrun.serve.http.plain_json import dumps
from jaxrun.serve.model import Input, Model, Output
from jaxrun.serve.state import Draining, Loading, Ready, State


def server_metadata() -> Answer:
    """GET /v2"""
    said = {"name": "jaxrun", "version": __version__, "extensions": ["binary_tensor_data"]}
    return Answer(200, dumps(said))


def model_metadata(model: Model, output_dtypes: Mapping[str, str]) -> Answer:
    """GET /v2/models/NAME. `output_dtypes`: of outputs that declare none, as far as known."""
    said = {
        "name": model.name,
        "versions": [model.version],
        "platform": "jax",
        "inputs": [_tensor(name, each, each.dtype) for name, each in model.inputs.items()],
        "outputs": [
            _tensor(name, each, each.dtype or output_dtypes.get(name))
            for name, each in model.outputs.items()
        ],
    }
    return Answer(200, dumps(said))


def readiness(state: State) -> Answer:
    """GET /v2/health/ready, for probes and for people: why it is not."""
    if isinstance(state, Ready):
        return Answer(200, b"ready\n", TEXT)
    return Answer(503, f"{why_unready(state)}\n".encode(), TEXT)


def why_unready(state: State) -> str:
    """`buckets ready 7 / 12, about 4 s left`"""
    if isinstance(state, Loading):
        if state.total == 0:
            return "loading the model"
        left = "" if state.seconds_left is None else f", about {state.seconds_left:.0f} s left"
        return f"buckets ready {state.ready} / {state.total}{left}"
    if isinstance(state, Draining):
        return "draining: this server is about to stop"
    return "" if isinstance(state, Ready) else state.reason


def _tensor(name: str, declared: Input | Output, dtype: str | None) -> dict[str, Any]:
    shape = [dim if isinstance(dim, int) else -1 for dim in declared.shape]
    tensor: dict[str, Any] = {"name": name, "shape": shape}
    if dtype is not None:
        tensor["datatype"] = DATATYPES[dtype]
    return tensor
