"""A Warmup on a real API server: given how its JaxJobs end, then state, objects and events."""

from warmup_operator import COMPILECACHES, JAXJOBS, WARMUPS, Operator, Played, until


async def test_from_creation_to_ready(played: Played, operator: Operator) -> None:
    await played.a_usable_cache()
    await played.a_warmup()
    fill = await played.exists(JAXJOBS, "w-fill0")
    (owner,) = fill["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Warmup", "w")
    assert fill["metadata"]["labels"]["jaxop.dev/warmup-run"] == "Fill"
    await played.runs("w-fill0")

    async def says_so() -> bool:
        status = await played.status(WARMUPS, "w")
        return bool(status["message"] == "JaxJob w-fill0 is Running: the process runs")

    await until("its JaxJob's own words", says_so)
    await played.succeeds("w-fill0", requests=12, hits=0, offered=12)
    await played.reaches(WARMUPS, "w", "Publishing")
    played.keeper_is_down()
    await played.reaches(WARMUPS, "w", "Publishing", "KeeperSilent")
    played.keeper_saw("w-fill0", published=12)
    await played.reaches(WARMUPS, "w", "Verifying")
    await played.exists(JAXJOBS, "w-verify0")
    await played.succeeds("w-verify0", requests=12, hits=12)
    status = await played.reaches(WARMUPS, "w", "Ready", "Verified")
    assert status["verification"]["summary"] == "12/12"
    assert (status["entries"], status["bytes"], status["compileSeconds"]) == (12, 108, 7.5)

    async def are_gone() -> bool:
        return await played.names(JAXJOBS) == []

    await until("its JaxJobs are deleted", are_gone)
    assert await story(played) == [
        *("Normal Compiling", "Normal Publishing", "Normal Verifying", "Normal Ready")
    ]


async def story(played: Played) -> list[str]:
    """What is told of Warmup `w`; news that its CompileCache can be used may come later."""
    told = await played.events("w")
    return [event for event in told if event != "Normal CompileCacheNotUsable"]


async def ready(played: Played, **spec: object) -> str:
    """Warmup `w`, which has published 12 entries; the digest of its cache namespace."""
    await played.a_usable_cache()
    await played.a_warmup(**spec)
    await played.exists(JAXJOBS, "w-fill0")
    await played.succeeds("w-fill0", requests=12, hits=0, offered=12)
    await played.reaches(WARMUPS, "w", "Publishing")
    digest: str = (await played.status(WARMUPS, "w"))["cacheNamespace"]
    await played.keeper_has(digest, entries=12)
    played.keeper_saw("w-fill0", published=12)
    await played.exists(JAXJOBS, "w-verify0")
    await played.succeeds("w-verify0", requests=12, hits=12)
    await played.reaches(WARMUPS, "w", "Ready", "Verified")
    return digest


async def test_what_it_has_published_is_evicted(played: Played, operator: Operator) -> None:
    await ready(played)
    operator.time_passes(60)
    await played.keeper_has(None, more=300)

    async def is_idle() -> bool:
        return operator.loop.queue.idle

    await until("it was looked at again", is_idle)
    await played.reaches(WARMUPS, "w", "Ready")
    await played.keeper_has(None)
    status = await played.reaches(WARMUPS, "w", "Evicted", "Evicted")
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert conditions == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
    assert (await played.events("w"))[-1] == "Warning Evicted"


async def test_evicted_it_goes_if_it_would_go_anyway(played: Played, operator: Operator) -> None:
    digest = await ready(played, ttlSecondsAfterFinished=86400)
    operator.time_passes(60)
    await played.keeper_has(digest, entries=11)

    async def is_gone() -> bool:
        return await played.get(WARMUPS, "w") is None

    await until("it is deleted", is_gone)


async def test_tries_are_bounded_and_what_failed_is_kept(
    played: Played, operator: Operator
) -> None:
    await played.a_usable_cache()
    await played.a_warmup(maxRetries=1)
    for job in ("w-fill0", "w-fill1"):
        await played.exists(JAXJOBS, job)
        await played.fails(job, "ProgramError", "the process exited with code 3")
    status = await played.reaches(WARMUPS, "w", "Failed", "RunFailed")
    assert status["message"] == (
        "JaxJob w-fill1 failed (ProgramError): the process exited with code 3 "
        "(all 2 tries are used)"
    )
    assert await played.names(JAXJOBS) == ["w-fill0", "w-fill1"]
    assert await story(played) == [*("Normal Compiling", "Warning Retrying", "Warning Failed")]


async def test_it_waits_for_its_cache(played: Played, operator: Operator) -> None:
    await played.a_warmup()
    await played.reaches(WARMUPS, "w", "Pending", "CompileCacheNotFound")
    await played.create(COMPILECACHES, "team-cache", storage={"claimName": "nfs"})
    await played.reaches(WARMUPS, "w", "Pending", "CompileCacheNotUsable")
    assert await played.names(JAXJOBS) == []
    await played.patch(COMPILECACHES, "team-cache", {"usable": True, "claimName": "nfs"})
    await played.exists(JAXJOBS, "w-fill0")


async def test_of_many_at_once_one_fills_and_the_others_find_it_filled(
    played: Played, operator: Operator
) -> None:
    await played.a_usable_cache()
    names = [f"w{number}" for number in range(5)]
    for name in names:
        await played.a_warmup(name)
    done: set[str] = set()
    while len(done) < len(names):

        async def one_is_made() -> set[str]:
            return set(await played.names(JAXJOBS)) - {f"{name}-fill0" for name in done}

        made = await until("the next fill is made", one_is_made)
        assert len(made) == 1, "one at a time"
        (job,) = made
        states = [(await played.status(WARMUPS, n)).get("state") for n in names]
        assert states.count("Compiling") <= 1
        await played.succeeds(job, requests=3, hits=3)
        name = job.removesuffix("-fill0")
        await played.reaches(WARMUPS, name, "Ready", "FoundFilled")
        done.add(name)


async def test_it_goes_when_its_time_is_over(played: Played, operator: Operator) -> None:
    await played.a_usable_cache()
    await played.a_warmup(ttlSecondsAfterFinished=0)
    await played.exists(JAXJOBS, "w-fill0")
    await played.succeeds("w-fill0", requests=1, hits=1)

    async def is_gone() -> bool:
        return await played.get(WARMUPS, "w") is None

    await until("it is deleted", is_gone)


async def test_a_settled_one_is_written_no_more(played: Played, operator: Operator) -> None:
    await played.a_usable_cache()
    await played.a_warmup()
    await played.exists(JAXJOBS, "w-fill0")
    await played.fails("w-fill0", "Deadline", "ran for 60 s")
    await played.exists(JAXJOBS, "w-fill1")

    async def is_idle() -> bool:
        return operator.loop.queue.idle

    await until("nothing is left to do", is_idle)
    before = await played.get(WARMUPS, "w")
    await played.patch(COMPILECACHES, "team-cache", {"entries": 5})
    await until("it was looked at again", is_idle)
    assert await played.get(WARMUPS, "w") == before
