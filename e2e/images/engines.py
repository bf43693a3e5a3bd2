"""Which engine builds: docker or podman if it works and has the base image, else buildah."""

import os
import platform

from e2e.cluster.progress import Progress
from e2e.images.buildah import Buildah
from e2e.images.docker import Docker
from e2e.images.engine import Engine
from e2e.images.errors import ImageError

CHOICE = "JAXOP_IMAGE_ENGINE"


def choose(progress: Progress) -> Engine:
    """JAXOP_IMAGE_ENGINE (docker, podman or buildah) decides, if set.

    Raises ImageError if nothing here can build an image.
    """
    engines: dict[str, Engine] = {"docker": Docker("docker"), "podman": Docker("podman")}
    wanted = os.environ.get(CHOICE, "")
    if wanted in engines:
        return engines[wanted]
    if wanted not in ("", "buildah"):
        raise ImageError(f"{CHOICE}={wanted}: it is one of docker, podman and buildah")
    if not wanted:
        for name in engines:
            found = Docker(name)
            if found.works() and found.has_base(progress):
                return found
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise ImageError(
            "images are built with docker or podman, if one runs and can pull the base image, "
            "or with buildah, as root on Linux: start docker, or run this as root"
        )
    return Buildah()
