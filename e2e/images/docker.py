"""docker or podman: whoever has one running, and a registry to pull the base image from."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.progress import Progress
from e2e.images.catalogue import BASE, Image
from e2e.images.engine import run
from e2e.images.errors import ImageError

_ANSWER_SECONDS = 10
_PULL_SECONDS = 180


@dataclass(frozen=True)
class Docker:
    name: str
    """The command: docker or podman."""

    def works(self) -> bool:
        return shutil.which(self.name) is not None and self._ok("info", seconds=_ANSWER_SECONDS)

    def has_base(self, progress: Progress) -> bool:
        if self._ok("image", "inspect", BASE, seconds=_ANSWER_SECONDS):
            return True
        with progress.step(f"pulling {BASE} with {self.name}"):
            pulled = self._ok("pull", "--quiet", BASE, seconds=_PULL_SECONDS)
        if not pulled:
            progress.say(f"{self.name} runs, but cannot pull {BASE}")
        return pulled

    def prepare(self, progress: Progress) -> None:
        if not self.has_base(progress):
            raise ImageError(f"{self.name} has no image {BASE} and cannot pull it")

    def build(self, image: Image, log: Path) -> None:
        run(
            f"building {image.name}",
            [
                *(self.name, "build", "--file", str(image.dockerfile)),
                *("--tag", image.reference, str(image.context)),
            ],
            log,
        )

    def save(self, image: Image, archive: Path, log: Path) -> None:
        argv = [self.name, "save", "--output", str(archive), image.reference]
        if self.name == "podman":
            # Its `save` would call the image localhost/jaxop/..., for which no pod asks.
            target = f"docker-archive:{archive}:{image.reference}"
            argv = [self.name, "push", "--quiet", image.reference, target]
        run(f"saving {image.name}", argv, log, mode="a")

    def tidy(self) -> None:
        pass

    def _ok(self, *args: str, seconds: float) -> bool:
        try:
            done = subprocess.run([self.name, *args], capture_output=True, timeout=seconds)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0
