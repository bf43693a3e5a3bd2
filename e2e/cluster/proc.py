"""What /proc says of other processes."""

import contextlib
from pathlib import Path

from e2e.cluster.errors import ClusterError


def children(pid: int) -> list[int]:
    return [child for child, parent in parents().items() if parent == pid]


def parents() -> dict[int, int]:
    """The parent of every process that runs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    parents[int(entry.name)] = int(fields[1])
    return parents


def process_namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None


def only_child(pid: int) -> int:
    found = children(pid)
    if len(found) != 1:
        raise ClusterError(f"process {pid} has {len(found)} children where it should have one")
    return found[0]


def exe(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/exe").readlink()
    except OSError:
        return None


def program(pid: int) -> str:
    """The name of the file that it runs; empty if it has ended."""
    path = exe(pid)
    return path.name if path else ""
