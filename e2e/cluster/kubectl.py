"""kubectl, of the version that the cluster has."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import DIES_WITH_US


@dataclass(frozen=True)
class Kubectl:
    kubeconfig: Path

    def run(self, *args: str, stdin: str | None = None) -> str:
        """Raises ClusterError with what kubectl said if it fails."""
        done = self.attempt(*args, stdin=stdin)
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def attempt(self, *args: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self.command(*args), input=stdin, capture_output=True, text=True)

    def command(self, *args: str) -> list[str]:
        """What runs it; it ends with whoever starts it."""
        kubectl = str(binaries.path("kubectl"))
        return [*DIES_WITH_US, kubectl, f"--kubeconfig={self.kubeconfig}", *args]

    def apply(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.run("apply", "--server-side", "--filename=-", stdin=json.dumps(items))

    def get(self, *args: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("get", "--output=json", *args))
        return found
