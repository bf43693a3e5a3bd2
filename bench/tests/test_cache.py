import dataclasses
from collections import Counter
from pathlib import Path

import pytest
from jaxop.api.v1alpha1 import CompileCache, JaxJob

from bench.cache import jobs, starts
from bench.cache.cpu import KEEPER, Meter
from bench.cache.measured import (
    Herd,
    Measured,
    Sized,
    Start,
    Warming,
    goals,
    herds_table,
    report,
    sizes_table,
    starts_table,
)
from bench.cache.starts import Starts, start_of
from bench.launchers import Status
from bench.pods import INDEX, JAXJOB, Pod, Pods
from e2e.cluster.kubectl import Kubectl

COLD = Start("cold", 16.0, 12.0, 9.0, requests=2, hits=0)
RESTARTED = dataclasses.replace(COLD, seconds=4.0, program_seconds=3.5, compile_seconds=0.5, hits=2)
WARM = dataclasses.replace(COLD, job="warm", seconds=6.0, program_seconds=4.0, compile_seconds=0.6)
WARM = dataclasses.replace(WARM, hits=2)
WARMING = Warming(20.0, 18.0, 1.0, 9.0, compilations=2, verified="2/2")
NONE = Herd("no cache", [COLD] * 4, wall_seconds=60.0, cpu_seconds=90.0)
OURS = Herd("ours", [WARM] * 4, wall_seconds=30.0, cpu_seconds=45.0, warming=WARMING)


def a_run(**changes: object) -> Measured:
    return dataclasses.replace(Measured(COLD, RESTARTED, WARM, [NONE, OURS]), **changes)  # type: ignore[arg-type]


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


def met(measured: Measured) -> list[bool]:
    return [goal.met for goal in goals(measured)]


def test_what_is_compiled_is_what_the_cache_did_not_answer_the_warmups_included() -> None:
    assert [herd.compilations for herd in (NONE, OURS)] == [8, 2]


def test_a_run_that_reaches_all_goals_says_so() -> None:
    assert met(a_run()) == [True, True, True]
    assert report(a_run()).count("goal met") == 3


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({"herds": [dataclasses.replace(OURS, starts=[COLD])]}, [False, True, True]),
        ({"warm": dataclasses.replace(WARM, compile_seconds=1.0)}, [True, False, True]),
        ({"warm": dataclasses.replace(WARM, hits=1)}, [True, False, True]),
        ({"restarted": dataclasses.replace(RESTARTED, hits=1)}, [True, True, False]),
        ({"restarted": dataclasses.replace(RESTARTED, requests=0, hits=0)}, [True, True, False]),
    ],
    ids=["a job compiled too", "not 10x", "a miss", "recompiled", "nothing asked"],
)
def test_a_goal_that_is_missed_is_told_with_what_was_seen(
    changes: dict[str, object], reached: list[bool]
) -> None:
    measured = a_run(**changes)
    assert met(measured) == reached
    assert "goal NOT met" in report(measured)


def test_a_run_without_the_cache_judges_only_what_it_saw() -> None:
    assert met(a_run(warm=None, herds=[NONE])) == [True]


@pytest.mark.parametrize(
    ("again", "told"),
    [
        (RESTARTED, ["18.0", "12", "3.50", "3.4", "2/2", "met"]),
        (
            dataclasses.replace(RESTARTED, compile_seconds=1.0),
            ["9.0", "12", "3.50", "3.4", "2/2", "not met"],
        ),
        (dataclasses.replace(RESTARTED, hits=1), ["18.0", "12", "3.50", "3.4", "1/2", "not met"]),
    ],
    ids=["10x", "not 10x", "a miss"],
)
def test_each_size_of_program_has_its_ratio_and_whether_it_meets_the_goal(
    again: Start, told: list[str]
) -> None:
    (row,) = cells(sizes_table([Sized("12 layers, scanned", COLD, again)]))
    assert row[0] == "12 layers, scanned"
    assert row[3:] == told


def test_a_size_says_how_it_is_compiled_in_words_and_in_the_command() -> None:
    commands = [
        jobs.alone("gpt", size).manifest["spec"]["template"]["spec"]["containers"][0]["command"]
        for size in (jobs.Size(4), jobs.Size(4, unrolled=True))
    ]
    assert [command[-2:] for command in commands] == [["--layers", "4"], ["4", "--unroll"]]
    assert str(jobs.Size(4)) == "4 layers, scanned"


