"""What a build engine can do, and how one runs its commands."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from e2e.cluster.processes import DIES_WITH_US, last_lines
from e2e.cluster.progress import Progress
from e2e.images.catalogue import Image
from e2e.images.errors import ImageError

CONTAINED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""A wrapper: every process and mount of the program ends with it, however it ends."""


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    def prepare(self, progress: Progress) -> None:
        """Makes the base image available."""

    def build(self, image: Image, log: Path) -> None: ...

    def save(self, image: Image, archive: Path, log: Path) -> None:
        """Writes a docker archive that carries the image's reference."""

    def tidy(self) -> None:
        """Drops what earlier builds left and later ones cannot use."""


def run(
    what: str, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None, mode: str = "w"
) -> None:
    """Runs `argv` with its output in `log`. Raises ImageError with the end of it on failure."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open(mode) as sink:
        done = subprocess.run(
            [*DIES_WITH_US, *argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )
    if done.returncode != 0:
        raise ImageError(
            f"{what} failed with exit code {done.returncode}. "
            f"The log, {log}, ends:\n{last_lines(log, 25)}"
        )
