"""Real launchers, real programs, and the table of how they end."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ending import Ending, write_table
from gang import RealGang

_endings: list[Ending] = []


@pytest.fixture
def gang(tmp_path: Path) -> Iterator[RealGang]:
    """Two launchers, not yet started."""
    gang = RealGang(tmp_path)
    yield gang
    gang.close()


@pytest.fixture
def endings() -> list[Ending]:
    """Where a test of the matrix leaves what it saw."""
    return _endings


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _endings:
        terminalreporter.section("how gangs end")
        for line in write_table(_endings):
            terminalreporter.write_line(line)
    if _endings and os.environ.get("JAXRUN_WRITE_DOCS"):
        page = Path(__file__).parents[5] / "docs" / "jaxrun.md"
        begin, end = "<!-- table of endings -->\n", "<!-- end of table -->\n"
        before, _, rest = page.read_text().partition(begin)
        after = rest.partition(end)[2]
        table = "\n".join(write_table(_endings)) + "\n"
        page.write_text(before + begin + table + end + after)
