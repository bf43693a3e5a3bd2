"""buildah: builds as root without a daemon, and without a registry on a base of our own.

Its storage is its own, under the cache. Each command runs in mount and process namespaces that
end with it, so that a build which is killed leaves no process and no mount.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from e2e.cluster.packages import require
from e2e.cluster.paths import CACHE
from e2e.cluster.progress import Progress
from e2e.images import base, pip_settings
from e2e.images.catalogue import BASE, Image
from e2e.images.engine import CONTAINED, run
from e2e.images.errors import ImageError
from e2e.images.inputs import base_hash

STORAGE = CACHE / "buildah"
TEMPORARY = STORAGE / "tmp"
_LOGS = STORAGE / "logs"
_PIP_CACHE = "buildah-cache"
"""What buildah calls the directory, below its temporary one, of `RUN --mount=type=cache`."""
_DRIVERS = ("overlay", "vfs")
_PROGRAMS = {"buildah": "buildah", "unshare": "util-linux", "setpriv": "util-linux"}


class Buildah:
    name = "buildah"

    def __init__(self) -> None:
        self._driver = ""

    def prepare(self, progress: Progress) -> None:
        require(_PROGRAMS, progress)
        self._clear_temporary()
        self._driver = self._working_driver()
        # Containers of builds that were cut off.
        self._quietly("rm", "--all")
        stamped = f"localhost/jaxop-base:{base_hash()[:12]}"
        if self._quietly("inspect", "--type", "image", stamped) != 0:
            self._build_base(stamped, progress)
        self._quietly("tag", stamped, f"localhost/{BASE}")

    def build(self, image: Image, log: Path) -> None:
        with tempfile.TemporaryDirectory(dir=TEMPORARY, prefix="pip-") as settings:
            pip_settings.write(Path(settings))
            volume = f"{settings}:{pip_settings.MOUNTED_AT}:ro"
            self._build(image.reference, image.context, image.dockerfile, log, "--volume", volume)

    def save(self, image: Image, archive: Path, log: Path) -> None:
        target = f"docker-archive:{archive}:{image.reference}"
        push = self._argv("push", "--quiet", f"localhost/{image.reference}", target)
        run(f"saving {image.name}", push, log, self._environment(), mode="a")

    def tidy(self) -> None:
        self._quietly("rmi", "--prune")

    def _build_base(self, tag: str, progress: Progress) -> None:
        with (
            progress.step(f"making {BASE} from the distribution's packages (once; about a minute)"),
            base.context(TEMPORARY, _LOGS / "rootfs.log", progress) as context,
        ):
            self._build(tag, context, context / "Dockerfile", _LOGS / "base.log")

    def _build(self, tag: str, context: Path, dockerfile: Path, log: Path, *options: str) -> None:
        argv = self._argv(
            *("build", "--layers", "--format", "docker", "--pull=never", *options),
            *("--file", str(dockerfile), "--tag", tag, str(context)),
        )
        run(f"building {tag}", argv, log, self._environment())

    def _clear_temporary(self) -> None:
        """What builds that were cut off have left."""
        TEMPORARY.mkdir(parents=True, exist_ok=True)
        for left in TEMPORARY.iterdir():
            if left.name != _PIP_CACHE:
                shutil.rmtree(left, ignore_errors=True)

    def _working_driver(self) -> str:
        for driver in _DRIVERS:
            self._driver = driver
            if self._quietly("images", "--quiet") == 0:
                return driver
        raise ImageError(
            f"buildah cannot use {STORAGE} with any of its drivers ({', '.join(_DRIVERS)}). "
            f"Remove that directory if it is damaged. It says:\n{self._complaint()}"
        )

    def _quietly(self, *args: str) -> int:
        return self._completed(*args).returncode

    def _complaint(self) -> str:
        return self._completed("images", "--quiet").stderr.strip()[-1000:]

    def _completed(self, *args: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self._environment()}
        return subprocess.run(self._argv(*args), capture_output=True, text=True, env=environment)

    def _argv(self, *args: str) -> list[str]:
        return [
            *(*CONTAINED, "buildah"),
            *("--root", str(STORAGE / self._driver), "--runroot", str(STORAGE / "run")),
            *("--storage-driver", self._driver),
            *args,
        ]

    def _environment(self) -> dict[str, str]:
        # chroot: needs no container runtime, and has the network of this machine.
        return {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(TEMPORARY)}
