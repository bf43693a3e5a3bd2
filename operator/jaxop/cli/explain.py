"""What is known of a JaxJob as lines of text: where it stands, what went wrong, what to do next.

Pure: colours are added as click styles, which click takes away where nobody sees them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from jaxop.api.v1alpha1.jaxjob_status import FINISHED, Failure, JaxJobStatus
from jaxop.cli.advice import FOR_VERDICT, advice
from jaxop.cli.budget import budget, why_it_ended
from jaxop.cli.compilation import compilation
from jaxop.cli.costs import goodput
from jaxop.cli.event_lines import event_lines
from jaxop.cli.fetch import Known
from jaxop.cli.pods import trouble
from jaxop.cli.story import COLOURS, restarts, timeline
from jaxop.cli.wording import bar, plural, section, span, wrapped

PODS_SHOWN: Final = 16
BAR: Final = 24


def is_in_trouble(status: JaxJobStatus) -> bool:
    """Failed, or stalled until somebody does something."""
    return any(c.type == "Stalled" and c.status == "True" for c in status.conditions)


def explain(known: Known, now: datetime, width: int = 100) -> Iterator[str]:
    """`width` is in characters."""
    yield from _headline(known, now, width)
    yield from _failure(known, width)
    yield from timeline(known.jaxjob.status, now)
    yield from restarts(known.jaxjob.status)
    yield from budget(known.jaxjob, now, width)
    yield from goodput(known.jaxjob.status, width)
    yield from _startup(known.jaxjob.status)
    yield from compilation(known.jaxjob.status, width)
    yield from _pods(known)
    yield from event_lines(known.events, width)


def _headline(known: Known, now: datetime, width: int) -> Iterator[str]:
    metadata, status = known.jaxjob.metadata, known.jaxjob.status
    state = status.state or "Pending"
    colour = "red" if is_in_trouble(status) else COLOURS.get(state, "blue")
    facts = [status.accelerator, f"{status.hosts.summary} hosts ready" if status.hosts else None]
    facts.append(f"step {status.step}" if status.step is not None else None)
    facts.append(_checkpoint(status))
    facts.append(plural(status.restarts, "restart") if status.restarts else None)
    title = click.style(f"{metadata.namespace}/{metadata.name}", bold=True)
    told, styled = ", ".join(filter(None, facts)), click.style(state, fg=colour, bold=True)
    if len(f"{metadata.namespace}/{metadata.name}  {state}  {told}") <= width:
        yield f"{title}  {styled}  {told}"
    else:
        yield f"{title}  {styled}"
        yield from wrapped(told, width)
    if status.state is None:
        yield from wrapped("The operator has not looked at it yet: does it run?", width)
        return
    yield from wrapped(f"{status.reason}: {status.message}", width)
    since = next((e.time for e in reversed(status.timeline)), None)
    if since is not None and state not in FINISHED:
        yield f"  for {span((now - since).total_seconds())}"
    if status.start_time and status.completion_time:
        took = (status.completion_time - status.start_time).total_seconds()
        yield f"  after {span(took)}"
    what_to_do = _advice(known, status.reason or "")
    if what_to_do and state != "Restarting":
        yield from wrapped(what_to_do, width, "  -> ")


def _checkpoint(status: JaxJobStatus) -> str | None:
    if status.checkpoint_step is None or status.checkpoint_step == status.step:
        return None
    return f"checkpoint {status.checkpoint_step}"


def _failure(known: Known, width: int) -> Iterator[str]:
    status = known.jaxjob.status
    if status.failure is None:
        return
    yield from section("Why it failed" if status.state == "Failed" else "The last failure")
    yield f"  {click.style(status.failure.cause, fg='red')}{_where(status.failure)}"
    if status.failure.message not in (status.message or ""):
        yield from wrapped(status.failure.message, width)
    if status.failure.lost_steps:
        lost = plural(status.failure.lost_steps, "step")
        yield from wrapped(f"{lost} since the last checkpoint were lost", width)
    what_to_do = _advice(known, status.failure.cause)
    if what_to_do and status.reason != status.failure.cause:
        yield from wrapped(what_to_do, width, "  -> ")
    why_not_again = FOR_VERDICT[why_it_ended(known.jaxjob)]
    if why_not_again:
        yield from wrapped(why_not_again, width, "  -> ")


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
    yield from section(f"Start of attempt {status.attempt}: {span(total)}")
    for name, seconds in known.items():
        bars = bar(seconds / total, BAR) if total else ""
        yield f"  {name:<11} {span(seconds):>8}  {bars}".rstrip()


def _pods(known: Known) -> Iterator[str]:
    attempt = known.jaxjob.status.attempt
    pods = [pod for pod in known.pods if pod.attempt == attempt]
    if not pods:
        return
    yield from section(f"Pods of attempt {attempt}")
    troubled = sorted(pods, key=lambda pod: not trouble(pod))
    shown = sorted(troubled[:PODS_SHOWN], key=lambda pod: (pod.slice_index, pod.index))
    longest = max(len(pod.name) for pod in shown)
    for pod in shown:
        line = f"  {pod.name:<{longest}}  {pod.phase:<10} {pod.node or '-':<20} {trouble(pod)}"
        yield line.rstrip()
    if len(pods) > len(shown):
        yield f"  and {len(pods) - len(shown)} more"


def _advice(known: Known, reason: str) -> str:
    metadata = known.jaxjob.metadata
    return advice(reason, name=metadata.name, namespace=metadata.namespace, logs=_logs(known))


def _logs(known: Known) -> str:
    """The command that shows what the failed process had printed; "" where its pod is gone."""
    metadata, failure = known.jaxjob.metadata, known.jaxjob.status.failure
    host = failure.host if failure is not None and failure.host else None
    if host is None:
        which = f"-l jaxop.dev/jaxjob={metadata.name} --prefix"
    else:
        which = next((pod.name for pod in known.pods if pod.name.startswith(host)), "")
    return f"kubectl logs -n {metadata.namespace} {which} -c jax" if which else ""
