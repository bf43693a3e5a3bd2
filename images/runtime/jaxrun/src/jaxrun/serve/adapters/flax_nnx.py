"""A Flax nnx module, as it is or with the weights of an Orbax checkpoint."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
from flax import nnx

from jaxrun.serve.adapters import orbax
from jaxrun.serve.model import Model


def model(
    module: nnx.Module,
    call: Callable[[Any, dict[str, Any]], Mapping[str, Any]],
    checkpoint: Path | str | None = None,
    **fields: Any,
) -> Model:
    """`call(module, inputs)` gives the outputs; `fields` are the other fields of Model.

    checkpoint: of `nnx.state(module)`, or of its pure dict; see `orbax.read`. The module may then
    be abstract, of nnx.eval_shape. State of random numbers stays that of the module.

    Raises ValueError where the checkpoint is not of this module, naming what differs.
    """
    graph, random, state = nnx.split(module, nnx.RngState, ...)
    if checkpoint is not None:
        state = _restored(state, orbax.read(checkpoint), checkpoint)

    def function(params: Any, inputs: dict[str, Any]) -> Mapping[str, Any]:
        return call(nnx.merge(graph, random, params), inputs)

    function.__name__ = type(module).__name__
    return Model(function=function, params=state, **fields)


def _restored(state: Any, saved: Any, checkpoint: Path | str) -> Any:
    flat = dict(_flat(saved))
    leaves, structure = jax.tree.flatten_with_path(state)
    found = []
    for path, leaf in leaves:
        name = tuple(key for key in map(_key, path) if key != "value")
        where = f"checkpoint {checkpoint}: {'.'.join(name)}"
        if name not in flat:
            raise ValueError(f"{where} is missing; it has {_some(flat)}")
        value = flat[name]
        if value.shape != leaf.shape:
            raise ValueError(
                f"{where} has shape {list(value.shape)}; the module has {list(leaf.shape)}"
            )
        found.append(value)
    return jax.tree.unflatten(structure, found)


def _flat(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Leaves by path; a variable of nnx is saved as a dict with its `value` only."""
    if isinstance(tree, Mapping):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list | tuple):
        items = [(str(key), value) for key, value in enumerate(tree)]
    else:
        return [(path[:-1] if path[-1:] == ("value",) else path, tree)]
    return [leaf for key, value in items for leaf in _flat(value, (*path, key))]


def _key(entry: Any) -> str:
    for name in ("key", "idx", "name"):
        if hasattr(entry, name):
            return str(getattr(entry, name))
    return str(entry)


def _some(flat: Mapping[tuple[str, ...], Any]) -> str:
    names = [".".join(name) for name in flat]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
