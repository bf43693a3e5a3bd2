"""A Flax linen module with its variables, given or of an Orbax checkpoint."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flax import linen

from jaxrun.serve.adapters import orbax
from jaxrun.serve.model import Model


def model(
    module: linen.Module,
    call: Callable[[Any, dict[str, Any]], Mapping[str, Any]],
    variables: Mapping[str, Any] | None = None,
    checkpoint: Path | str | None = None,
    **fields: Any,
) -> Model:
    """`call(bound, inputs)` gives the outputs, with `bound` as `module.bind(variables)` gives it.

    variables: as `module.init` gives them, {"params": ..., ...}. checkpoint: of such variables, or
    of the params alone; see `orbax.read`. One of the two is given, else ValueError is raised.
    `fields` are the other fields of Model.
    """
    if (variables is None) == (checkpoint is None):
        raise ValueError("give either variables or checkpoint")
    if checkpoint is not None:
        variables = orbax.read(checkpoint)
    if not isinstance(variables, Mapping):
        raise ValueError(f"variables is a {type(variables).__name__}; it is a dict")
    if "params" not in variables:
        variables = {"params": variables}

    def function(params: Any, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return call(module.bind(params), inputs)

    function.__name__ = type(module).__name__
    return Model(function=function, params=dict(variables), **fields)
