"""Measures restarts on real pods: in place, in new pods, and plain JAX without an operator."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.namespace import bench_namespace
from bench.restart.deaths import DEATHS
from bench.restart.gang import Gang
from bench.restart.measured import Restart, table
from bench.restart.plain import PlainJob
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.deploy import deploy
from e2e.tests.jaxjobs import CONFIG_MAP

OUT = Path(__file__).parents[2] / ".out" / "bench-restart"
PROGRAM = Path(__file__).with_name("program.py")
PLAIN_DEATHS = ("program killed", "pod force-deleted", "pod 0 deleted")
"""Without a launcher, to kill it is to kill the program."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.restart", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each death and way but plain JAX")
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="without plain JAX")
    parser.add_argument("--ways", nargs="+", choices=("in-place", "recreate", "plain"))
    parser.add_argument("--deaths", nargs="+", choices=tuple(DEATHS), default=tuple(DEATHS))
    parser.add_argument("--give-up-seconds", type=float, default=120.0)
    parser.add_argument("--plain-give-up-seconds", type=float, default=360.0)
    parser.add_argument("--no-deploy", action="store_true", help="measure the operator as it runs")
    options = parser.parse_args()
    ways = options.ways or ["in-place", "recreate", *([] if options.quick else ["plain"])]
    progress = Progress()
    if options.no_deploy:
        kubectl = Kubectl(LocalCluster().kubeconfig)
    else:
        deployment = deploy(["digits"], progress)
        if not isinstance(deployment.cluster, LocalCluster):
            raise ClusterError("bench.restart kills processes of pods: it needs the local cluster")
        kubectl = deployment.kubectl
    restarts: list[Restart] = []
    busy = os.getloadavg()[0]
    try:
        for way in ways:
            if way == "plain":
                restarts += _plain(kubectl, options, progress)
            else:
                restarts += _gang(kubectl, way, options, progress)
    finally:
        if restarts:
            print(table(restarts))
            print(f"written to {_write(restarts, options, busy)}")
    return 0


def _gang(
    kubectl: Kubectl, way: str, options: argparse.Namespace, progress: Progress
) -> Iterator[Restart]:
    """One job for all deaths, killed again and again."""
    with bench_namespace(kubectl, way, _program()) as (namespace, pods):
        gang = Gang(kubectl, namespace, pods, way, options.give_up_seconds)
        gang.create(options.hosts, in_place=way == "in-place")
        for name in options.deaths:
            death, process = DEATHS[name]
            for _ in range(options.runs):
                restart = gang.dies(name, death, process)
                _tell(progress, restart)
                yield restart
                if restart.gave_up_after is not None:
                    gang.delete()
                    gang.create(options.hosts, in_place=way == "in-place")


def _plain(kubectl: Kubectl, options: argparse.Namespace, progress: Progress) -> Sequence[Restart]:
    """All deaths at the same time, one Job each: they wait more than they work."""

    def one(name: str) -> Restart:
        death, process = DEATHS[name]
        with bench_namespace(kubectl, "plain", _program()) as (namespace, pods):
            job = PlainJob(kubectl, namespace, pods, options.hosts, options.plain_give_up_seconds)
            job.create()
            restart = job.dies(name, death, process)
            _tell(progress, restart)
            return restart

    deaths = [name for name in PLAIN_DEATHS if name in options.deaths]
    with ThreadPoolExecutor(max(len(deaths), 1)) as pool:
        return list(pool.map(one, deaths))


def _program() -> dict[str, Any]:
    data = {PROGRAM.name: PROGRAM.read_text()}
    metadata = {"name": CONFIG_MAP}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _tell(progress: Progress, restart: Restart) -> None:
    parts = ", ".join(f"{part} {seconds:.2f}" for part, seconds in restart.at.items())
    notes = "".join(f"\n    {note}" for note in restart.notes)
    gave_up = f" gave up after {restart.gave_up_after:.0f} s" if restart.gave_up_after else ""
    progress.say(f"{restart.way}, {restart.death}: {parts}{gave_up}{notes}")


def _write(restarts: Sequence[Restart], options: argparse.Namespace, busy: float) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    settings = dict(vars(options))
    machine = {"cores": len(os.sched_getaffinity(0)), "loadAverageBefore": busy}
    whole = {"machine": machine, "settings": settings, "restarts": [asdict(r) for r in restarts]}
    path.write_text(json.dumps(whole, indent=1) + "\n")
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClusterError as error:
        sys.exit(f"error: {error}")
