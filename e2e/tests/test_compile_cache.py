"""Compiled once, warm everywhere: what a CompileCache does for jobs, and what harms it does not."""

from e2e.tests.compile_caches import (
    a_compile_cache,
    damage_every_blob,
    keeper_of,
    status_of,
    wait_for_entries,
    wait_for_repairs,
    wait_for_warmup,
    wait_until_published,
    wait_until_ready,
)
from e2e.tests.jaxjobs import JaxJobBuilder, a_jaxjob
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, Seen, eventually

OWN_FUNCTIONS = 3
"""Of the program compiles.py; JAX may compile some more for it."""
GOES_ON_FOR_STEPS = 20
SAYS_WITHIN_SECONDS = 20.0


def a_compiling_job(name: str = "job", *args: str) -> JaxJobBuilder:
    return a_jaxjob(name).on("cpu", hosts=1).running("compiles.py", *args)


def test_jobs_that_ask_at_once_wait_for_one_warmup_and_all_start_warm(
    namespace: Namespace,
) -> None:
    namespace.apply(a_compile_cache())
    cache = wait_until_ready(namespace)
    assert cache["usable"]
    claim = namespace.get("persistentvolumeclaim", cache["claimName"])
    assert claim["status"]["phase"] == "Bound"

    asks = [a_compiling_job(name).with_compile_cache(warmup="Wait") for name in ("one", "two")]
    namespace.apply(*asks)
    for job in asks:
        status = namespace.wait_for_reason("WaitingForWarmup", "Warmup ", job.name)
        assert status["state"] == "Pending"
        assert namespace.pods(job.name) == []

    warmup = wait_for_warmup(namespace)
    warmed = warmup["status"]
    assert warmed["entries"] >= OWN_FUNCTIONS
    assert warmed["bytes"] > 0
    assert warmed["compileSeconds"] > 0
    verified = warmed["verification"]
    assert verified["hits"] == verified["requests"] >= OWN_FUNCTIONS
    assert verified["summary"] == f"{verified['hits']}/{verified['hits']}"
    cache = wait_for_entries(namespace, warmed["entries"])
    assert [each["digest"] for each in cache["namespaces"]] == [warmed["cacheNamespace"]]

    for job in asks:
        status = succeeded(namespace, job.name, "Warm")
        assert reasons_of(status)[0] == "WaitingForWarmup"
        found_all(status, warmed["cacheNamespace"])

    namespace.apply(a_compiling_job("later").with_compile_cache(warmup="Wait"))
    status = succeeded(namespace, "later", "Warm")
    assert "WaitingForWarmup" not in reasons_of(status)
    found_all(status, warmed["cacheNamespace"])
    assert wait_for_warmup(namespace)["metadata"]["uid"] == warmup["metadata"]["uid"]


def test_damage_to_every_entry_changes_nothing_for_who_reads_and_is_repaired(
    namespace: Namespace,
) -> None:
    namespace.apply(a_compile_cache(writers="Jobs"))
    wait_until_ready(namespace)
    entries = filled_by_a_job(namespace)

    reads = a_compiling_job("reader", "--hold").with_compile_cache().with_restarts(1)
    namespace.apply(reads)
    reader = stepping_gang(namespace, "reader")
    assert reader["cache"]["hits"] == reader["cache"]["linked"] == entries
    (pod,) = namespace.pods("reader")
    assert namespace.exec(pod, "test -w /jaxop-cache/published || echo read-only") == "read-only\n"

    assert damage_every_blob(namespace) == entries

    stepping_gang(namespace, "reader", steps=reader["step"] + GOES_ON_FOR_STEPS)
    namespace.apply(a_compiling_job("later").with_compile_cache())
    later = succeeded(namespace, "later", "Cold")["compilation"]
    assert (later["requests"], later["hits"], later["readErrors"]) == (entries, 0, 0)
    assert f"{entries} published entries were refused" in later["problem"]

    cache = wait_for_repairs(namespace, entries)
    assert (cache["state"], cache["entries"]) == ("Ready", entries)
    namespace.kill_program(pod)
    again = stepping_gang(namespace, "reader", epoch=2)["cache"]
    assert (again["hits"], again["linked"], again["refused"]) == (entries, entries, 0)
    namespace.let_go("reader")
    status = succeeded(namespace, "reader", "Warm")
    assert (status["attempt"], status["restarts"]) == (0, 1)
    found_all(status, namespace.status("first")["compilation"]["cacheNamespace"])


