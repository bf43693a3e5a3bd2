"""What a job's time was spent on, as a table, and what could be done about it."""

from collections.abc import Iterator
from typing import Final

import click

from jaxop.api.v1alpha1.jaxjob_status import FINISHED, Goodput, JaxJobStatus
from jaxop.cli.wording import bar, section, span, wrapped
from jaxop.domain.jaxjob.telling.goodput import PARTS, total

BAR: Final = 32
NEGLIGIBLE: Final = 0.05
"""Seconds: shown as 0.0."""

_MUCH: Final = 0.1
"""The share from which on it is worth a word."""

_ENOUGH: Final = 60.0
"""Seconds after which there is something to judge."""


def goodput(status: JaxJobStatus, width: int) -> Iterator[str]:
    known, whole = status.goodput, total(status.goodput)
    if known is None or whole < NEGLIGIBLE:
        return
    percent = f"{known.percent} % of " if known.percent is not None else ""
    running = "" if status.state in FINISHED else " so far"
    yield from section(f"Goodput: {percent}{span(whole)}{running}")
    for name, seconds in _by_size(known):
        share = seconds / whole
        colour = "green" if name == "productive" else None
        bars = click.style(bar(share, BAR), fg=colour) if colour else bar(share, BAR)
        yield f"  {name:<14} {span(seconds):>8} {100 * share:>6.1f} %  {bars}".rstrip()
    hint = _hint(status, known, whole)
    if hint:
        yield from wrapped(hint, width, "  -> ")


def _by_size(known: Goodput) -> list[tuple[str, float]]:
    """Productive first, then the others, the largest first."""
    parts = [(part.removesuffix("_seconds"), float(getattr(known, part))) for part in PARTS]
    seen = [part for part in parts if part[1] >= NEGLIGIBLE]
    return sorted(seen, key=lambda part: (part[0] != "productive", -part[1]))


def _hint(status: JaxJobStatus, known: Goodput, whole: float) -> str:
    if whole < _ENOUGH:
        return ""
    ran = status.state == "Running" or status.state in FINISHED
    if ran and status.step is None and known.other_seconds > _MUCH * whole:
        return (
            "The program tells no steps, so nobody knows what is productive: call "
            "jaxrun.report(step=...)."
        )
    if known.wasted_seconds > _MUCH * whole:
        return (
            "Failures threw these steps away: checkpoint more often, and tell checkpointed(step)."
        )
    if known.data_seconds > _MUCH * whole:
        return "The program waits for data: load it ahead, or with more workers."
    if known.checkpoint_seconds > _MUCH * whole:
        return "Saving takes long: save asynchronously, or more rarely."
    return ""
