"""Words, spans and lines as a terminal shows them."""

import textwrap
from collections.abc import Iterator
from datetime import datetime

import click


def section(title: str) -> Iterator[str]:
    yield ""
    yield click.style(title, bold=True)


def wrapped(text: str, width: int, first: str = "  ") -> list[str]:
    """`width` is in characters; further lines are indented as the first one."""
    return textwrap.wrap(
        text,
        width=max(40, width),
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def span(seconds: float) -> str:
    """`3.2s`, `4m12s`, `2h05m`, `3d04h`: at most seven characters."""
    seconds = max(0.0, seconds)
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 48 * 3600:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def round_span(seconds: int) -> str:
    """Of a setting: `24 h`, `10 min`, `90 s`, `30 d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0 and seconds > size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s" if seconds < 3600 else span(seconds)


def clock(first: datetime, last: datetime) -> str:
    """The format for times from first to last: with the day where there are several."""
    return "%H:%M:%S" if first.date() == last.date() else "%m-%d %H:%M"


def plural(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def bar(share: float, length: int) -> str:
    return "#" * round(length * share)
