"""A small image to build in a test, and an engine that remembers what it was asked for."""

import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.progress import Progress
from e2e.images.catalogue import Image
from e2e.images.errors import ImageError

DOCKERFILE = "FROM python:3.13-slim\nCOPY settings.toml app /app/\n"


def an_image(directory: Path, dockerfile: str = DOCKERFILE) -> Image:
    context = directory / "context"
    (context / "app").mkdir(parents=True)
    (context / "app" / "main.py").write_text("print('hello')\n")
    (context / "settings.toml").write_text("")
    (context / "README.md").write_text("Not copied.\n")
    (context / "Dockerfile").write_text(dockerfile)
    return Image("tiny", context, context / "Dockerfile")


@dataclass
class RecordingEngine:
    name: str = "recorder"
    fails: bool = False
    calls: list[str] = field(default_factory=list)

    def prepare(self, progress: Progress) -> None:
        self.calls.append("prepare")

    def build(self, image: Image, log: Path) -> None:
        self.calls.append(f"build {image.name}")
        if self.fails:
            raise ImageError("it does not build")

    def save(self, image: Image, archive: Path, log: Path) -> None:
        manifest = json.dumps([{"Config": "c0ffee.json", "Layers": []}]).encode()
        with tarfile.open(archive, "w") as tar:
            member = tarfile.TarInfo("manifest.json")
            member.size = len(manifest)
            tar.addfile(member, io.BytesIO(manifest))

    def tidy(self) -> None:
        self.calls.append("tidy")
