"""Which cluster to use: a given one, one by kind, or a local one, in this order."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from e2e.cluster import binaries, kind
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress

GIVEN = "JAXOP_KUBECONFIG"


class Cluster(Protocol):
    @property
    def kubeconfig(self) -> Path: ...

    def up(self, progress: Progress) -> None:
        """Returns once its nodes are Ready; does nothing if they are."""
        ...

    def down(self, progress: Progress) -> None: ...

    def faults(self) -> list[str]:
        """What keeps it from being whole, for people; empty if nothing does."""
        ...

    def load(self, archive: Path, nodes: Sequence[str], progress: Progress) -> None:
        """Makes the images of an archive available on the named nodes ("cpu", "tpu", "gpu")."""
        ...

    def pin(self, reference: str, nodes: Sequence[str]) -> str:
        """Makes a loaded image known by its digest on the named nodes; returns that name."""
        ...


@dataclass(frozen=True)
class GivenCluster:
    """Somebody's own cluster: used as it is, and never stopped."""

    kubeconfig: Path

    def up(self, progress: Progress) -> None:
        binaries.ensure(["kubectl"], progress)
        if faults := self.faults():
            raise ClusterError(f"the cluster of {GIVEN}={self.kubeconfig}: {faults[0]}")
        progress.say(f"using the cluster of {GIVEN}={self.kubeconfig}")

    def down(self, progress: Progress) -> None:
        progress.say(f"the cluster of {GIVEN}={self.kubeconfig} is yours: left as it is")

    def faults(self) -> list[str]:
        said = Kubectl(self.kubeconfig).attempt("get", "--raw=/readyz", "--request-timeout=10s")
        return [] if said.returncode == 0 else [said.stderr.strip()]

    def load(self, archive: Path, nodes: Sequence[str], progress: Progress) -> None:
        progress.say(f"{archive.name} is not loaded: {GIVEN} must be able to pull its image")

    def pin(self, reference: str, nodes: Sequence[str]) -> str:
        raise ClusterError(f"{GIVEN}: ask the registry of {reference} for its digest")


def choose(name: str = "jaxop") -> Cluster:
    given = os.environ.get(GIVEN)
    if given:
        return GivenCluster(Path(given))
    if kind.works():
        return kind.KindCluster(name)
    return LocalCluster(name)
