"""Many JaxJobs that want the same program compiled: one Warmup, one fill, and then all start."""

from typing import Any

import pytest
from warmup_operator import JAXJOBS, JOBS, WARMUPS, Operator, Played, until

HERD = 50
WAIT = {"name": "team-cache", "warmup": "Wait"}


async def the_warmup(played: Played) -> str:
    async def asked_for() -> list[str]:
        return await played.names(WARMUPS)

    (name,) = await until("a Warmup is asked for", asked_for)
    return str(name)


async def test_many_at_once_make_one_warmup_and_one_fill(
    played: Played, whole_operator: Operator
) -> None:
    await played.a_usable_cache()
    names = [f"job{number}" for number in range(HERD)]
    for name in names:
        await played.a_jaxjob(name, compileCache=WAIT)
    for name in names:
        await played.reaches(JAXJOBS, name, "Pending", "WaitingForWarmup")
    warmup = await the_warmup(played)
    fill = f"{warmup}-fill0"
    await played.exists(JOBS, f"{fill}-a0-s0")
    assert sorted(set(await played.names(JAXJOBS)) - set(names)) == [fill]
    assert await played.names(JOBS) == [f"{fill}-a0-s0"], "nobody else has pods"

    async def all_say_how_it_stands() -> bool:
        said = {(await played.status(JAXJOBS, name))["message"] for name in names[:3]}
        assert len(said) == 1, said
        (message,) = said
        return f"waits for Warmup {warmup}, which is Compiling: JaxJob {fill}" in message

    await until("they say how it stands", all_say_how_it_stands)
    assert await played.events("job0") == ["Normal WaitingForWarmup"]
    await played.succeeds(fill, requests=3, hits=3)
    await played.reaches(WARMUPS, warmup, "Ready")
    for name in names:
        job = await played.exists(JOBS, f"{name}-a0-s0")
        assert job["metadata"]["labels"]["jaxop.dev/compile-cache"] == "team-cache"
    digests = {
        (await played.status(JAXJOBS, name))["compilation"]["cacheNamespace"] for name in names
    }
    assert digests == {(await played.status(WARMUPS, warmup))["cacheNamespace"]}
    assert await played.names(WARMUPS) == [warmup]
    owners = (await played.exists(WARMUPS, warmup))["metadata"]["ownerReferences"]
    assert [(o["kind"], o.get("controller")) for o in owners] == [("CompileCache", None)]


async def test_a_job_is_not_told_of_a_warmth_that_has_been_evicted(
    played: Played, whole_operator: Operator
) -> None:
    await played.a_usable_cache()
    await played.a_jaxjob("first", compileCache=WAIT)
    warmup = await the_warmup(played)
    await played.exists(JAXJOBS, f"{warmup}-fill0")
    await played.succeeds(f"{warmup}-fill0", requests=3, hits=3)
    status = await played.reaches(WARMUPS, warmup, "Ready")
    await played.exists(JOBS, "first-a0-s0")
    await played.keeper_has(status["cacheNamespace"], entries=3)
    whole_operator.time_passes(60)
    await played.keeper_has(None)

    async def is_gone() -> bool:
        return await played.get(WARMUPS, warmup) is None

    await until("the Warmup is deleted", is_gone)
    await played.a_jaxjob("second", compileCache=WAIT)
    await played.exists(WARMUPS, warmup)
    await played.reaches(JAXJOBS, "second", "Pending", "WaitingForWarmup")
    await played.exists(JAXJOBS, f"{warmup}-fill0")
    assert "second-a0-s0" not in await played.names(JOBS)


@pytest.mark.parametrize(("on_failure", "state"), [("StartCold", "Scheduling"), ("Fail", "Failed")])
async def test_when_it_has_failed(
    played: Played, whole_operator: Operator, on_failure: str, state: str
) -> None:
    await played.a_usable_cache()
    await played.a_jaxjob("job", compileCache={**WAIT, "onWarmupFailure": on_failure})
    warmup = await the_warmup(played)
    for number in range(3):
        fill = f"{warmup}-fill{number}"
        await played.exists(JAXJOBS, fill)
        await played.fails(fill, "ProgramError", "it broke")
    await played.reaches(WARMUPS, warmup, "Failed")
    status = await played.reaches(JAXJOBS, "job", state)
    told: dict[str, Any] = status.get("compilation") or {}
    assert "it broke" in str(told.get("problem") or status["message"])
    has_pods = "job-a0-s0" in await played.names(JOBS)
    assert has_pods is (on_failure == "StartCold")


async def test_a_cache_that_is_not_there_holds_nobody_for_long(
    played: Played, whole_operator: Operator
) -> None:
    await played.a_jaxjob("job", compileCache=WAIT)
    status = await played.reaches(JAXJOBS, "job", "Scheduling")
    assert status["compilation"]["problem"] == (
        "CompileCache team-cache does not exist; compiled without it"
    )
    assert await played.names(WARMUPS) == []
