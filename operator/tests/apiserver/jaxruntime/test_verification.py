"""A JaxRuntime against a real API server, Job controller and garbage collector."""

from jaxop.kube.resources import JAXJOBS, JAXRUNTIMES, JOBS
from runtime_play import IMAGE, OTHER_IMAGE, RuntimePlay


async def test_from_a_pod_to_verified_once_and_for_all(play: RuntimePlay) -> None:
    await play.runtime(accelerators=["cpu"], jax="0.12")
    async with play.operating():
        pod = await play.pod()
        await play.state("Verifying", "1 of 1 pods cannot be scheduled")
        await play.ends(pod)
        status = await play.state("Verified", "jax 0.12.0.1, jaxlib 0.12.0 and Python 3.13.5")
        assert [(f["accelerator"], f["state"]) for f in status["found"]] == [("cpu", "Verified")]
        await play.no_jobs()
        assert [e for e in await play.events() if "Verified" in e] == [
            "Normal Verified: jax 0.12.0.1, jaxlib 0.12.0 and Python 3.13.5 on cpu"
        ]
        play.wire.sent.clear()
        await play.look_again()
        assert play.wire.writes() == []
    play.wire.sent.clear()
    async with play.operating():  # nor does another process verify anything
        await play.state("Verified")
        assert play.wire.writes() == []


async def test_another_image_replaces_the_job_and_the_result(play: RuntimePlay) -> None:
    await play.runtime(accelerators=["cpu"])
    async with play.operating():
        first = (await play.pod())["metadata"]["labels"]["job-name"]
        await play.change(image=OTHER_IMAGE)
        await play.state("Verifying")
        (second,) = await play.jobs()
        assert first != second
        await play.ends(await play.pod(second), jaxlib="0.10.2")
        await play.state("Verified")
        await play.change(jaxlib="0.12")
        await play.state("Mismatch", "cpu: jaxlib: expected 0.12, found 0.10.2")
        assert await play.jobs() == [], "what was found there is known"
        assert "Warning Mismatch: cpu: jaxlib: expected 0.12, found 0.10.2" in await play.events()
        await play.change(image=IMAGE)
        await play.state("Verifying")


async def test_the_job_of_a_jax_that_cannot_be_imported_fails_at_once(play: RuntimePlay) -> None:
    await play.runtime(accelerators=["cpu"])
    async with play.operating():
        pod = await play.pod()
        nothing = {"jax": None, "jaxlib": None, "platform": None}
        await play.ends(pod, 1, **nothing, error="ImportError: libcudart.so.13")
        await play.state("Failed", "cpu: ImportError: libcudart.so.13")
        await play.no_jobs()


async def test_an_image_that_cannot_be_pulled(play: RuntimePlay) -> None:
    await play.runtime(accelerators=["cpu"])
    async with play.operating():
        pod = await play.pod()
        waiting = {"reason": "ErrImagePull", "message": "not found"}
        await play.report(pod, "Pending", {"waiting": waiting})
        await play.state("Failed", f"cpu: image {IMAGE} cannot be pulled (not found)")
        await play.ends(pod)
        await play.state("Verified")


async def test_a_jobs_class_is_verified_while_the_job_is_there(play: RuntimePlay) -> None:
    await play.runtime()
    program = {"name": "jax", "image": "team/digits:1", "command": ["python", "-m", "train"]}
    spec = {
        "accelerator": {"class": "nvidia-l4", "chipsPerHost": 8},
        "runtime": play.name,
        "template": {"spec": {"containers": [program]}},
    }
    async with play.operating():
        await play.state("Unused")
        assert await play.jobs() == []
        metadata = {"name": "digits", "namespace": play.namespace}
        await play.create(JAXJOBS, {"metadata": metadata, "spec": spec})
        await play.state("Verifying", "nvidia-l4: ")
        pod = await play.pod()
        limits = pod["spec"]["containers"][0]["resources"]["limits"]
        assert limits == {"nvidia.com/gpu": "1"}
        await play.client.delete(JAXJOBS, play.namespace, "digits")
        await play.state("Unused")
        await play.no_jobs()


async def test_its_jobs_go_with_it(play: RuntimePlay) -> None:
    await play.runtime(accelerators=["cpu"])
    async with play.operating():
        await play.pod()
        await play.state("Verifying", "cannot be scheduled")
    await play.client.delete(JAXRUNTIMES, "", play.name)
    await play.no_jobs()


async def test_somebody_elses_job_is_not_touched(play: RuntimePlay) -> None:
    await play.runtime(accelerators=["cpu"])
    async with play.operating():
        (name,) = await _jobs_made(play)
    await play.client.delete(JAXRUNTIMES, "", play.name)
    await play.no_jobs()
    container = {"name": "a", "image": "b"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    metadata = {"name": name, "namespace": play.namespace}
    await play.create(JOBS, {"metadata": metadata, "spec": {"template": template}})
    await play.runtime(accelerators=["cpu"])
    async with play.operating():
        status = await play.state("Failed", "exists already and it was made by somebody else")
        assert [c["status"] for c in status["conditions"] if c["type"] == "Stalled"] == ["True"]
    assert await play.jobs() == [name]


async def _jobs_made(play: RuntimePlay) -> list[str]:
    await play.pod()
    return await play.jobs()
