"""Builds what changed: one image after the other, once at a time on this machine."""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.progress import Progress
from e2e.images import built, engines
from e2e.images.built import IMAGES, BuiltImage
from e2e.images.catalogue import Image, named
from e2e.images.engine import Engine
from e2e.images.errors import ImageError


def build(names: Iterable[str] = (), progress: Progress | None = None) -> dict[str, BuiltImage]:
    """The images `names`, all of them for none, by name; built are those whose inputs changed.

    Raises ImageError with the end of the build's log if one fails.
    """
    say = progress or Progress()
    images = named(names)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with _one_build_at_a_time(say):
        done = {image.name: built.find(image) for image in images}
        missing = [image for image in images if done[image.name] is None]
        if missing:
            engine = engines.choose(say)
            engine.prepare(say)
            for image in missing:
                done[image.name] = _build(engine, image, say)
            engine.tidy()
    return {name: image for name, image in done.items() if image is not None}


def archive_path(name: str) -> Path:
    """Raises ImageError if the image, as its sources now stand, has not been built."""
    (image,) = named([name])
    found = built.find(image)
    if found is None:
        raise ImageError(
            f"image {name} has not been built since its sources changed: "
            f"python -m e2e.images build {name}"
        )
    return found.archive


def _build(engine: Engine, image: Image, progress: Progress) -> BuiltImage:
    # Hashed before it is read by the build: a file changed meanwhile is built again next time.
    archive = built.archive_of(image)
    log = IMAGES / "logs" / f"{image.name}.log"
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with progress.step(f"building {image.reference} with {engine.name} (log: {log})"):
        engine.build(image, log)
        engine.save(image, partial, log)
    return built.keep(image, partial, archive)


@contextmanager
def _one_build_at_a_time(progress: Progress) -> Iterator[None]:
    with (IMAGES / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("waiting for another build of images on this machine")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
