"""The timeline of a job, and each of its restarts: why, how, what it took and what was lost."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from jaxop.api.v1alpha1.jaxjob_status import FINISHED, JaxJobStatus, State, TimelineEntry
from jaxop.cli.wording import clock, plural, section, span
from jaxop.domain.jaxjob.telling.recoveries import Recovery, recoveries

COLOURS: Final[dict[State, str]] = {
    "Running": "green",
    "Succeeded": "green",
    "Failed": "red",
    "Restarting": "yellow",
    "Checkpointing": "yellow",
    "Suspended": "cyan",
    "Queued": "cyan",
}
RESTARTS_SHOWN: Final = 8

_HOW: Final = {"InPlace": "in place", "Recreate": "new pods"}


def timeline(status: JaxJobStatus, now: datetime) -> Iterator[str]:
    entries = status.timeline
    if not entries:
        return
    first = entries[0].time
    when = clock(first, entries[-1].time)
    yield from section(f"Timeline (UTC, from {first:%Y-%m-%d %H:%M:%S})")
    ends = [*(entry.time for entry in entries[1:]), now]
    before: TimelineEntry | None = None
    for entry, end in zip(entries, ends, strict=True):
        lasted = "" if entry.state in FINISHED else span((end - entry.time).total_seconds())
        state = click.style(f"{entry.state:<16}", fg=COLOURS.get(entry.state))
        label = _label(before, entry)
        line = f"  {entry.time:{when}}  {state} {lasted:>8}  {entry.reason:<22} {label}"
        yield line.rstrip()
        before = entry


def _label(before: TimelineEntry | None, entry: TimelineEntry) -> str:
    if before is None or before.attempt != entry.attempt:
        return f"attempt {entry.attempt}"
    if entry.epoch is not None and before.epoch is not None and before.epoch != entry.epoch:
        return f"epoch {entry.epoch}"
    return ""


def restarts(status: JaxJobStatus) -> Iterator[str]:
    known = recoveries(status.timeline)
    if not known:
        return
    shown = known[-RESTARTS_SHOWN:]
    when = clock(status.timeline[0].time, status.timeline[-1].time)
    width = len(f"{shown[0].entry.time:{when}}")
    which = f", the last {len(shown)}" if len(shown) < status.restarts else ""
    yield from section(f"{plural(status.restarts, 'restart').capitalize()}{which}")
    yield (
        f"  {'when':<{width}}  {'cause':<17}  {'process':>7}  {'exit':>4}  {'how':<8}  "
        f"{'back after':>10}  lost"
    )
    for recovery in shown:
        yield _row(recovery, f"{recovery.entry.time:{when}}")


def _row(recovery: Recovery, when: str) -> str:
    entry, seconds = recovery.entry, recovery.seconds
    process = "" if entry.process is None else str(entry.process)
    exit_code = "" if entry.exit_code is None else str(entry.exit_code)
    back = "-" if seconds is None else span(seconds)
    lost = "" if entry.lost_steps is None else plural(entry.lost_steps, "step")
    row = (
        f"  {when}  {entry.reason:<17}  {process:>7}  {exit_code:>4}  {_HOW[recovery.how]:<8}  "
        f"{back:>10}  {lost}"
    )
    return row.rstrip()
