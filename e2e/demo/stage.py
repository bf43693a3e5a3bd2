"""The namespace that the demo plays in: what is there is applied, followed, and explained."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.progress import Progress
from e2e.deploy import Deployment

NAMESPACE = "demo"
EXAMPLES = Path(__file__).parents[2] / "examples"
LOOK_SECONDS = 0.5

Seen = dict[str, Any]
"""An object as the API server has it."""


@dataclass(frozen=True)
class Stage:
    deployment: Deployment

    @property
    def kubectl(self) -> Kubectl:
        return self.deployment.kubectl

    @property
    def progress(self) -> Progress:
        return self.deployment.progress

    def set_up(self) -> None:
        """Without what the last demo left, its checkpoints too: one that resumes at the last step
        shows no training."""
        if self.kubectl.attempt("get", "namespace", NAMESPACE).returncode == 0:
            with self.progress.step("deleting the last demo"):
                self.kubectl.run("delete", "namespace", NAMESPACE, "--timeout=90s")
        self.deployment.cluster.up(Progress(quiet=True))
        self.kubectl.run("create", "namespace", NAMESPACE)

    def apply(self, manifest: Path) -> None:
        self.progress.say(f"kubectl apply -f {manifest.relative_to(EXAMPLES.parent)}")
        self.run("apply", f"--filename={manifest}")

    def run(self, *args: str) -> str:
        """kubectl in the demo's namespace. Raises ClusterError."""
        return self.kubectl.run(*args, f"--namespace={NAMESPACE}")

    def show(self, *args: str) -> None:
        """A command and its answer, as somebody would type it."""
        print(f"$ kubectl {' '.join(args)}")
        print(self.run(*args))

    def follow(
        self,
        kind: str,
        name: str,
        told: Callable[[Seen], str],
        over: Callable[[Seen], bool],
        timeout_seconds: float,
    ) -> Seen:
        """The object once it is `over`; meanwhile says what is `told` of its status, as it changes.

        Raises ClusterError, with what was told last, when the time is over.
        """
        deadline = time.monotonic() + timeout_seconds
        last = None
        while time.monotonic() < deadline:
            found = self.kubectl.get(kind, name, f"--namespace={NAMESPACE}")
            status = found.get("status", {})
            if status.get("state"):
                if (now := told(status)) != last:
                    last = now
                    self.progress.say(now)
                if over(found):
                    return found
            time.sleep(LOOK_SECONDS)
        raise ClusterError(f"{kind} {name}: too late, after {timeout_seconds:.0f} s; last: {last}")

    def explained(self, kind: str, name: str) -> str:
        jaxop = Path(sys.executable).with_name("jaxop")
        argv = [str(jaxop), "explain", kind, name, "--namespace", NAMESPACE]
        env = {**os.environ, "KUBECONFIG": str(self.deployment.cluster.kubeconfig)}
        done = subprocess.run(argv, capture_output=True, text=True, env=env)
        return done.stdout + done.stderr
