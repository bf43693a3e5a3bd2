"""The processes of pods, as this machine sees them: for killing one of them without a word.

Only where the pods run on this machine, as a local cluster's do.
"""

from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import ProcessId

INSTALLED = "/jaxop/"
"""Where launchers run from; no program does."""


@dataclass(frozen=True)
class PodProcess:
    """`parent` is a process id as this machine counts, like `id`."""

    id: ProcessId
    parent: int
    argv: tuple[str, ...]

    @property
    def is_launcher(self) -> bool:
        runs = self.argv[: self.argv.index("launch")] if "launch" in self.argv else ()
        return any(argument.startswith(INSTALLED) for argument in runs)


def processes(pod_uid: str) -> list[PodProcess]:
    """Of all its containers, the one that holds its namespaces included."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if pod_uid not in (entry / "cgroup").read_text().replace("_", "-"):
                continue
            # The command's name, in parentheses, may itself hold spaces and parentheses.
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if state != "Z":
            found.append(PodProcess(ProcessId.of(int(entry.name)), int(parent), tuple(argv[:-1])))
    return found


def launcher(pod_uid: str) -> ProcessId:
    """The first process of the pod's program container. Raises ClusterError if there is none."""
    found = [process for process in processes(pod_uid) if process.is_launcher]
    pids = {process.id.pid for process in found}
    # A fork of it that has not become a program yet looks the same.
    first = [process.id for process in found if process.parent not in pids]
    if len(first) != 1:
        raise ClusterError(f"pod {pod_uid} has {len(first)} launchers on this machine, not one")
    return first[0]


def program(pod_uid: str) -> ProcessId:
    """What the launcher has started. Raises ClusterError if it runs no program, or several."""
    above = launcher(pod_uid).pid
    found = [process for process in processes(pod_uid) if process.parent == above]
    if len(found) != 1:
        told = [" ".join(process.argv) for process in found]
        raise ClusterError(f"the launcher of pod {pod_uid} has {len(found)} programs: {told}")
    return found[0].id
