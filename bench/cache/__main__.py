"""Measures what the compile cache saves: cold, restarted and warm starts, and four jobs at once."""

import argparse
import functools
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cache import jobs
from bench.cache.herd import WAYS, Herding
from bench.cache.measured import Herd, Measured, Sized, Start, goals, report, sizes_table
from bench.cache.starts import Starts
from bench.namespace import bench_namespace, into
from e2e.cluster import cgroups
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.deploy import deploy

OUT = Path(__file__).parents[2] / ".out" / "bench-cache"
RESTARTED = 2
"""The epoch after the first."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cache", description=__doc__)
    parser.add_argument("--ways", nargs="*", choices=tuple(WAYS), default=tuple(WAYS))
    parser.add_argument("--jobs", type=int, default=4, help="at once")
    parser.add_argument("--layers", type=int, default=12, help="of bytegpt: how much to compile")
    parser.add_argument("--unroll", action="store_true", help="compile each layer anew")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        metavar="LAYERS",
        help="only cold starts and restarts in place of programs with so many layers, scanned and "
        "unrolled",
    )
    parser.add_argument("--give-up-seconds", type=float, default=300.0)
    parser.add_argument("--no-deploy", action="store_true", help="measure the operator as it runs")
    options = parser.parse_args()
    progress = Progress()
    cluster, kubectl = _cluster(options.no_deploy, progress)
    busy = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    progress.say(f"{cores} cores, load average {busy:.1f} before")
    machine = {"cores": cores, "loadAverageBefore": busy}
    if options.sizes:
        return _sizes(kubectl, options, progress, machine)

    size = jobs.Size(options.layers, options.unroll)
    cold, restarted = _cold_and_restarted(kubectl, size, options.give_up_seconds)
    _tell(progress, "cold", cold)
    _tell(progress, "restarted in place", restarted)
    read_cpu = functools.partial(cgroups.pod_cpu_seconds, cluster.cgroup)
    herding = Herding(kubectl, read_cpu, size, options.jobs, options.give_up_seconds)
    herds: list[Herd] = []
    warm: Start | None = None
    try:
        for way in options.ways:
            herd, warm_now = herding.run(way)
            herds.append(herd)
            progress.say(f"{herd.way}: {herd.wall_seconds:.1f} s, {herd.compilations} compilations")
            if warm_now is not None:
                warm = warm_now
                _tell(progress, "warm", warm)
    finally:
        measured = Measured(cold, restarted, warm, herds)
        print(f"{cores} cores, load average {busy:.1f} before, {size}\n")
        print(report(measured))
        what = {"goals": [asdict(goal) for goal in goals(measured)], **asdict(measured)}
        print(f"\nwritten to {_write(what, options, machine)}")
    return 0


def _sizes(
    kubectl: Kubectl, options: argparse.Namespace, progress: Progress, machine: dict[str, float]
) -> int:
    """A restart in place reads the entries that a warm start reads, with no Warmup to wait for."""
    found: list[Sized] = []
    for size in (jobs.Size(layers, each) for layers in options.sizes for each in (False, True)):
        cold, again = _cold_and_restarted(kubectl, size, options.give_up_seconds)
        found.append(Sized(str(size), cold, again))
        _tell(progress, f"{size}, cold", cold)
        _tell(progress, f"{size}, again", again)
    print(sizes_table(found))
    print(f"\nwritten to {_write({'sizes': [asdict(each) for each in found]}, options, machine)}")
    return 0


def _cluster(as_it_runs: bool, progress: Progress) -> tuple[LocalCluster, Kubectl]:
    if as_it_runs:
        cluster = LocalCluster()
        return cluster, Kubectl(cluster.kubeconfig)
    deployment = deploy(["bytegpt"], progress)
    if not isinstance(deployment.cluster, LocalCluster):
        raise ClusterError(
            "bench.cache ends programs and reads cgroups of pods: it needs the local cluster"
        )
    return deployment.cluster, deployment.kubectl


def _cold_and_restarted(
    kubectl: Kubectl, size: jobs.Size, give_up_seconds: float
) -> tuple[Start, Start]:
    """One job without a CompileCache, killed after its first step, and its next epoch."""
    with bench_namespace(kubectl, "cold") as (namespace, pods):
        starts = Starts(kubectl, namespace, pods, give_up_seconds)
        job = jobs.alone("cold", size).with_spec(restartPolicy={"maxRestarts": 1})
        applied = time.time()
        kubectl.apply(into(namespace, job.manifest))
        cold = starts.first_step("cold", applied)
        killed = time.time()
        starts.kill_program("cold")
        return cold, starts.first_step("cold", killed, epoch=RESTARTED)


def _tell(progress: Progress, name: str, start: Start) -> None:
    problem = f"; {start.problem}" if start.problem else ""
    progress.say(
        f"{name}: first step after {start.seconds:.1f} s, compiling {start.compile_seconds:.2f} s, "
        f"{start.hits}/{start.requests} hits{problem}"
    )


def _write(what: dict[str, Any], options: argparse.Namespace, machine: dict[str, float]) -> Path:
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    whole = {"machine": machine, "settings": vars(options), **what}
    path.write_text(json.dumps(whole, indent=1) + "\n")
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClusterError as error:
        sys.exit(f"error: {error}")
