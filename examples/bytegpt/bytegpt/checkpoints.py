from pathlib import Path

import orbax.checkpoint as ocp
from flax import nnx

from bytegpt.jaxjob import checkpointed

KEPT = 2


class Checkpoints:
    """The newest checkpoints in a directory that all processes share; nothing without one."""

    def __init__(self, directory: Path | None) -> None:
        options = ocp.CheckpointManagerOptions(max_to_keep=KEPT, enable_async_checkpointing=False)
        self._manager = directory and ocp.CheckpointManager(directory.absolute(), options=options)

    def newest(self, like: nnx.State) -> tuple[nnx.State, int]:
        """The state with the shapes and shardings of `like`, and its step; `like`, 0 if none."""
        if not self._manager or (step := self._manager.latest_step()) is None:
            return like, 0
        return self._manager.restore(step, args=ocp.args.StandardRestore(like)), step

    def write(self, step: int, state: nnx.State) -> None:
        if self._manager and self._manager.latest_step() != step:
            self._manager.save(step, args=ocp.args.StandardSave(state))
            checkpointed(step)

    def close(self) -> None:
        if self._manager:
            self._manager.close()
