"""The trained network, out of the newest checkpoint and whatever devices wrote it."""

from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp
from digits.model import CNN
from flax import nnx

NETWORK = "0"
"""The job's state is the pair of network and optimiser; of the second nothing is read."""


def newest(directory: Path) -> tuple[CNN, int]:
    """The network and the step that it is of. Raises FileNotFoundError if there is none."""
    if not directory.is_dir():
        raise FileNotFoundError(
            f"{directory} is no directory: train digits first, with --checkpoints"
        )
    options = ocp.CheckpointManagerOptions(read_only=True)
    with ocp.CheckpointManager(directory.absolute(), options=options) as manager:
        step = manager.latest_step()
        if step is None:
            raise FileNotFoundError(f"{directory} has no checkpoint yet")
        graph, like = nnx.split(nnx.eval_shape(lambda: CNN(nnx.Rngs(0))))
        # As numpy arrays, for the devices that wrote the checkpoint are not here.
        on_host = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), like)
        wanted = ocp.args.PyTreeRestore(
            item={NETWORK: like}, restore_args={NETWORK: on_host}, partial_restore=True
        )
        return nnx.merge(graph, manager.restore(step, args=wanted)[NETWORK]), step
