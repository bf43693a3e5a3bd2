"""CPU seconds of the pods of a namespace, from their cgroups.

A cgroup goes with its pod, so they are read all the time; what a pod used in its last moment is
missing.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from bench.pods import JAXJOB, Pod, Pods

POLL_SECONDS = 0.2
KEEPER = "keeper"

Read = Callable[[str], float | None]
"""Of a pod's uid."""


class Meter:
    def __init__(self, pods: Pods, read: Read) -> None:
        self._pods = pods
        self._read = read
        self._last: dict[str, float] = {}

    def look(self) -> None:
        for pod in self._pods.any():
            seconds = self._read(pod.uid)
            if seconds is not None:
                self._last[pod.uid] = seconds

    def by_owner(self) -> Mapping[str, float]:
        """CPU seconds by the name of the JaxJob, and those of all other pods as the keeper's."""
        found: dict[str, float] = defaultdict(float)
        for pod in self._pods.any():
            found[owner(pod)] += self._last.get(pod.uid, 0.0)
        return dict(found)


def owner(pod: Pod) -> str:
    return pod.labels.get(JAXJOB, KEEPER)


@contextmanager
def metered(pods: Pods, read: Read) -> Iterator[Meter]:
    meter, over = Meter(pods, read), threading.Event()

    def keep_looking() -> None:
        while not over.wait(POLL_SECONDS):
            meter.look()

    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    try:
        yield meter
    finally:
        over.set()
        thread.join()
        meter.look()
