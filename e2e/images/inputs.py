"""One hash over all that an image is made of: when it is the same, so is the image."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from e2e.images.catalogue import ROOT, Image
from e2e.images.dockerfile import copied
from e2e.images.dockerignore import ignored
from e2e.images.errors import ImageError

BASE_SOURCES = sorted(path for path in (ROOT / "images/base").iterdir() if path.is_file())


def base_hash() -> str:
    return _hash((path.name, path) for path in BASE_SOURCES)


def image_hash(image: Image) -> str:
    """Over the Dockerfile, the files that it copies, and the description of the base.

    Not over what the packages' and the base's pinned versions mean to their registries.
    """
    files = ((str(path), image.context / path) for path in _files(image))
    return _hash([("Dockerfile", image.dockerfile), *files], start=base_hash())


def _files(image: Image) -> list[PurePosixPath]:
    found: set[PurePosixPath] = set()
    is_ignored = ignored(image.context)
    for source in copied(image.dockerfile.read_text()):
        matches = [image.context] if source in ("", ".") else list(image.context.glob(source))
        if not matches:
            raise ImageError(f"{image.dockerfile} copies {source}, which is not in {image.context}")
        for match in matches:
            for path in _below(match):
                relative = PurePosixPath(path.relative_to(image.context).as_posix())
                if not is_ignored(relative):
                    found.add(relative)
    return sorted(found)


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (below for below in path.rglob("*") if not below.is_dir())
    else:
        yield path


def _hash(files: Iterable[tuple[str, Path]], start: str = "") -> str:
    digest = hashlib.sha256(start.encode())
    for name, path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        executable = os.access(path, os.X_OK)
        digest.update(f"{name}\0{executable}\0{content}\n".encode())
    return digest.hexdigest()
