"""A `jax.export` artifact: a program without its Python.

It is exported from a function of (params, inputs), or of inputs alone with the params in it, where
inputs is a dict. Its shapes are declared once, in the artifact: a dimension that is symbolic there,
named as in Model (`jax.export.symbolic_shape("batch, length")`), is bucketed here. JAX reads
artifacts with the package `flatbuffers`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from jax import export

from jaxrun.serve.buckets import BATCH
from jaxrun.serve.model import Input, Model, Output

_NAMES = {"gpu": {"cuda", "rocm"}}
"""What artifacts call a platform, where JAX calls it otherwise."""


def model(
    artifact: Path | str | bytes | bytearray,
    params: Any = None,
    pads: Mapping[str, bool | float] | None = None,
    **fields: Any,
) -> Model:
    """`artifact` is a file or its content; `pads` gives inputs their padding where it is not 0.

    `inputs` and `outputs` need not be among `fields`, the other fields of Model: they are read from
    the artifact. Raises ValueError where it does not take and give dicts of batched arrays, or is
    not for this platform.
    """
    content = artifact if isinstance(artifact, bytes | bytearray) else Path(artifact).read_bytes()
    program = export.deserialize(bytearray(content))
    call: Any = program.call
    platform = jax.default_backend()
    if not _NAMES.get(platform, {platform}) & set(program.platforms):
        raise ValueError(
            f"artifact is for {', '.join(program.platforms)}, and this is {platform}: export it "
            "for it, see jax.export.export's platforms"
        )
    arguments, keywords = jax.tree.unflatten(program.in_tree, program.in_avals)
    alone = len(arguments) == 1
    if keywords or len(arguments) > 2 or not isinstance(arguments[-1], dict):
        raise ValueError("artifact takes other than (params, inputs) or (inputs), inputs a dict")
    if alone and params is not None:
        raise ValueError("artifact takes inputs alone; params is given")
    answers = jax.tree.unflatten(program.out_tree, program.out_avals)
    if not isinstance(answers, dict):
        raise ValueError(f"artifact gives a {type(answers).__name__}; it gives a dict of outputs")
    pads = pads or {}
    for name in pads:
        if name not in arguments[-1]:
            raise ValueError(f"pads.{name} is no input of the artifact")
    fields.setdefault(
        "inputs",
        {
            name: Input(_shape(name, aval), str(aval.dtype), pads.get(name, 0))
            for name, aval in arguments[-1].items()
        },
    )
    fields.setdefault(
        "outputs",
        {name: Output(_shape(name, aval), str(aval.dtype)) for name, aval in answers.items()},
    )

    def function(params: Any, inputs: dict[str, Any]) -> Mapping[str, Any]:
        given = (inputs,) if alone else (params, inputs)
        outputs: Mapping[str, Any] = call(*given)
        return outputs

    function.__name__ = program.fun_name
    return Model(function=function, params={} if params is None else params, **fields)


def _shape(name: str, aval: Any) -> tuple[int | str, ...]:
    shape = tuple(dim if isinstance(dim, int) else str(dim) for dim in aval.shape)
    for dim in shape:
        if isinstance(dim, str) and not dim.isidentifier():
            raise ValueError(
                f"{name} has dimension {dim} in the artifact; it is a name or a number"
            )
    if shape and isinstance(shape[0], int):
        # Exported for one batch size: only that bucket can be served.
        return (BATCH, *shape[1:])
    return shape
