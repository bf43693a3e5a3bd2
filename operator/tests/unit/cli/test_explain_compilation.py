"""What `jaxop explain` says of compiling: warm or cold, why, and what compiled again."""

from datetime import UTC, datetime
from typing import Any

import click
import pytest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.api.v1alpha1.jaxjob_status import Compilation, JaxJobStatus
from jaxop.cli.compilation import compilation
from jaxop.cli.explain import explain
from jaxop.cli.fetch import Known

NOW = datetime(2026, 11, 21, 12, 13, 14, tzinfo=UTC)

WARM = {
    "cacheNamespace": "0123456789abcdef",
    "requests": 12,
    "hits": 12,
    "summary": "12/12",
    "seconds": 0.6,
    "savedSeconds": 8.0,
    "firstStepSeconds": 4.6,
    "start": "Warm",
    "firstStep": "4.6s (warm; cold was 12.1s)",
}


def told(width: int = 100, **fields: Any) -> str:
    status = JaxJobStatus(compilation=Compilation.model_validate(fields))
    return click.unstyle("\n".join(compilation(status, width))).lstrip("\n")


def test_a_warm_start() -> None:
    assert told(**WARM) == "\n".join(
        (
            "Compilation: 12/12 from the cache",
            "  first step  4.6s (warm; cold was 12.1s)",
            "  compiling   0.6s, 8.0s saved",
            "  cache       namespace 0123456789abcdef",
        )
    )


def test_a_cold_start_with_its_reason_and_recompilations() -> None:
    text = told(
        requests=12,
        summary="0/12",
        seconds=9.0,
        firstStep="12.1s (cold)",
        start="Cold",
        readErrors=1,
        problem="1 entry of the cache could not be read, and what it held was compiled anew",
        recompilations=2,
        lastRecompilation="train_step: x float32[32,64] -> float32[17,64]",
    )
    assert text == "\n".join(
        (
            "Compilation: 0/12 from the cache",
            "  first step  12.1s (cold)",
            "  compiling   9.0s",
            "  entries     1 read error",
            "  -> 1 entry of the cache could not be read, and what it held was compiled anew",
            "  2 compilations after the first step; the last: train_step: x float32[32,64] -> "
            "float32[17,64]",
            "  -> Each waits for XLA: keep shapes equal, by padding or dropping the last batch, "
            "and make jitted",
            "     functions once.",
        )
    )


def test_is_part_of_the_story() -> None:
    jaxjob = JaxJob.model_validate(
        {
            "metadata": {"name": "digits", "namespace": "ml", "uid": "u"},
            "spec": {"accelerator": {"class": "cpu", "hosts": 1}, "template": {}},
            "status": {"state": "Running", "reason": "ProgramRunning", "compilation": WARM},
        }
    )
    lines = list(map(click.unstyle, explain(Known(jaxjob, (), ()), NOW)))
    assert "Compilation: 12/12 from the cache" in lines


@pytest.mark.parametrize("status", [JaxJobStatus(), JaxJobStatus(compilation=Compilation())])
def test_nothing_is_known(status: JaxJobStatus) -> None:
    assert list(compilation(status, 80)) == []


@pytest.mark.parametrize("width", [40, 60, 80])
def test_is_not_wider_than_the_terminal(width: int) -> None:
    text = told(
        width, **WARM, problem="word " * 40, recompilations=1, lastRecompilation="f: a b" * 9
    )
    assert max(map(len, text.splitlines())) <= max(width, 42)
