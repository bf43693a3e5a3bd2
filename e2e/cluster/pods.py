"""The processes of pods, as this machine sees them: for killing one of them without a word.

Only where the pods run on this machine, as a local cluster's do.
"""

from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.errors import ClusterError
from e2e.cluster.processes import ProcessId

LAUNCHER = "/jaxop/lib"
"""In the command line of every launcher, and in that of no program."""


@dataclass(frozen=True)
class PodProcess:
    """`parent` is a process id as this machine counts, like `id`."""

    id: ProcessId
    parent: int
    argv: tuple[str, ...]

    @property
    def is_launcher(self) -> bool:
        return LAUNCHER in self.argv and "launch" in self.argv


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
    found = [process.id for process in processes(pod_uid) if process.is_launcher]
    ids = {process.pid for process in found}
    first = [p.id for p in processes(pod_uid) if p.id.pid in ids and p.parent not in ids]
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
