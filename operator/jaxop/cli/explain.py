"""What is known of a JaxJob as lines of text: where it stands, what went wrong, what to do next.

Pure: colours are added as click styles, which click takes away where nobody sees them.
"""

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import click

from jaxop.api.v1alpha1.jaxjob_status import FINISHED, Failure, JaxJobStatus, State
from jaxop.cli.advice import advice
from jaxop.cli.fetch import Known
from jaxop.domain.jaxjob.views import PodView

PODS_SHOWN: Final = 16
EVENTS_SHOWN: Final = 12
BAR: Final = 24

_COLOURS: Final[dict[State, str]] = {
    "Running": "green",
    "Succeeded": "green",
    "Failed": "red",
    "Restarting": "yellow",
    "Suspended": "cyan",
}


def is_in_trouble(status: JaxJobStatus) -> bool:
    """Failed, or stalled until somebody does something."""
    return any(c.type == "Stalled" and c.status == "True" for c in status.conditions)


def explain(known: Known, now: datetime, width: int = 100) -> Iterator[str]:
    """`width` is in characters."""
    yield from _headline(known, now, width)
    yield from _failure(known, width)
    yield from _timeline(known.jaxjob.status, now)
    yield from _startup(known.jaxjob.status)
    yield from _pods(known)
    yield from _events(known, width)


def _headline(known: Known, now: datetime, width: int) -> Iterator[str]:
    metadata, status = known.jaxjob.metadata, known.jaxjob.status
    state = status.state or "Pending"
    colour = "red" if is_in_trouble(status) else _COLOURS.get(state, "blue")
    facts = [status.accelerator, f"{status.hosts.summary} hosts ready" if status.hosts else None]
    facts.append(f"step {status.step}" if status.step is not None else None)
    facts.append(f"{status.restarts} restarts" if status.restarts else None)
    title = click.style(f"{metadata.namespace}/{metadata.name}", bold=True)
    yield f"{title}  {click.style(state, fg=colour, bold=True)}  " + ", ".join(filter(None, facts))
    if status.state is None:
        yield from _wrapped("The operator has not looked at it yet: does it run?", width)
        return
    yield from _wrapped(f"{status.reason}: {status.message}", width)
    since = next((e.time for e in reversed(status.timeline)), None)
    if since is not None and state not in FINISHED:
        yield f"  for {_long(now - since)}"
    if status.start_time and status.completion_time:
        yield f"  after {_long(status.completion_time - status.start_time)}"
    what_to_do = _advice(known, status.reason or "")
    if what_to_do and state != "Restarting":
        yield from _wrapped(what_to_do, width, "  -> ")


def _failure(known: Known, width: int) -> Iterator[str]:
    status = known.jaxjob.status
    if status.failure is None:
        return
    which = "it failed" if status.state == "Failed" else "the last attempt failed"
    yield from _section(f"Why {which}")
    yield f"  {click.style(status.failure.cause, fg='red')}{_where(status.failure)}"
    yield from _wrapped(status.failure.message, width)
    what_to_do = _advice(known, status.failure.cause)
    if what_to_do and status.reason != status.failure.cause:
        yield from _wrapped(what_to_do, width, "  -> ")


def _where(failure: Failure) -> str:
    parts = [
        f"process {failure.process}" if failure.process is not None else None,
        failure.host,
        failure.exception,
        f"exit code {failure.exit_code}" if failure.exit_code is not None else None,
        f"signal {failure.signal}" if failure.signal is not None else None,
        failure.time.strftime("%H:%M:%S") if failure.time else None,
    ]
    told = ", ".join(filter(None, parts))
    return f"  {told}" if told else ""


