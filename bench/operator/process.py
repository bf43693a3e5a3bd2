import os
import re
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """`cpu_seconds` since the process began, user and system together; memory in MB (10^6)."""

    cpu_seconds: float
    peak_mb: float
    resident_mb: float


def usage(pid: int) -> Usage:
    process = Path("/proc") / str(pid)
    ticks = process.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
    status = process.joinpath("status").read_text()
    return Usage(
        cpu_seconds=sum(map(int, ticks)) / TICKS_PER_SECOND,
        peak_mb=_megabytes(status, "VmHWM"),
        resident_mb=_megabytes(status, "VmRSS"),
    )


def _megabytes(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.M)
    if found is None:
        raise LookupError(f"/proc/PID/status has no {name}")
    return int(found[1]) * 1024 / 1e6


def machine_busy_seconds() -> float:
    """CPU time that all processes of this machine together have had."""
    user, nice, system, _idle, _iowait, irq, softirq = map(
        int, Path("/proc/stat").read_text().split(None, 8)[1:8]
    )
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
