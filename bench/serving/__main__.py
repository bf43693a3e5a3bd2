"""Measures the model server against others: capacity, latency, compilations, overload."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.serving import capacity, environments, servers, texts
from bench.serving.cores import split
from bench.serving.load import Load, Vegeta
from bench.serving.measured import (
    OURS,
    PROMISE_P95_MILLISECONDS,
    Level,
    Served,
    goals,
    report,
)
from bench.serving.peers_offered import PEERS
from e2e.cluster import binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress

OUT = Path(__file__).parents[2] / ".out" / "bench-serving"
SHARES = (0.3, 0.6, 0.9)
OVERLOAD = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--servers", nargs="*", choices=(OURS, *PEERS), default=(OURS, *PEERS))
    parser.add_argument(
        "--step-seconds", type=float, default=10.0, help="of each rate that is tried"
    )
    parser.add_argument("--level-seconds", type=float, default=20.0, help="of each latency")
    parser.add_argument("--soak-seconds", type=float, default=60.0, help="of random shapes")
    parser.add_argument("--start-rate", type=float, default=20.0, help="requests a second")
    options = parser.parse_args()
    progress = Progress()
    OUT.mkdir(parents=True, exist_ok=True)
    offered = environments.prepare(options.servers, progress)
    cores, busy = split(), os.getloadavg()[0]
    vegeta = Vegeta(binaries.ensure(["vegeta"], progress)["vegeta"], texts.texts(), cores.load)
    machine = f"{cores}, load average {busy:.1f} before"
    progress.say(machine)

    measured: list[Served] = []
    try:
        for server in offered:
            log = OUT / f"{server.name.replace(' ', '-')}.log"
            with servers.running(server, log, cores.server) as running:
                measured.append(_measure(running, vegeta, options, progress))
    finally:
        print(f"{machine}\n")
        print(report(measured))
        found = {"cores": asdict(cores), "loadBefore": busy}
        print(f"\nwritten to {_write(measured, options, found)}")
    return 0


def _measure(
    running: servers.Running, vegeta: Vegeta, options: argparse.Namespace, progress: Progress
) -> Served:
    name = running.server.name
    compiled = running.compilations()
    started = time.monotonic()
    servers.post(running.server.url, running.server.ping)
    first = 1000 * (time.monotonic() - started)
    progress.say(f"{name}: ready after {running.ready_seconds:.1f} s")
    vegeta.run(running.server, options.start_rate / 4, options.step_seconds)

    def kept(rate: float) -> bool:
        running.recover()
        load = vegeta.run(running.server, rate, options.step_seconds)
        progress.say(f"{name}: {_told(load)}")
        return load.keeps(PROMISE_P95_MILLISECONDS)

    most = capacity.capacity(kept, options.start_rate)
    levels = [
        _level(running, vegeta, share, most * share, options.level_seconds)
        for share in SHARES
        if most
    ]
    if options.soak_seconds and most:
        vegeta.run(running.server, most * SHARES[0], options.soak_seconds)
    overload = None
    if running.server.refuses and most:
        overload = vegeta.run(
            running.server, OVERLOAD * most, options.level_seconds, PROMISE_P95_MILLISECONDS
        )
        progress.say(f"{name}: {_told(overload)}")
    return Served(
        server=name,
        ready_seconds=running.ready_seconds,
        first_milliseconds=first,
        capacity=most,
        levels=levels,
        soak_seconds=options.soak_seconds,
        compilations=running.compilations() - compiled,
        overload=overload,
    )


def _level(
    running: servers.Running, vegeta: Vegeta, share: float, rate: float, seconds: float
) -> Level:
    running.recover()
    before = running.cpu_seconds()
    load = vegeta.run(running.server, rate, seconds)
    return Level(share, load, running.cpu_seconds() - before)


def _told(load: Load) -> str:
    p95 = "-" if load.answered.p95 is None else f"{load.answered.p95:.0f}"
    return (
        f"{load.rate:.0f} requests/s: p95 {p95} ms, {load.answered.count} answered, "
        f"{load.refused.count} refused, {load.lost} lost"
    )


def _write(
    measured: Sequence[Served], options: argparse.Namespace, machine: dict[str, Any]
) -> Path:
    path = OUT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    whole = {
        "machine": machine,
        "settings": vars(options),
        "goals": [asdict(goal) for goal in goals(measured)],
        "servers": [asdict(served) for served in measured],
    }
    path.write_text(json.dumps(whole, indent=1) + "\n")
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClusterError as error:
        sys.exit(f"error: {error}")
