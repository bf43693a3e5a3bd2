"""Measures the operator against a real API server without a kubelet."""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from bench.operator import isolation, large, many, report
from bench.operator.measured import Measured
from bench.operator.plane import CLIENT_LIMITS, Mode, Plane, plane, prepare

SLICES, HOSTS_PER_SLICE = 64, 16


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.operator", description=__doc__)
    parser.add_argument("--n", type=int, default=500, help="JaxJobs, applied at once")
    parser.add_argument("--mode", choices=("alone", "full"), default="alone")
    parser.add_argument("--large", action="store_true", help="one large job instead, in full mode")
    parser.add_argument("--slices", type=int, default=SLICES)
    parser.add_argument("--hosts", type=int, default=HOSTS_PER_SLICE, help="of a slice")
    parser.add_argument("--idle-seconds", type=float, default=60.0)
    parser.add_argument(
        "--profile",
        type=Path,
        help="where py-spy writes (.txt: raw)",
    )
    parser.add_argument("--log", type=Path, help="where to copy the operator's log")
    parser.add_argument("operator_flags", nargs="*", help="for the operator, after --")
    options = parser.parse_args()
    prepare()
    isolation.enter("bench.operator", sys.argv[1:])
    measured = asyncio.run(_run(options))
    print(report.table(measured))
    name = "large" if options.large else f"{options.mode}-{options.n}"
    settings = {"clientLimits": CLIENT_LIMITS, "operatorFlags": options.operator_flags}
    print(f"written to {report.write(measured, name, settings)}")
    return 0


async def _run(options: argparse.Namespace) -> Measured:
    mode: Mode = "full" if options.large else options.mode
    async with plane(mode, options.operator_flags) as running:
        profile = _profiled(running, options.profile) if options.profile else nullcontext()
        try:
            with profile:
                if options.large:
                    return await large.measure(running, options.slices, options.hosts)
                return await many.measure(running, mode, options.n, options.idle_seconds)
        finally:
            running.operator.check()
            if options.log:
                options.log.write_bytes(running.operator.log.read_bytes())


@contextmanager
def _profiled(running: Plane, path: Path) -> Iterator[None]:
    command = ["py-spy", "record", "--pid", str(running.operator_pid), "--output", str(path)]
    command += ["--format", "raw" if path.suffix == ".txt" else "flamegraph"]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    profiler = subprocess.Popen([*command, "--nonblocking"], env=environment)
    try:
        yield
    finally:
        profiler.send_signal(2)
        profiler.wait(30)


if __name__ == "__main__":
    sys.exit(main())