def _timeline(status: JaxJobStatus, now: datetime) -> Iterator[str]:
    if not status.timeline:
        return
    first = status.timeline[0].time
    yield from _section(f"Timeline (UTC, from {first:%Y-%m-%d %H:%M:%S})")
    ends = [entry.time for entry in status.timeline[1:]]
    attempt = None
    for index, entry in enumerate(status.timeline):
        over = entry.state in FINISHED
        end = ends[index] if index < len(ends) else now
        lasted = "" if over else _long(end - entry.time)
        label = "" if entry.attempt == attempt else f"attempt {entry.attempt}"
        attempt = entry.attempt
        state = click.style(f"{entry.state:<16}", fg=_COLOURS.get(entry.state))
        line = f"  {entry.time:%H:%M:%S}  {state} {lasted:>8}  {entry.reason:<22} {label}"
        yield line.rstrip()


def _startup(status: JaxJobStatus) -> Iterator[str]:
    if status.startup is None:
        return
    parts = {
        "schedule": status.startup.schedule_seconds,
        "join": status.startup.join_seconds,
        "initialise": status.startup.initialise_seconds,
        "compile": status.startup.compile_seconds,
        "first step": status.startup.first_step_seconds,
    }
    known = {name: seconds for name, seconds in parts.items() if seconds is not None}
    total = sum(known.values())
    yield from _section(f"Start of attempt {status.attempt}: {total:.1f} s")
    for name, seconds in known.items():
        bar = "#" * round(BAR * seconds / total) if total else ""
        yield f"  {name:<11}{seconds:>8.1f} s  {bar}".rstrip()


def _pods(known: Known) -> Iterator[str]:
    attempt = known.jaxjob.status.attempt
    pods = [pod for pod in known.pods if pod.attempt == attempt]
    if not pods:
        return
    yield from _section(f"Pods of attempt {attempt}")
    troubled = sorted(pods, key=lambda pod: not _trouble(pod))
    shown = sorted(troubled[:PODS_SHOWN], key=lambda pod: (pod.slice_index, pod.index))
    longest = max(len(pod.name) for pod in shown)
    for pod in shown:
        line = f"  {pod.name:<{longest}}  {pod.phase:<10} {pod.node or '-':<20} {_trouble(pod)}"
        yield line.rstrip()
    if len(pods) > len(shown):
        yield f"  and {len(pods) - len(shown)} more"


def _trouble(pod: PodView) -> str:
    if pod.terminating:
        return "being deleted"
    if pod.unschedulable is not None and not pod.node:
        return "cannot be scheduled"
    if pod.disruption or pod.reason:
        return pod.disruption or pod.reason
    held = next((w for w in pod.waiting if w.reason), None)
    if held is not None:
        return f"{held.container}: {held.reason}"
    bad = next((end for end in pod.ends if end.exit_code != 0), None)
    return f"{bad.container}: exit code {bad.exit_code}" if bad is not None else ""


def _events(known: Known, width: int) -> Iterator[str]:
    if not known.events:
        return
    yield from _section("Events")
    for event in known.events[-EVENTS_SHOWN:]:
        colour = "yellow" if event.type == "Warning" else None
        times = f" (x{event.count})" if event.count > 1 else ""
        told = f"{event.time[11:19]}  {event.reason}{times}: {event.message}"
        for line in _wrapped(told, width):
            yield click.style(line, fg=colour) if colour else line


def _advice(known: Known, reason: str) -> str:
    metadata, failure = known.jaxjob.metadata, known.jaxjob.status.failure
    host = failure.host if failure is not None and failure.host else None
    which = host if host else f"-l jaxop.dev/jaxjob={metadata.name} --prefix"
    if host is not None:
        which = next((pod.name for pod in known.pods if pod.name.startswith(host)), which)
    logs = f"kubectl logs -n {metadata.namespace} {which} -c jax"
    return advice(reason, name=metadata.name, namespace=metadata.namespace, logs=logs)


def _section(title: str) -> Iterator[str]:
    yield ""
    yield click.style(title, bold=True)


def _wrapped(text: str, width: int, first: str = "  ") -> list[str]:
    rest = " " * len(first)
    return textwrap.wrap(
        text,
        width=max(40, width),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _long(span: timedelta) -> str:
    """`3.2 s`, `4 min`, `2.5 h`, `3.1 d`."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} d"
