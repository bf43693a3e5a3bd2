"""Orbax checkpoints as numpy arrays, whatever devices they were saved from."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

_ITEM = "default"
"""What CheckpointManager calls the one thing it saves."""


def read(directory: Path | str, step: int | None = None) -> Any:
    """The saved tree as nested dicts and lists of numpy arrays.

    `directory` is one checkpoint, or a CheckpointManager's with steps in it, of which the newest is
    read unless `step` says another. Raises FileNotFoundError naming what is not there.
    """
    path = _checkpoint(Path(directory).absolute(), step)
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
        found: Any = checkpointer.metadata(path)
        tree = found.item_metadata.tree
        as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
        return checkpointer.restore(path, args=ocp.args.PyTreeRestore(restore_args=as_numpy))


def _checkpoint(directory: Path, step: int | None) -> Path:
    if not directory.is_dir():
        raise FileNotFoundError(f"no checkpoint: {directory} is not a directory")
    steps = sorted(int(each.name) for each in directory.iterdir() if each.name.isdecimal())
    if step is None and not steps:
        return directory / _ITEM if (directory / _ITEM).is_dir() else directory
    if step is not None and step not in steps:
        raise FileNotFoundError(f"no step {step} in {directory}; there are {steps}")
    return directory / str(steps[-1] if step is None else step) / _ITEM