def test_starts_have_their_ratios_to_the_cold_one() -> None:
    assert cells(starts_table(a_run())) == [
        ["cold", "16", "12", "9.00", "0/2", "2", "1.0", "1.0"],
        ["restarted in place", "4.00", "3.50", "0.50", "2/2", "0", "3.4", "18.0"],
        ["warm", "6.00", "4.00", "0.60", "2/2", "0", "3.0", "15.0"],
    ]


def test_ways_have_their_ratios_to_the_first() -> None:
    assert cells(herds_table([NONE, OURS])) == [
        ["4, no cache", "60", "90", "8", "9.00", "1.0", "1.0"],
        ["4, ours", "30", "45", "2", "0.60", "2.0", "2.0"],
    ]


def test_the_warmups_share_is_shown() -> None:
    assert "20 s until the jobs' pods were made, 18 CPU seconds" in report(a_run())


def test_a_start_is_read_from_what_the_launcher_says() -> None:
    cache = {"requests": 5, "hits": 1, "firstStepRequests": 2, "firstStepHits": 1, "problem": None}
    times = {"spawned": 103.0, "firstStep": 115.0}
    status = {"cache": cache, "times": times, "compile": {"count": 2, "seconds": 9.0}}
    assert start_of("cold", 100.0, status) == Start("cold", 15.0, 12.0, 9.0, requests=2, hits=1)
    cache.update(firstStepRequests=None, firstStepHits=None)
    assert start_of("cold", 100.0, status).compilations == 4


def test_a_program_is_ended_when_it_has_made_its_first_step_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pods, ended, asked = Pods(), [], Counter[str]()
    for name in ("gpt0", "gpt1"):
        labels = {JAXJOB: name, INDEX: "0"}
        pods.take("ADDED", {"metadata": {"name": name, "uid": name, "labels": labels}}, 1.0)

    def ask(pod: Pod) -> Status:
        asked[pod.name] += 1
        late = pod.name == "gpt0" and asked["gpt0"] < 3
        return {
            "epoch": 1,
            "times": {"spawned": 103.0, "firstStep": None if late else 115.0},
            "cache": {"firstStepRequests": 2, "firstStepHits": 2, "problem": None},
            "compile": {"seconds": 0.5},
        }

    monkeypatch.setattr(starts, "ask", ask)
    monkeypatch.setattr(Starts, "kill_program", lambda _, job: ended.append(job))
    followed = Starts(Kubectl(Path("none")), "bench", pods, give_up_seconds=10.0)
    found = followed.ended_at_first_step(["gpt0", "gpt1"], applied=100.0)
    assert [start.job for start in found] == ["gpt0", "gpt1"]
    assert ended == ["gpt1", "gpt0"]
    assert asked == {"gpt0": 3, "gpt1": 1}


def test_cpu_seconds_are_told_by_job_and_outlive_a_pods_cgroup() -> None:
    pods = Pods()
    for uid, labels in (("a", {JAXJOB: "gpt0", INDEX: "0"}), ("k", {})):
        pods.take("ADDED", {"metadata": {"name": uid, "uid": uid, "labels": labels}}, 1.0)
    used = {"a": 2.0, "k": 0.5}
    meter = Meter(pods, used.get)
    meter.look()
    del used["a"]
    used["k"] = 0.7
    meter.look()
    assert meter.by_owner() == {"gpt0": 2.0, KEEPER: 0.7}


def test_all_ways_are_jaxjobs_with_the_same_program() -> None:
    ways = [way("gpt0", jobs.Size()) for way in (jobs.alone, jobs.on_shared_volume, jobs.warmed)]
    assert len({tuple(job.program["command"]) for job in ways}) == 1
    for job in ways:
        JaxJob.model_validate(job.manifest)
    CompileCache.model_validate(jobs.compile_cache())
    variables = [{entry["name"] for entry in job.program.get("env", [])} for job in ways]
    assert variables == [set(), set(jobs.PLAIN_CACHE), set()]
