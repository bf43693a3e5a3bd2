"""What was measured, in seconds since a death, and its medians as a table."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PARTS = (
    "noticed",
    "survivors ended",
    "last pod made",
    "its launcher ran",
    "all joined",
    "all spawned",
    "initialised",
    "first step",
)
"""In the order in which they come; "all spawned" is what the goals are about."""

GOAL = "all spawned"


@dataclass(frozen=True)
class Restart:
    """One restart. `at` has seconds since the death by part; what did not come by `gave_up_after`
    is missing, as is what this way of restarting does not have."""

    way: str
    death: str
    at: Mapping[str, float]
    gave_up_after: float | None = None
    notes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Row:
    way: str
    death: str
    runs: int
    at: Mapping[str, float]
    """Medians over the runs that got there."""
    spread: tuple[float, float] | None
    """The least and the most of the goal."""
    gave_up_after: float | None


def rows(restarts: Sequence[Restart]) -> list[Row]:
    """One for each way and death, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Restart]] = {}
    for restart in restarts:
        groups.setdefault((restart.death, restart.way), []).append(restart)
    deaths = list(dict.fromkeys(death for death, _ in groups))
    found = []
    for death, way in sorted(groups, key=lambda each: deaths.index(each[0])):
        group = groups[death, way]
        at = {
            part: statistics.median(values)
            for part in PARTS
            if (values := [restart.at[part] for restart in group if part in restart.at])
        }
        goal = [restart.at[GOAL] for restart in group if GOAL in restart.at]
        spread = (min(goal), max(goal)) if len(goal) > 1 else None
        gave_up = [each.gave_up_after for each in group if each.gave_up_after is not None]
        found.append(Row(way, death, len(group), at, spread, max(gave_up, default=None)))
    return found


def table(restarts: Sequence[Restart]) -> str:
    """Markdown; the ratio is to the first way of the same death."""
    found = rows(restarts)
    firsts: dict[str, float] = {}
    lines = [
        f"| death | way | runs | {' | '.join(PARTS)} | range | ratio |",
        f"|{'---|' * (len(PARTS) + 5)}",
    ]
    for row in found:
        goal = row.at.get(GOAL)
        if goal is not None:
            firsts.setdefault(row.death, goal)
        cells = [_cell(row, part) for part in PARTS]
        spread = f"{_seconds(row.spread[0])}-{_seconds(row.spread[1])}" if row.spread else ""
        ratio = _ratio(row, firsts.get(row.death))
        told = [row.death, row.way, str(row.runs), *cells, spread, ratio]
        lines.append(f"| {' | '.join(told)} |")
    return "\n".join(lines)


def _cell(row: Row, part: str) -> str:
    if part in row.at:
        return f"**{_seconds(row.at[part])}**" if part == GOAL else _seconds(row.at[part])
    return f"> {row.gave_up_after:.0f}" if part == GOAL and row.gave_up_after else ""


def _ratio(row: Row, first: float | None) -> str:
    if first is None:
        return ""
    if GOAL in row.at:
        return f"{row.at[GOAL] / first:.1f}"
    return f"> {row.gave_up_after / first:.0f}" if row.gave_up_after else ""


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
