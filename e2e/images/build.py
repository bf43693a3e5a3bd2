"""Builds what changed: one image after the other, once at a time on this machine."""

import fcntl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster.progress import Progress
from e2e.images import built, engines
from e2e.images.built import BuiltImage
from e2e.images.catalogue import Image, named
from e2e.images.engine import Engine
from e2e.images.errors import ImageError


def build(names: Iterable[str] = (), progress: Progress | None = None) -> dict[str, BuiltImage]:
    """The images `names`, all of them for none, by name; built are those whose inputs changed.

    Raises ImageError with the end of the build's log if one fails.
    """
    return build_images(named(names), engines.choose, progress or Progress())


def build_images(
    images: Sequence[Image], choose: Callable[[Progress], Engine], progress: Progress
) -> dict[str, BuiltImage]:
    built.IMAGES.mkdir(parents=True, exist_ok=True)
    with _one_build_at_a_time(progress):
        # Hashed before anything is read: what changes during the build is built again next time.
        archives = {image.name: built.archive_of(image) for image in images}
        done = {image.name: built.find(image, archives[image.name]) for image in images}
        missing = [image for image in images if done[image.name] is None]
        if missing:
            engine = choose(progress)
            engine.prepare(progress)
            for image in missing:
                done[image.name] = _build(engine, image, archives[image.name], progress)
            engine.tidy()
    return {name: image for name, image in done.items() if image is not None}


def archive_path(name: str) -> Path:
    """Raises ImageError if the image, as its sources now stand, has not been built."""
    (image,) = named([name])
    found = built.find(image, built.archive_of(image))
    if found is None:
        raise ImageError(
            f"image {name} has not been built since its sources changed: "
            f"python -m e2e.images build {name}"
        )
    return found.archive


def _build(engine: Engine, image: Image, archive: Path, progress: Progress) -> BuiltImage:
    log = built.IMAGES / "logs" / f"{image.name}.log"
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with progress.step(f"building {image.reference} with {engine.name} (log: {log})"):
        engine.build(image, log)
        engine.save(image, partial, log)
    return built.keep(image, partial, archive)


@contextmanager
def _one_build_at_a_time(progress: Progress) -> Iterator[None]:
    with (built.IMAGES / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("waiting for another build of images on this machine")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
