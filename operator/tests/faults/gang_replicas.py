"""Replicas of several hosts, played: gangs with a server in them.

Their launchers are `gangs`. The server loads its buckets anew each time that the gang's programs
start, and all its processes are ready when it is; process 0 tells.
"""

import replicas
from gangs import ATTEMPT, JAXJOB, Gang, Gangs
from jaxop.api.plan import Manifest
from jaxop.kube.resources import JAXJOBS, PODS
from replicas import BUCKET_SECONDS, BUCKETS, SERVICE, serving
from virtual_time import virtual_loop
from world import End, Workload, phase


class GangReplicasAnd:
    """A `world.Workload`: what `others`, which know gangs, says, but for when pods are ready."""

    def __init__(self, others: Workload, gangs: Gangs) -> None:
        self._others = others
        self._gangs = gangs

    def end_of(self, pod: Manifest) -> End | None:
        return self._others.end_of(pod)

    def end_when_deleted(self, pod: Manifest) -> End:
        return self._others.end_when_deleted(pod)

    def is_ready(self, pod: Manifest) -> bool:
        if not _serves(pod):
            return self._others.is_ready(pod)
        if _loaded(self._gangs, pod) == BUCKETS:
            return True
        virtual_loop().call_later(BUCKET_SECONDS, self._gangs.world.poke)
        return False


def report(gangs: Gangs, ip: str) -> Manifest | None:
    """What the launcher at this address, of a replica of any size, answers."""
    if (alone := replicas.report(gangs.world, ip)) is not None:
        return alone
    if (told := gangs.report(ip)) is None:
        return None
    for pod in gangs.world.all(PODS):
        found = (pod.get("status") or {}).get("podIP") == ip and phase(pod) == "Running"
        if found and _serves(pod):
            return {**told, "serving": serving(_loaded(gangs, pod))}
    return told


def _serves(pod: Manifest) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return SERVICE in labels and JAXJOB in labels


def _loaded(gangs: Gangs, pod: Manifest) -> int:
    """Buckets that have executed."""
    gang = _gang(gangs, pod)
    if gang is None or gang.end is not None or gang.running_from is None:
        return 0
    seconds = virtual_loop().time() - gang.running_from
    return max(0, min(BUCKETS, int(seconds / BUCKET_SECONDS)))


def _gang(gangs: Gangs, pod: Manifest) -> Gang | None:
    """None before it starts, and once its JaxJob is gone."""
    labels = pod["metadata"]["labels"]
    if gangs.world.get(JAXJOBS, labels[JAXJOB]) is None:
        return None
    try:
        return gangs.gang(labels[JAXJOB], int(labels[ATTEMPT]))
    except KeyError:
        return None