def test_jobs_start_warm_while_the_keeper_is_away(namespace: Namespace) -> None:
    namespace.apply(a_compile_cache(writers="Jobs"))
    wait_until_ready(namespace)
    filled_by_a_job(namespace)
    digest = namespace.status("first")["compilation"]["cacheNamespace"]
    old = keeper_of(namespace)["metadata"]
    namespace.run("delete", "pod", old["name"], "--force", "--grace-period=0", "--wait=false")
    namespace.apply(a_compiling_job().with_compile_cache())

    def back() -> Seen | str:
        status = status_of(namespace)
        assert status["usable"]
        assert status["state"] in ("Ready", "Degraded")
        new = keeper_of(namespace)["metadata"]["uid"] != old["uid"]
        return status if new and status["state"] == "Ready" else f"{status}"

    eventually("another keeper is ready", back, COMES_WITHIN_SECONDS)
    found_all(succeeded(namespace, "job", "Warm"), digest)


def test_without_the_cache_that_it_names_a_job_starts_cold_and_a_restart_recompiles_nothing(
    namespace: Namespace,
) -> None:
    job = a_compiling_job("job", "--hold").with_compile_cache("nowhere", warmup="Wait")
    namespace.apply(job.with_restarts(1))
    first = stepping_gang(namespace)["cache"]
    assert (first["hits"], first["linked"]) == (0, 0)
    assert first["requests"] >= OWN_FUNCTIONS
    status = namespace.wait_until("says how it started", lambda s: start_of(s) is not None)
    told = status["compilation"]
    assert (told["hits"], told["start"]) == (0, "Cold")
    assert "CompileCache nowhere does not exist" in told["problem"]
    assert "cacheNamespace" not in told

    (pod,) = namespace.pods()
    namespace.kill_program(pod)
    again = stepping_gang(namespace, epoch=2)["cache"]
    assert again["hits"] == again["requests"] == first["requests"]
    namespace.let_go()
    status = succeeded(namespace, "job", "Warm")
    assert (status["attempt"], status["restarts"]) == (0, 1)


def filled_by_a_job(namespace: Namespace) -> int:
    """How many entries the cache has now."""
    namespace.apply(a_compiling_job("first").with_compile_cache())
    entries = int(succeeded(namespace, "first", "Cold")["compilation"]["requests"])
    assert entries >= OWN_FUNCTIONS
    wait_until_published(namespace, entries)
    return entries


def succeeded(namespace: Namespace, jaxjob: str, start: str) -> Seen:
    """The status with its last words, which may come after its end."""
    namespace.wait_for("Succeeded", jaxjob)

    def told() -> Seen | str:
        status = namespace.status(jaxjob)
        return status if start_of(status) == start else f"{status.get('compilation')}"

    return eventually(f"{jaxjob} has started {start}", told, SAYS_WITHIN_SECONDS)


def stepping_gang(
    namespace: Namespace, jaxjob: str = "job", epoch: int = 1, steps: int = 1
) -> Seen:
    """What the launcher of process 0 says once this epoch's program steps, and the job has taken so
    many steps, earlier epochs included."""

    def seen() -> Seen | str:
        gang = namespace.gang(jaxjob)
        stepped = gang is not None and gang["epoch"] == epoch and gang["firstStepSeconds"]
        if stepped and gang is not None and (gang["step"] or 0) >= steps:
            return gang
        return f"{gang}"

    what = f"step {steps} in epoch {epoch} of {jaxjob}"
    return eventually(what, seen, COMES_WITHIN_SECONDS)


def found_all(status: Seen, digest: str) -> None:
    told = status["compilation"]
    assert told["hits"] == told["requests"] >= OWN_FUNCTIONS, told
    assert told["summary"] == f"{told['hits']}/{told['requests']}"
    assert (told["start"], told["readErrors"]) == ("Warm", 0)
    assert "(warm" in told["firstStep"]
    assert told["cacheNamespace"] == digest
    assert "problem" not in told


def start_of(status: Seen) -> str | None:
    start: str | None = status.get("compilation", {}).get("start")
    return start


def reasons_of(status: Seen) -> list[str]:
    return [entry["reason"] for entry in status["timeline"]]
