"""What was built: archives in the cache, one for each image and hash of its inputs.

An archive is an uncompressed docker archive: it imports faster than a compressed one, and a
cluster that has a layer already skips it. Beside it lies a record of what is in it.
"""

import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.paths import CACHE
from e2e.images.catalogue import Image
from e2e.images.inputs import image_hash

IMAGES = CACHE / "images"
_KEPT = 2
"""Archives of one image: what this checkout builds, and what it or another one built before."""


@dataclass(frozen=True)
class BuiltImage:
    name: str
    reference: str
    """For manifests, such as jaxop/digits:dev."""
    archive: Path
    image_id: str
    """sha256:..., by which a container runtime knows the image; different when the image is."""
    size_bytes: int
    """Uncompressed."""
    changed: bool
    """Whether it had to be built just now."""


def archive_of(image: Image) -> Path:
    """Where the archive belongs, built or not, of the image as its sources now stand."""
    return IMAGES / f"{image.name}-{image_hash(image)[:12]}.tar"


def find(image: Image, archive: Path) -> BuiltImage | None:
    record = archive.with_suffix(".json")
    if not (archive.exists() and record.exists()):
        return None
    os.utime(archive)
    said = json.loads(record.read_text())
    return BuiltImage(
        image.name,
        image.reference,
        archive,
        said["imageId"],
        archive.stat().st_size,
        changed=False,
    )


def keep(image: Image, partial: Path, archive: Path) -> BuiltImage:
    """Takes a finished archive into the cache, and older ones of the same image out."""
    image_id = _image_id(partial)
    archive.with_suffix(".json").write_text(json.dumps({"imageId": image_id}))
    partial.rename(archive)
    others = sorted(IMAGES.glob(f"{image.name}-*.tar"), key=lambda path: -path.stat().st_mtime)
    for old in others[_KEPT:]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)
    size_bytes = archive.stat().st_size
    return BuiltImage(image.name, image.reference, archive, image_id, size_bytes, changed=True)


def _image_id(archive: Path) -> str:
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        config: str = json.load(manifest)[0]["Config"]
    return "sha256:" + Path(config).name.removesuffix(".json")
