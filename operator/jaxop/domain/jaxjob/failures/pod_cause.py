"""Why one pod failed, by what Kubernetes and its launcher say of it. `failure` has the table."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from jaxop.domain import contract
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.gang import process_of
from jaxop.domain.jaxjob.reading.launcher_reading import read_last_words
from jaxop.domain.jaxjob.views import Cause, ContainerEnd, LastWords, PodView

CONSEQUENCE: Final = "PeerLost"

_NODE_LOST: Final = frozenset({"DeletionByTaintManager", "DeletionByPodGC"})
_EVICTED: Final = frozenset({"Evicted", "Preempting", "Terminated", "Shutdown", "NodeShutdown"})
_NODE_REFUSED: Final = frozenset({"NodeLost", "NodeAffinity", "UnexpectedAdmissionError"})
_SIGNALS: Final = {137: (9, "SIGKILL"), 143: (15, "SIGTERM")}


def cause_of(pod: PodView, layout: SliceLayout, dead_nodes: Collection[str] = ()) -> Cause:
    """`dead_nodes`: names of nodes whose kubelet has not been heard of."""
    process, end = process_of(pod, layout), bad_end(pod)
    words = last_words(pod)
    said = words.cause if words else None
    if end is not None and end.reason == "OOMKilled" and (said is None or said.signal == 9):
        return _out_of_memory(pod, process, end, said)
    disruption = _of_disruption(pod, process, dead_nodes)
    if said is not None and said.cause != CONSEQUENCE:
        return _in_the_pods_words(said, pod, disruption)
    if disruption is not None:
        return disruption
    return said if said is not None else _of_container(pod, process, end)


def ends_the_gang(pod: PodView, in_place: bool) -> bool:
    """Whether a failed pod says that its gang has ended, not that it has left it. Without restarts
    in place the one is the other."""
    if not in_place:
        return True
    words = last_words(pod)
    if words is not None:
        return words.ended
    programs = [end for end in pod.ends if end.container == contract.CONTAINER]
    return any(end.exit_code not in (0, *contract.POD_LEFT_EXIT_CODES) for end in programs)


def last_words(pod: PodView) -> LastWords | None:
    end = bad_end(pod)
    return read_last_words(end.message) if end is not None else None


def parting_words(pod: PodView) -> LastWords | None:
    """Of a program that has ended well, too."""
    ends = [end for end in pod.ends if end.container == contract.CONTAINER]
    return read_last_words(ends[-1].message) if ends else None


def words_of_process_zero(pods: Iterable[PodView]) -> list[LastWords]:
    """`parting_words` of its pod, and of those that it has had before in this attempt."""
    first = [pod for pod in pods if (pod.slice_index, pod.index) == (0, 0)]
    return [words for pod in first if (words := parting_words(pod)) is not None]


def bad_end(pod: PodView) -> ContainerEnd | None:
    """The end that matters: the program's, or else the first that was not a success."""
    bad = [end for end in pod.ends if end.exit_code != 0]
    programs = [end for end in bad if end.container == contract.CONTAINER]
    return next(iter(programs or bad), None)


def ended_at(pod: PodView) -> datetime | None:
    """When it ended, or should have; whole seconds."""
    ends = [end.finished_at for end in pod.ends if end.finished_at is not None]
    return max(ends) if ends else pod.gone_by


def _out_of_memory(pod: PodView, process: int, end: ContainerEnd, said: Cause | None) -> Cause:
    if said is not None:
        return replace(said, cause="HostOutOfMemory")
    which = "" if end.container == contract.CONTAINER else f"container {end.container} of "
    message = (
        f"{which}process {process} ({pod.name}) was killed: it used more memory than its limit"
    )
    return _made("HostOutOfMemory", message, pod, process, end)


def _in_the_pods_words(said: Cause, pod: PodView, disruption: Cause | None) -> Cause:
    """A launcher knows that it was asked to stop; who asked, and why, only the pod tells."""
    if said.cause != "Preempted" or disruption is None:
        return said
    by = pod.disruption or pod.reason
    message = f"{said.message} ({by})" if by else said.message
    return replace(said, cause=disruption.cause, message=message)


def _of_disruption(pod: PodView, process: int, dead_nodes: Collection[str]) -> Cause | None:
    where, end = f"process {process} ({pod.name})", bad_end(pod)
    on_node = f" on node {pod.node}" if pod.node else ""
    if pod.node and pod.node in dead_nodes:
        message = f"{where} was lost with its node: {pod.node} is not ready"
        return _made("NodeLost", message, pod, process, end)
    if pod.disruption is not None:
        cause = "NodeLost" if pod.disruption in _NODE_LOST else "Preempted"
        message = f"{where} was removed{on_node}: {pod.disruption}"
    elif pod.reason in _EVICTED:
        cause, message = "Preempted", f"{where} was evicted{on_node}: {pod.message or pod.reason}"
    elif pod.reason in _NODE_REFUSED:
        cause, message = "NodeLost", f"{where} failed{on_node}: {pod.message or pod.reason}"
    elif pod.terminating and (end is None or end.exit_code in contract.POD_LEFT_EXIT_CODES):
        cause, message = "Preempted", f"{where} was deleted{on_node}"
    else:
        return None
    return _made(cause, message, pod, process, end)


def _of_container(pod: PodView, process: int, end: ContainerEnd | None) -> Cause:
    where = f"process {process} ({pod.name})"
    if end is None:
        message = f"{where} failed: {pod.message or pod.reason or 'the pod does not say why'}"
        return Cause(CONSEQUENCE, message, process=process, host=pod.name)
    if end.container == contract.CONTAINER and end.exit_code in _SIGNALS:
        name = _SIGNALS[end.exit_code][1]
        message = f"{where}: its launcher was killed by {name}, and nothing says by whom"
        return _made(CONSEQUENCE, message, pod, process, end)
    which = "" if end.container == contract.CONTAINER else f"container {end.container} of "
    signal = _signal(end)
    if signal is not None:
        return _made(
            "ProgramError", f"{which}{where} was killed by signal {signal}", pod, process, end
        )
    message = f"{which}{where} exited with {end.exit_code}"
    said = _last_line(end.message)
    return _made("ProgramError", f"{message}: {said}" if said else message, pod, process, end)


def _made(cause: str, message: str, pod: PodView, process: int, end: ContainerEnd | None) -> Cause:
    return Cause(
        cause,
        message,
        process=process,
        host=pod.name,
        exit_code=end.exit_code if end is not None else None,
        signal=_signal(end) if end is not None else None,
        time=end.finished_at if end is not None else None,
    )


def _signal(end: ContainerEnd) -> int | None:
    return end.signal or (end.exit_code - 128 if 128 < end.exit_code < 160 else None)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:256] if lines else ""
