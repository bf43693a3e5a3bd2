"""Which Jobs and pods there have ever been: what was made twice shows, even if it is gone again."""

import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from e2e.cluster import binaries
from e2e.cluster.processes import DIES_WITH_US
from e2e.tests.namespace import Namespace

EVERY_NAME_AND_UID = "--output=jsonpath={.metadata.name} {.metadata.uid}{'\\n'}"


@contextmanager
def children_ever_seen(
    namespace: Namespace, directory: Path
) -> Iterator[Callable[[], dict[str, set[str]]]]:
    """Follows Jobs and pods; the function it gives tells the uids that each name ever had."""
    files = [directory / kind for kind in ("jobs", "pods")]
    with ExitStack() as watches:
        for file in files:
            watches.enter_context(watching(namespace, file))

        def uids() -> dict[str, set[str]]:
            made = defaultdict(set)
            for line in "".join(file.read_text() for file in files).splitlines():
                name, _, uid = line.partition(" ")
                made[name].add(uid)
            return made

        yield uids


@contextmanager
def watching(namespace: Namespace, file: Path) -> Iterator[None]:
    """Into the file; its name is the kind."""
    kubectl = namespace.kubectl
    argv = [*DIES_WITH_US, str(binaries.path("kubectl")), f"--kubeconfig={kubectl.kubeconfig}"]
    argv += ["get", file.name, "--watch", f"--namespace={namespace.name}", EVERY_NAME_AND_UID]
    with file.open("w") as output, subprocess.Popen(argv, stdout=output) as process:
        try:
            yield
            assert process.poll() is None, f"the watch of {file.name} has ended"
        finally:
            process.kill()
