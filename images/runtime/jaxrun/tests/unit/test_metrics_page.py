"""docs/metrics.md has every metric of a launcher and of a keeper."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from jaxrun.cache.keeper import metrics
from jaxrun.cache.keeper.status import KeeperStatus
from jaxrun.compile_status import FirstStep
from jaxrun.compiled import Compiled, FunctionCompiled
from jaxrun.contract import GangState
from jaxrun.gang.protocol import GangView
from jaxrun.goodput import Goodput
from jaxrun.metrics import exposition
from jaxrun.program_progress import Progress
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


def documented(title: str) -> dict[str, tuple[str, set[str]]]:
    """Type and labels of all metrics in one section."""
    page = PAGE.read_text().split(f"\n## {title}\n", 1)[1].partition("\n## ")[0]
    found = {}
    for names, kind, labels in re.findall(
        r"^\| (`jaxrun_.+?) \| (\w+) \| (.*?) ?\|", page, re.MULTILINE
    ):
        for name in re.findall(r"`(\w+)`", names):
            found[name] = (kind, set(re.findall(r"`(\w+)`", labels)))
    return found


def served(body: bytes) -> dict[str, tuple[str, set[str]]]:
    return {
        sample.name: (family.type, set(sample.labels))
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_every_metric_of_a_launcher_with_its_type_and_labels() -> None:
    assert documented("The launchers'") == served(exposition(full())[1])


def test_every_metric_of_a_keeper_with_its_type_and_labels() -> None:
    assert documented("The keepers'") == served(metrics.exposition(KeeperStatus())[1])
