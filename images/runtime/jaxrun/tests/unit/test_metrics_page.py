"""docs/metrics.md has every metric of a launcher, of a model server and of a keeper."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from jaxrun.cache.keeper import metrics
from jaxrun.cache.keeper.status import KeeperStatus
from jaxrun.compiled import Compiled, FirstStep, FunctionCompiled
from jaxrun.contract import GangState
from jaxrun.gang.protocol import GangView, Progress
from jaxrun.goodput import Goodput
from jaxrun.metrics import exposition
from jaxrun.serve import Bucket
from jaxrun.serve.errors import RefusalReason
from jaxrun.serve.metrics import exposition as of_server
from jaxrun.serve.state import Ready
from jaxrun.serve.statistics import Loaded
from jaxrun.serve.tally import Outcome, Tally
from jaxrun.settings import read_settings
from jaxrun.status import Status

PAGE = Path(__file__).parents[5] / "docs" / "metrics.md"


def full() -> Status:
    """Says all that a launcher can say."""
    return Status(
        settings=read_settings({}),
        view=GangView(GangState.RUNNING, 1, ()),
        epoch=1,
        progress=Progress(
            1,
            metrics={"loss": 0.5},
            compiled=Compiled(functions=(FunctionCompiled("train_step", 1, 2.5),)),
        ),
        step=30,
        step_seconds=0.1,
        times={"allJoined": 1.0},
        verdict=None,
        checkpoint_step=20,
        goodput=Goodput().as_json(),
        first_step=FirstStep(12.5, 12, 12, 0.3, 9.0),
    )


def full_server() -> tuple[Loaded, Tally]:
    """Says all that a model server can say."""
    tally = Tally()
    tally.executed(Bucket(4), rows=3, seconds=0.1, now=1.0)
    loaded = Loaded(
        state=Ready(),
        model="minilm",
        version="1",
        buckets_total=1,
        ready_at=1.0,
        ready_since=1.0,
        load_seconds=1.0,
        queued=0,
        queued_bytes=0,
        queued_seconds=0.0,
        in_flight=0,
        compiles={("tanh", "float32[3]"): 1},
        not_finite={"y": 1},
        parameters_bytes=4,
    )
    return loaded, tally


def section(title: str) -> str:
    return PAGE.read_text().split(f"\n## {title}\n", 1)[1].partition("\n## ")[0]


def documented(title: str) -> dict[str, tuple[str, set[str]]]:
    """Type and labels of all metrics in one section."""
    page, found = section(title), {}
    for names, kind, labels in re.findall(
        r"^\| (`jaxrun_.+?) \| (\w+) \| (.*?) ?\|", page, re.MULTILINE
    ):
        own = set(re.findall(r"`(\w+)`", labels))
        for name in re.findall(r"`(\w+)`", names):
            if kind == "histogram":
                found[f"{name}_bucket"] = (kind, own | {"le"})
                found[f"{name}_count"] = found[f"{name}_sum"] = (kind, own)
            else:
                found[name] = (kind, own)
    return found


def served(body: bytes) -> dict[str, tuple[str, set[str]]]:
    return {
        sample.name: (family.type, set(sample.labels))
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_every_metric_of_a_launcher_with_its_type_and_labels() -> None:
    assert documented("The launchers'") == served(exposition(full())[1])


def test_every_metric_of_a_model_server_with_its_type_and_labels() -> None:
    assert documented("The model servers'") == served(of_server(*full_server())[1])


def test_every_outcome_and_every_reason_of_a_refusal() -> None:
    page = section("The model servers'")
    assert all(f"`{each.value}`" in page for each in (*Outcome, *RefusalReason))


def test_every_metric_of_a_keeper_with_its_type_and_labels() -> None:
    assert documented("The keepers'") == served(metrics.exposition(KeeperStatus())[1])
