"""docs/metrics.md has every metric of a model server, and /metrics says what was counted."""

import re
from pathlib import Path

from test_metrics_page import documented, served

from jaxrun.serve.buckets import Bucket
from jaxrun.serve.metrics import MOST_FUNCTIONS, exposition, rss_bytes
from jaxrun.serve.state import Ready
from jaxrun.serve.statistics import Loaded
from jaxrun.serve.tally import Tally


def a_page(compiles: dict[tuple[str, str], int]) -> bytes:
    """Has all that a server can say."""
    tally = Tally()
    tally.executed(Bucket(4, ()), 3, 0.1, 1.0)
    loaded = Loaded(Ready(), "m", "1", 4, 1.0, 0.0, 2.0, 1, 10, 0.5, 3, compiles, {"y": 1}, 1000)
    return exposition(loaded, tally)[1]


def test_every_metric_with_its_type_and_labels() -> None:
    told = {
        re.sub("_(bucket|count|sum)$", "", name) if kind == "histogram" else name: (
            kind,
            labels - {"le"},
        )
        for name, (kind, labels) in served(a_page({("f", "x"): 1})).items()
    }
    assert documented("The model servers'") == told


def test_functions_beyond_the_most_are_told_as_other() -> None:
    compiles = {(f"f{i}", shape): 1 for i in range(MOST_FUNCTIONS + 4) for shape in ("a", "b")}
    lines = a_page(compiles).decode().splitlines()
    told = [line for line in lines if line.startswith("jaxrun_serve_compiles_after_ready_total{")]
    assert len(told) == MOST_FUNCTIONS + 1
    assert 'jaxrun_serve_compiles_after_ready_total{function="other"} 8.0' in told


def test_resident_memory_is_this_process_and_none_where_nobody_tells(tmp_path: Path) -> None:
    resident = rss_bytes()
    assert resident is not None
    assert 10**6 < resident < 10**11
    assert rss_bytes(tmp_path / "statm") is None
