"""The programs of Kubernetes and its friends, built from pinned Go modules and cached by version.

Each directory of `binaries/` is one Go module whose go.mod pins what is built. A binary is built
into a temporary directory and renamed into the cache, so a build that is cut off leaves nothing.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.golang import go_command
from e2e.cluster.paths import BINARIES, MODULES
from e2e.cluster.progress import Progress

KUBERNETES = "v1.35.4"
ETCD = "v3.6.16"
COREDNS = "v1.14.7"
HELM = "v3.22.0"
KWOK = "v0.8.0"
VEGETA = "v12.13.0"
PAUSE = "v1"


@dataclass(frozen=True)
class Binary:
    """`package` is built in the module `module`; `stamps` are linker variables."""

    name: str
    module: str
    package: str
    version: str
    stamps: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return BINARIES / f"{self.name}-{self.version}"


def _kubernetes(name: str) -> Binary:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    stamp = "k8s.io/component-base/version"
    return Binary(
        name=name,
        module="kubernetes",
        package=f"k8s.io/kubernetes/cmd/{name}",
        version=KUBERNETES,
        stamps=(
            f"{stamp}.gitVersion={KUBERNETES}",
            f"{stamp}.gitMajor={major}",
            f"{stamp}.gitMinor={minor}",
            f"{stamp}.gitTreeState=clean",
        ),
    )


def _helm() -> Binary:
    _, minor, _ = KUBERNETES.split(".")
    module = "helm.sh/helm/v3"
    return Binary(
        name="helm",
        module="helm",
        package=f"{module}/cmd/helm",
        version=HELM,
        stamps=(
            f"{module}/internal/version.version={HELM}",
            # Without a cluster, `helm template` takes charts to be for Kubernetes 1.20 unless told.
            f"{module}/pkg/chartutil.k8sVersionMinor={minor}",
            f"{module}/pkg/lint/rules.k8sVersionMinor={minor}",
        ),
    )


CATALOGUE = {
    binary.name: binary
    for binary in (
        Binary("etcd", "etcd", "go.etcd.io/etcd/server/v3", ETCD),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kubeadm"),
        _kubernetes("kubectl"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubelet"),
        _kubernetes("kube-proxy"),
        Binary("pause", "pause", ".", PAUSE),
        Binary(
            "coredns",
            "coredns",
            "github.com/coredns/coredns",
            COREDNS,
        ),
        _helm(),
        Binary("vegeta", "vegeta", "github.com/tsenart/vegeta/v12", VEGETA),
        Binary("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", KWOK),
    )
}


def ensure(names: Iterable[str], progress: Progress) -> dict[str, Path]:
    """Paths of the binaries `names`, building those that are not cached.

    Raises ClusterError with the end of the compiler's output if a build fails.
    """
    wanted = [CATALOGUE[name] for name in names]
    if any(not binary.path.exists() for binary in wanted):
        BINARIES.mkdir(parents=True, exist_ok=True)
        with _one_builder_at_a_time():
            for group in _groups([binary for binary in wanted if not binary.path.exists()]):
                _build(group, progress)
    return {binary.name: binary.path for binary in wanted}


def path(name: str) -> Path:
    """The path of a binary that `ensure` has been asked for."""
    return CATALOGUE[name].path


def _groups(missing: list[Binary]) -> list[list[Binary]]:
    """Binaries of one module and with the same stamps are built by one command."""
    groups: dict[tuple[str, tuple[str, ...]], list[Binary]] = {}
    for binary in missing:
        groups.setdefault((binary.module, binary.stamps), []).append(binary)
    return list(groups.values())


@contextmanager
def _one_builder_at_a_time() -> Iterator[None]:
    with (BINARIES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(group: list[Binary], progress: Progress) -> None:
    module = MODULES / group[0].module
    names = ", ".join(binary.name for binary in group)
    flags = " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in group[0].stamps)])
    go = go_command(_go_version_wanted(module), progress)
    with (
        progress.step(f"building {names} {group[0].version} (once; minutes on a small machine)"),
        tempfile.TemporaryDirectory(dir=BINARIES, prefix=".building-") as directory,
    ):
        for binary in group:
            done = subprocess.run(
                [
                    go,
                    "build",
                    "-trimpath",
                    "-ldflags",
                    flags,
                    "-o",
                    f"{directory}/{binary.name}",
                    binary.package,
                ],
                cwd=module,
                env={**os.environ, "CGO_ENABLED": "0"},
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                raise ClusterError(
                    f"building {binary.name} {binary.version} in {module} failed "
                    f"(exit code {done.returncode}):\n{done.stderr.strip()[-3000:]}"
                )
            shutil.move(f"{directory}/{binary.name}", binary.path)


def _go_version_wanted(module: Path) -> str:
    """The `go` line of the module's go.mod, such as "1.26.0"."""
    for line in (module / "go.mod").read_text().splitlines():
        if line.startswith("go "):
            return line.split()[1]
    raise ClusterError(f"{module / 'go.mod'} has no go line")
