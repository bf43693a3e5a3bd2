"""One row of the table: how a gang ended and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ending:
    """Seconds are from the first death to the end of the last launcher."""

    what: str
    exit_codes: Sequence[int | None]
    cause: str
    message: str
    seconds: float | None


def write_table(endings: Sequence[Ending]) -> list[str]:
    """Markdown."""
    rows = ["| the program of process 1 | exit codes | cause | message | stopped after |"]
    rows.append("|---|---|---|---|---|")
    for e in endings:
        codes = ", ".join(str(code) for code in e.exit_codes)
        seconds = f"{e.seconds:.2f} s" if e.seconds is not None else ""
        rows.append(f"| {e.what} | {codes} | {e.cause} | {e.message} | {seconds} |")
    return rows
