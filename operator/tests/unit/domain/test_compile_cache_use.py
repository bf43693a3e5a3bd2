"""What a job's pods have of a CompileCache, and what the status says of it."""

import pytest
from building import NOW, World, a_jaxjob
from caching import a_cache, a_warmup, an_unusable_cache
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import CompileCache
from jaxop.api.v1alpha1.labels import CACHE_NAMESPACE, COMPILE_CACHE, WARMUP_RUN
from jaxop.domain.jaxjob import decide
from test_jaxjob_children import env_of, job_of, pod_of, program_of

LOCAL = {"name": "jaxop-cache-local", "mountPath": "/jaxop-cache/local"}
PUBLISHED = {
    "name": "jaxop-cache",
    "mountPath": "/jaxop-cache/published",
    "subPath": "published",
    "readOnly": True,
}
STAGING = {"name": "jaxop-cache", "mountPath": "/jaxop-cache/staging", "subPath": "staging"}


def with_cache(cache: CompileCache | None) -> World:
    return a_jaxjob().spec(compileCache={"name": "team-cache"}).seeing(compile_cache=cache)


def mounts_of(world: World, slice_index: int = 0) -> list[Manifest]:
    mounts = program_of(world, slice_index)["volumeMounts"]
    return [mount for mount in mounts if mount["mountPath"].startswith("/jaxop-cache")]


def compilation(world: World) -> Manifest:
    """Of the status after this look."""
    status = decide(world.snapshot(), NOW).status or world.manifest["status"]
    found: Manifest = status.get("compilation") or {}
    return found


def test_a_private_directory_always() -> None:
    assert mounts_of(a_jaxjob()) == [LOCAL]
    assert {"name": "jaxop-cache-local", "emptyDir": {}} in pod_of(a_jaxjob())["spec"]["volumes"]
    assert compilation(a_jaxjob()) == {}


def test_what_is_published_read_only() -> None:
    world = with_cache(a_cache())
    assert mounts_of(world) == [LOCAL, PUBLISHED]
    claim = {"persistentVolumeClaim": {"claimName": "nfs"}}
    assert {"name": "jaxop-cache", **claim} in pod_of(world)["spec"]["volumes"]
    digest = env_of(world)["JAXRUN_CACHE_NAMESPACE"]
    assert len(digest) == 16
    assert "JAXRUN_CACHE_OFFERS" not in env_of(world)
    for labels in (job_of(world)["metadata"]["labels"], pod_of(world)["metadata"]["labels"]):
        assert (labels[COMPILE_CACHE], labels[CACHE_NAMESPACE]) == ("team-cache", digest)
    assert compilation(world)["cacheNamespace"] == digest
    assert "problem" not in compilation(world)


class TestOffers:
    def test_of_any_job_where_all_are_trusted(self) -> None:
        world = with_cache(a_cache(writers="Jobs"))
        assert mounts_of(world) == [LOCAL, PUBLISHED, STAGING]
        assert env_of(world)["JAXRUN_CACHE_OFFERS"] == "true"

    @pytest.mark.parametrize(("run", "offers"), [("Fill", True), ("Verify", False)])
    @pytest.mark.parametrize("writers", ["Warmups", "Jobs"])
    def test_of_a_warmup_only_the_fill(self, run: str, offers: bool, writers: str) -> None:
        cache = a_cache(writers=writers)
        world = with_cache(cache).metadata(labels={WARMUP_RUN: run})
        assert (STAGING in mounts_of(world)) is offers
        assert env_of(world)["JAXRUN_WARMUP"] == run

    def test_of_process_0_whose_slice_is_the_first(self) -> None:
        world = with_cache(a_cache(writers="Jobs")).with_slices(2)
        assert STAGING in mounts_of(world, 0)
        assert mounts_of(world, 1) == [LOCAL, PUBLISHED]
        assert "JAXRUN_CACHE_OFFERS" not in env_of(world, 1)

    def test_a_warmups_run_stops_after_its_first_step_also_without_the_cache(self) -> None:
        world = with_cache(None).metadata(labels={WARMUP_RUN: "Fill"})
        assert env_of(world)["JAXRUN_WARMUP"] == "Fill"


@pytest.mark.parametrize(
    ("cache", "problem"),
    [
        (None, "CompileCache team-cache does not exist; compiled without it"),
        (
            an_unusable_cache(),
            "CompileCache team-cache cannot be used yet (Starting: its keeper starts); "
            "compiled without it",
        ),
    ],
)
def test_without_it_the_job_starts_all_the_same(cache: CompileCache | None, problem: str) -> None:
    world = with_cache(cache)
    assert mounts_of(world) == [LOCAL]
    assert "JAXRUN_CACHE_NAMESPACE" not in env_of(world)
    assert CACHE_NAMESPACE not in job_of(world)["metadata"]["labels"]
    assert compilation(world) == {**compilation(world), "problem": problem}


def test_what_is_said_stays_true_of_pods_that_exist() -> None:
    world = with_cache(None)
    started = world.after(decide(world.snapshot(), NOW)).seeing(compile_cache=a_cache())
    plan = decide(started.snapshot(), NOW)
    assert [child["kind"] for child in plan.apply] == ["Service"], "an existing Job stays"
    assert compilation(started)["problem"].endswith("does not exist; compiled without it")
    assert "cacheNamespace" not in compilation(started)


def test_why_is_written_at_once() -> None:
    """When the Jobs exist nobody else knows it any more."""
    world = with_cache(None).status(state="Pending", observedGeneration=1).seen_at(NOW)
    status = decide(world.snapshot(), NOW).status
    assert status is not None
    assert status["compilation"]["problem"]


def test_that_it_was_without_is_also_known_after_a_crash() -> None:
    """The Jobs were made, and nothing was written."""
    world = with_cache(a_cache()).with_jobs()
    assert compilation(world)["problem"] == (
        "CompileCache team-cache could not be used when the pods were made"
    )
    made = with_cache(None).with_jobs(cache_namespace="0123456789abcdef")
    assert compilation(made)["cacheNamespace"] == "0123456789abcdef"
    assert "problem" not in compilation(made)


def test_the_next_attempt_uses_what_there_is_then() -> None:
    world = with_cache(a_cache()).status(
        state="Restarting", attempt=1, compilation={"problem": "compiled without it"}
    )
    assert "cacheNamespace" in compilation(world)
    assert "problem" not in compilation(world)


def test_a_cold_start_after_a_failed_warmup_is_told() -> None:
    failed = a_warmup(state="Failed", message="JaxJob x-fill0 failed")
    world = with_cache(a_cache()).seeing(warmup=failed)
    assert compilation(world)["problem"] == (
        "Warmup team-cache-0 failed (JaxJob x-fill0 failed); started cold"
    )
