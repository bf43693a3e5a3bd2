"""/metrics says what /status says, and the page of metrics names what there is."""

import dataclasses
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from jaxrun.compile_status import FirstStep
from jaxrun.compiled import Compiled, FunctionCompiled
from jaxrun.contract import GangState
from jaxrun.gang.protocol import GangView
from jaxrun.goodput import Goodput
from jaxrun.metrics import exposition
from jaxrun.program_progress import Progress
from jaxrun.settings import read_settings
from jaxrun.status import Status


def samples(status: Status) -> dict[tuple[str, str], float]:
    """By name and the one label."""
    _, body = exposition(status)
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def a_status(goodput: Goodput, epoch: int = 1, progress: Progress | None = None) -> Status:
    return Status(
        settings=read_settings({}),
        view=GangView(GangState.RUNNING, 1, ()),
        epoch=epoch,
        progress=progress or Progress(epoch),
        step=30,
        step_seconds=None,
        times={},
        verdict=None,
        checkpoint_step=20,
        goodput=goodput.as_json(),
    )


def test_goodput_part_by_part() -> None:
    seen = samples(a_status(Goodput(productive=90.0, wasted=10.0)))
    parts = {label: value for (name, label), value in seen.items() if "goodput" in name}
    assert parts == {
        "scheduling": 0, "initialisation": 0, "compile": 0, "data": 0, "checkpoint": 0,
        "productive": 90, "wasted": 10, "recovery": 0, "other": 0,
    }  # fmt: skip


def test_restarts_checkpoints_and_what_the_program_waited_for() -> None:
    progress = Progress(3, data_seconds=2.5, checkpoint_seconds=4.0, checkpoint_step=None)
    seen = samples(a_status(Goodput(), epoch=3, progress=progress))
    assert seen["jaxrun_epoch", ""] == 3
    assert seen["jaxrun_restarts_total", ""] == 2
    assert seen["jaxrun_checkpoint_step", ""] == 20
    assert seen["jaxrun_data_seconds_total", ""] == 2.5
    assert seen["jaxrun_checkpoint_seconds_total", ""] == 4.0


def test_what_was_compiled_and_found_in_the_cache() -> None:
    told = Compiled(
        functions=(FunctionCompiled("train_step", 2, 7.5), FunctionCompiled("init", 1, 0.5)),
        recompilations=1,
        read_errors=2,
        retrieval_seconds=0.25,
        saved_seconds=9.0,
        never_kept=1,
    )
    progress = Progress(1, cache_requests=12, cache_hits=10, cache_misses=2, compiled=told)
    status = a_status(Goodput(), progress=progress)
    assert ("jaxrun_first_step_seconds", "") not in samples(status)
    seen = samples(dataclasses.replace(status, first_step=FirstStep(4.5, 12, 10, 0.25, 9.0)))
    assert {key: value for key, value in seen.items() if "cache" in key[0]} == {
        ("jaxrun_cache_requests_total", ""): 12,
        ("jaxrun_cache_hits_total", ""): 10,
        ("jaxrun_cache_written_total", ""): 2,
        ("jaxrun_cache_read_errors_total", ""): 2,
        ("jaxrun_cache_never_kept_total", ""): 1,
        ("jaxrun_cache_retrieval_seconds_total", ""): 0.25,
        ("jaxrun_cache_saved_seconds_total", ""): 9,
    }
    assert seen["jaxrun_compile_function_seconds_total", "train_step"] == 7.5
    assert seen["jaxrun_compile_function_seconds_total", "init"] == 0.5
    assert seen["jaxrun_compiles_after_first_step_total", ""] == 1
    assert seen["jaxrun_first_step_seconds", ""] == 4.5


def test_the_page_names_all_metrics_and_no_others() -> None:
    page = (Path(__file__).parents[5] / "docs" / "jaxrun.md").read_text()
    section = page.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(jaxrun_[a-z_]+)", section))
    told = Compiled(functions=(FunctionCompiled("train_step", 1, 2.5),))
    progress = Progress(1, metrics={"loss": 0.5}, step=30, compiled=told)
    status = a_status(Goodput(), progress=progress)
    first = FirstStep(12.5, 12, 12, 0.3, 9.0)
    status = dataclasses.replace(status, step_seconds=0.1, times={"spawned": 1.0}, first_step=first)
    assert documented == {name for name, _ in samples(status)}
