"""The stand-in for python:3.13-slim, made from the distribution's packages by images/base."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.packages import require
from e2e.cluster.progress import Progress
from e2e.images.engine import CONTAINED, run
from e2e.images.inputs import BASE_SOURCES

_PROGRAMS = {"mmdebstrap": "mmdebstrap"}


@contextmanager
def context(parent: Path, log: Path, progress: Progress) -> Iterator[Path]:
    """A build context with the root file system in it, which is gone when the block ends."""
    require(_PROGRAMS, progress)
    with tempfile.TemporaryDirectory(dir=parent, prefix="base-") as made:
        directory = Path(made)
        for source in BASE_SOURCES:
            shutil.copy(source, directory)
        rootfs = [str(directory / "rootfs.sh"), str(directory / "rootfs.tar")]
        run("making the base image", [*CONTAINED, *rootfs], log, {"TMPDIR": made})
        yield directory
