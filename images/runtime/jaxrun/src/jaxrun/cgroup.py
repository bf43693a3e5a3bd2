"""The container's memory cgroup, version 1 or 2: how often the kernel killed for memory."""

from dataclasses import dataclass
from pathlib import Path

from jaxrun.evidence import MemoryEvidence


@dataclass(frozen=True)
class MemoryCgroup:
    """Reads one memory cgroup; every answer is None or 0 where the file is missing."""

    path: Path
    version: int

    def oom_kills(self) -> int:
        """Processes of this cgroup and below that the kernel has killed for memory so far."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        for line in _read(self.path / name).splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill" and value.strip().isdigit():
                return int(value)
        return 0

    def limit_bytes(self) -> int | None:
        """None without a limit."""
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        value = _number(self.path / name)
        # Version 1 says "no limit" with a number near 2**63.
        return value if value is not None and value < 2**60 else None

    def peak_bytes(self) -> int | None:
        """The most that was ever used; on version 2 before Linux 5.19, what is used now."""
        if self.version == 1:
            return _number(self.path / "memory.max_usage_in_bytes")
        peak = _number(self.path / "memory.peak")
        return peak if peak is not None else _number(self.path / "memory.current")

    def evidence_since(self, oom_kills_before: int) -> MemoryEvidence:
        """What to say of a program that died now."""
        kills = self.oom_kills() - oom_kills_before
        return MemoryEvidence(kills, self.limit_bytes(), self.peak_bytes())


def own_memory_cgroup(proc: Path = Path("/proc/self")) -> MemoryCgroup | None:
    """This process's memory cgroup, None where none is mounted.

    Inside a container /proc/self/cgroup may name a path of the host that is not mounted here;
    the container's own cgroup is then the root of what is.
    """
    paths = {}
    for line in _read(proc / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            paths[controller] = path
    mounts = [line.split() for line in _read(proc / "mountinfo").splitlines()]
    for version, kind, controller in ((1, "cgroup", "memory"), (2, "cgroup2", "")):
        if controller not in paths:
            continue
        for fields in mounts:
            separator = fields.index("-") if "-" in fields else len(fields)
            if fields[separator + 1 : separator + 2] != [kind]:
                continue
            if version == 1 and "memory" not in fields[-1].split(","):
                continue
            found = _within(Path(fields[4]), fields[3], paths[controller], version)
            if found is not None:
                return found
    return None


def _within(mount: Path, root: str, path: str, version: int) -> MemoryCgroup | None:
    below = path[len(root) :] if root != "/" and path.startswith(root) else path
    marker = "memory.events" if version == 2 else "memory.oom_control"
    for directory in (mount / below.lstrip("/"), mount):
        if (directory / marker).exists():
            return MemoryCgroup(directory, version)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None
