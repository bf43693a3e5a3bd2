import json
import os
import platform
import time
from dataclasses import asdict
from pathlib import Path

from bench.operator.measured import Measured
from bench.operator.plane import ROOT
from e2e.cluster import binaries

OUT = ROOT / ".out" / "bench-operator"


def table(measured: Measured) -> str:
    """The measured values, with JobSet's beside them where there are any."""
    names = list(measured.values)
    width = max(map(len, names))
    lines = [measured.title, f"{'':{width}}  {'here':>10}  {'JobSet':>12}"]
    for name in names:
        value = measured.values[name]
        shown = f"{value:.2f}" if value < 100 else f"{value:,.0f}"
        lines.append(f"{name:{width}}  {shown:>10}  {measured.baseline.get(name, '-'):>12}")
    for title, counts in (("sent by the operator", measured.sent), ("served", measured.served)):
        lines.append(
            f"requests {title}: " + ", ".join(f"{k} {v:g}" for k, v in counts.items() if v)
        )
    lines += [f"{count} jobs went through: {story}" for story, count in measured.stories.items()]
    return "\n".join(lines)


def write(measured: Measured, name: str, settings: dict[str, object]) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "kubernetes": binaries.KUBERNETES,
        "etcd": binaries.ETCD,
        "kwok": binaries.KWOK,
    }
    whole = {"machine": machine, "settings": settings, **asdict(measured)}
    path.write_text(json.dumps(whole, indent=1) + "\n")
    return path
