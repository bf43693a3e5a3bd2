"""The Kubernetes Events of an object, as lines."""

from collections.abc import Iterator
from typing import Final

import click

from jaxop.cli.fetch import EventLine
from jaxop.cli.wording import section, wrapped

EVENTS_SHOWN: Final = 12


def event_lines(events: tuple[EventLine, ...], width: int) -> Iterator[str]:
    """The last ones."""
    if not events:
        return
    yield from section("Events")
    for event in events[-EVENTS_SHOWN:]:
        colour = "yellow" if event.type == "Warning" else None
        times = f" (x{event.count})" if event.count > 1 else ""
        told = f"{event.time[11:19]}  {event.reason}{times}: {event.message}"
        for line in wrapped(told, width):
            yield click.style(line, fg=colour) if colour else line
