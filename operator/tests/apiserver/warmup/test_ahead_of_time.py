"""A Warmup for a TPU that is not there: given how its runs end, then its pods and what it says."""

import json

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.errors import ApiError
from warmup_operator import JAXJOBS, JOBS, WARMUPS, Operator, Played, until

ON_TPU = {"class": "tpu-v5e", "topology": "4x4"}


def program_of(job: Manifest) -> Manifest:
    containers = job["spec"]["template"]["spec"]["containers"]
    found: Manifest = next(c for c in containers if c["name"] == "jax")
    return found


def env_of(job: Manifest) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in program_of(job)["env"]}


async def test_compiled_on_cpu_for_the_jobs_on_the_tpu(
    played: Played, whole_operator: Operator
) -> None:
    await played.a_usable_cache()
    await played.a_warmup(accelerator=ON_TPU, aheadOfTime=True)
    fill = await played.exists(JOBS, "w-fill0-a0-s0")
    assert fill["spec"]["completions"] == 1
    assert "google.com/tpu" not in json.dumps(fill)
    env = env_of(fill)
    assert json.loads(env["JAXRUN_AHEAD_OF_TIME"])["topology"] == "v5e:4x4"
    assert (env["JAXRUN_PLATFORM"], env["JAXRUN_CACHE_OFFERS"]) == ("cpu", "true")

    await played.a_jaxjob("real", accelerator=ON_TPU, compileCache={"name": "team-cache"})
    real = await played.exists(JOBS, "real-a0-s0")
    assert real["spec"]["completions"] == 4
    label = "jaxop.dev/cache-namespace"
    digest = real["metadata"]["labels"][label]
    assert fill["metadata"]["labels"][label] == digest == env["JAXRUN_CACHE_NAMESPACE"]
    assert (await played.status(WARMUPS, "w"))["cacheNamespace"] == digest


async def test_ready_and_not_verified(played: Played, operator: Operator) -> None:
    await played.a_usable_cache()
    await played.a_warmup(accelerator=ON_TPU, aheadOfTime=True)
    await played.exists(JAXJOBS, "w-fill0")
    await played.succeeds("w-fill0", requests=3, hits=0, offered=3)
    await played.reaches(WARMUPS, "w", "Publishing")
    played.keeper_saw("w-fill0", published=3)
    verify = await played.exists(JAXJOBS, "w-verify0")
    assert verify["spec"]["accelerator"]["class"] == "cpu"
    assert "jaxop.dev/ahead-of-time" in verify["metadata"]["annotations"]
    await played.succeeds("w-verify0", requests=3, hits=1, not_loadable=2)
    status = await played.reaches(WARMUPS, "w", "Ready", "CompiledNotVerified")
    assert status["message"].startswith("2 programs are compiled for devices that were not there")
    assert "not verified" in status["message"]
    found = status["verification"]
    assert (found["summary"], found["hits"], found["notLoadable"]) == ("3/3", 1, 2)


async def test_a_class_that_cannot_be_compiled_for(played: Played, operator: Operator) -> None:
    await played.a_usable_cache()
    await played.a_warmup(aheadOfTime=True)
    status = await played.reaches(WARMUPS, "w", "Pending", "InvalidSpec")
    assert status["message"].startswith("spec.aheadOfTime: AcceleratorClass cpu does not say how")
    assert await played.names(JAXJOBS) == []


async def test_it_cannot_change(played: Played, operator: Operator) -> None:
    await played.a_warmup(accelerator=ON_TPU)

    async def is_taken_up() -> bool:
        return bool(await played.status(WARMUPS, "w"))

    await until("the operator has seen it", is_taken_up)
    with pytest.raises(ApiError, match="cannot change after creation"):
        await played.client.patch(
            WARMUPS, played.namespace, "w", {"spec": {"aheadOfTime": True}}, manager="test"
        )
