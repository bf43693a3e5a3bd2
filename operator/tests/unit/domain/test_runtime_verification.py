"""A JaxRuntime, from a pod on each accelerator in use to what the status says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from jaxop.domain.jaxjob.views import ContainerWaiting, NodeView, PodView
from jaxop.domain.runtime import refused
from jaxop.domain.runtime.decide import decide
from runtimes import IMAGE, NOW, OTHER_IMAGE, World, a_runtime, ended, said


def names(world: World) -> list[str]:
    return [job.name for job in world.jobs]


def conditions(world: World) -> dict[str, str]:
    return {c["type"]: c["status"] for c in world.status["conditions"]}


def found(world: World) -> dict[str, tuple[str, str]]:
    return {f["accelerator"]: (f["state"], f["message"]) for f in world.status["found"]}


# what is in use


def test_what_nobody_uses_has_no_pods() -> None:
    world = a_runtime().settled()
    assert world.jobs == ()
    assert world.state == (
        "Unused: spec.accelerators is empty, and no unfinished JaxJob or Warmup names it: nothing "
        "is verified"
    )
    assert conditions(world) == {"Reconciling": "False", "Stalled": "False"}


def test_a_job_for_each_class_of_the_spec_and_of_jobs() -> None:
    world = a_runtime().on("cpu", "nvidia-l4").used_on("cpu", "tpu-v5e").settled()
    assert [name.rpartition("-")[0] for name in names(world)] == [
        "jax-0-12-cpu",
        "jax-0-12-nvidia-l4",
        "jax-0-12-tpu-v5e",
    ]
    assert world.status["state"] == "Verifying"
    assert conditions(world) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}


@pytest.mark.parametrize(
    ("name", "limits", "selector"),
    [
        ("cpu", None, None),
        ("nvidia-l4", {"nvidia.com/gpu": "1"}, None),
        ("nvidia-gb200", {"nvidia.com/gpu": "1"}, None),
        ("tpu-v5e", {"google.com/tpu": "1"}, "1x1"),
        ("tpu-v4", {"google.com/tpu": "4"}, "2x2x1"),
        ("tpu-7x", {"google.com/tpu": "1"}, "1x1x1"),
    ],
)
def test_the_least_of_the_class_is_asked_for(
    name: str, limits: dict[str, str] | None, selector: str | None
) -> None:
    (job,) = a_runtime().on(name).decide().apply
    pod = job["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"].get("limits") == limits
    topology = pod.get("nodeSelector", {}).get("cloud.google.com/gke-tpu-topology")
    assert topology == selector


# a pod has found something


def test_what_is_as_the_spec_says() -> None:
    world = a_runtime().on("cpu").with_spec(jax="0.12", jaxlib="0.12.0", python="3.13").settled()
    world = world.pod(ended(said()))
    plan = world.decide()
    assert [e.reason for e in plan.events] == ["Verified"]
    assert plan.delete == (), "its Job goes only when the status has the result"
    world = world.settled()
    assert world.jobs == ()
    assert world.state == "Verified: jax 0.12.0.1, jaxlib 0.12.0 and Python 3.13.5 on cpu"
    assert conditions(world) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
    (entry,) = world.status["found"]
    assert entry["compression"] == "zstandard"
    assert entry["time"] == "2026-11-21T12:00:00Z"


@pytest.mark.parametrize(
    ("name", "spec", "saw", "message"),
    [
        ("cpu", {"jax": "0.1"}, {}, "jax: expected 0.1, found 0.12.0.1"),
        ("cpu", {"jaxlib": "0.12"}, {"jaxlib": "0.10.2"}, "jaxlib: expected 0.12, found 0.10.2"),
        (
            "cpu",
            {"jax": "0.11", "python": "3.12"},
            {},
            "jax: expected 0.11, found 0.12.0.1; python: expected 3.12, found 3.13.5",
        ),
        ("cpu", {"cuda": "12.8", "libtpu": "0.0.30"}, {}, ""),
        ("cpu", {"jax": "0.12"}, {"jax": "0.12.1+cuda"}, ""),
        ("nvidia-l4", {"cuda": "13.0"}, {}, "platform: expected cuda, found cpu"),
        (
            "nvidia-l4",
            {"cuda": "13"},
            {"platform": "cuda", "platformVersion": "12.8"},
            "cuda: expected 13, found 12.8",
        ),
        ("nvidia-l4", {"cuda": "12"}, {"platform": "cuda", "platformVersion": "12.8"}, ""),
        (
            "tpu-v4",
            {"libtpu": "0.0.30"},
            {"platform": "tpu", "platformVersion": "0.0.29", "devices": 4},
            "libtpu: expected 0.0.30, found 0.0.29",
        ),
        (
            "tpu-v4",
            {"libtpu": "0.0.30"},
            {"platform": "tpu", "platformVersion": "TFRT TPU v4", "devices": 4},
            "",
        ),
        ("tpu-v4", {}, {"platform": "tpu", "devices": 1}, "devices: expected 4, found 1"),
        ("tpu-7x", {}, {"platform": "tpu", "devices": 2}, ""),
    ],
)
def test_each_difference_has_both_values(
    name: str, spec: dict[str, str], saw: dict[str, Any], message: str
) -> None:
    world = a_runtime().on(name).with_spec(**spec).settled().pod(ended(said(**saw))).settled()
    assert found(world) == {name: ("Mismatch" if message else "Verified", message)}
    if message:
        assert world.state == f"Mismatch: {name}: {message}"
        assert conditions(world)["Stalled"] == "True"


def test_the_worst_of_all_is_told() -> None:
    world = a_runtime().on("cpu", "nvidia-l4", "tpu-v5e", "no-such").settled()
    assert world.status["state"] == "Failed"
    world = world.pod(ended(said(), 0), 0)
    world = world.pod(ended(said(), 0), 1)
    assert world.settled().state == "Mismatch: nvidia-l4: platform: expected cuda, found cpu"


def test_jax_that_cannot_be_imported() -> None:
    world = a_runtime().on("cpu").settled()
    word = said(jax=None, jaxlib=None, platform=None, error="ImportError: libcudart.so.13")
    world = world.pod(ended(word, 1)).settled()
    assert world.state == "Failed: cpu: ImportError: libcudart.so.13"
    assert world.jobs == ()


def test_an_image_without_python_says_so_through_the_launchers_script() -> None:
    word = '{"version": 1, "cause": "ProgramError", "message": "no Python >= 3.10 in this image"}'
    world = a_runtime().on("cpu").settled().pod(ended(word, 127)).settled()
    assert world.state == "Failed: cpu: no Python >= 3.10 in this image"


@pytest.mark.parametrize("word", ["", "Segmentation fault", "[]", '{"version": 1}', "[" * 9999])
def test_a_pod_that_says_nothing_of_use_is_not_the_last_word(word: str) -> None:
    world = a_runtime().on("cpu").settled().pod(ended(word, 139)).settled()
    assert world.status["state"] == "Verifying"
    failed = world.job(failed="BackoffLimitExceeded").settled()
    assert failed.status["state"] == "Failed"
    assert "container jax exited with 139" in failed.status["message"]


# what is kept


def test_a_result_outlives_its_job_and_its_users() -> None:
    world = a_runtime().used_on("cpu").settled().pod(ended(said())).settled()
    assert world.used_on().settled().state == world.state, "no job uses it now"
    assert world.used_on("cpu").settled().jobs == (), "the next one does"


def test_another_image_is_verified_anew() -> None:
    world = a_runtime().on("cpu").settled().pod(ended(said())).settled()
    world = world.with_spec(image=OTHER_IMAGE).settled()
    assert world.status["state"] == "Verifying"
    assert len(world.jobs) == 1


def test_a_superseded_job_goes() -> None:
    before = a_runtime().on("cpu").settled()
    after = before.with_spec(image=OTHER_IMAGE).settled()
    assert len(after.jobs) == 1
    assert names(before) != names(after)


def test_another_expectation_is_compared_without_a_pod() -> None:
    world = a_runtime().on("cpu").settled().pod(ended(said())).settled()
    world = world.with_spec(jax="0.11").settled()
    assert world.state == "Mismatch: cpu: jax: expected 0.11, found 0.12.0.1"
    assert world.with_spec(jax="0.12").settled().status["state"] == "Verified"
    assert world.jobs == ()


def test_a_class_more_is_verified_alone() -> None:
    world = a_runtime().on("cpu").settled().pod(ended(said())).settled()
    world = world.on("cpu", "nvidia-l4").settled()
    assert [name.rpartition("-")[0] for name in names(world)] == ["jax-0-12-nvidia-l4"]


def test_a_failure_is_tried_again_after_an_hour_and_stays_in_sight_meanwhile() -> None:
    word = said(jax=None, platform=None, error="RuntimeError: no driver")
    world = a_runtime().on("cpu").settled().pod(ended(word, 1)).settled()
    assert world.decide(NOW + timedelta(minutes=59)).requeue_after == 60.0
    later = NOW + timedelta(hours=1)
    world = world.settled(later)
    assert len(world.jobs) == 1
    assert world.state == "Failed: cpu: RuntimeError: no driver"
    assert world.pod(ended(said())).settled(later).status["state"] == "Verified"


# what stands in the way


def test_a_class_that_does_not_exist() -> None:
    world = a_runtime().on("nvidia-h10").settled()
    assert world.jobs == ()
    assert world.state == (
        "Failed: nvidia-h10: there is no AcceleratorClass named nvidia-h10; nearest: nvidia-h100, "
        "nvidia-h200"
    )


def test_a_class_that_comes_later() -> None:
    absent = a_runtime().on("cpu").without_class("cpu").settled()
    assert absent.status["state"] == "Failed"
    there = replace(absent, classes=a_runtime().classes).settled()
    assert there.state == "Verifying: cpu: its pod is being created and started"


def test_a_class_without_a_topology_of_one_host() -> None:
    known = a_runtime().classes["tpu-v4"]
    large = tuple(offer for offer in known.spec.topologies if offer.hosts > 1)
    changed = known.replace(spec=known.spec.replace(topologies=large))
    world = World(classes={"tpu-v4": changed}).on("tpu-v4").settled()
    assert world.jobs == ()
    assert "offers no topology of one host" in world.status["message"]


def test_an_image_that_cannot_be_pulled() -> None:
    message = f'Back-off pulling image "{IMAGE}": ErrImagePull: not found'
    held = ContainerWaiting("jax", IMAGE, "ImagePullBackOff", message)
    world = a_runtime().on("cpu").settled()
    world = world.pod(PodView("p", "u", 0, 0, 0, node="n", waiting=(held,))).settled()
    assert world.state == (
        f"Failed: cpu: image {IMAGE} cannot be pulled (not found): check spec.image, and the "
        "imagePullSecrets of ServiceAccount default in namespace jax-system"
    )
    assert len(world.jobs) == 1, "the kubelet goes on trying"
    assert world.pod(ended(said())).settled().status["state"] == "Verified"


def test_a_pod_without_room() -> None:
    told = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    world = a_runtime().on("nvidia-l4").settled().with_nodes(NodeView("n"))
    world = world.pod(PodView("p", "u", 0, 0, 0, unschedulable=told)).settled()
    assert world.state == (
        "Verifying: nvidia-l4: 1 of 1 pods cannot be scheduled: each needs nvidia.com/gpu: 1 on a "
        "node of AcceleratorClass nvidia-l4; 0 of 1 nodes match, and none has nvidia.com/gpu; add "
        "such nodes, or take the class out of spec.accelerators and of the jobs that name this "
        "runtime"
    )


def test_a_pod_that_is_never_made() -> None:
    world = a_runtime().on("cpu").settled()
    assert world.decide(NOW + timedelta(seconds=20)).requeue_after == 40.0
    late = world.settled(NOW + timedelta(seconds=60))
    assert late.state == (
        "Failed: cpu: its pod does not exist; see why: kubectl describe job -n jax-system "
        f"{world.jobs[0].name}"
    )


def test_what_the_api_server_refuses() -> None:
    world = a_runtime().on("cpu")
    plan = refused(world.snapshot(), ["Job jax-system/x: exceeded quota"], NOW)
    assert plan.status is not None
    assert plan.status["state"] == "Failed"
    again = refused(world.after(plan).snapshot(), ["Job jax-system/x: exceeded quota"], NOW)
    assert again.status is None


def test_a_runtime_that_is_being_deleted_gets_nothing() -> None:
    world = a_runtime().on("cpu").snapshot()
    metadata = world.runtime.metadata.replace(deletion_timestamp=NOW)
    snapshot = World().snapshot()
    runtime = snapshot.runtime.replace(metadata=metadata)
    assert decide(type(snapshot)(runtime, snapshot.settings), NOW).apply == ()


# the pod


def test_the_pod_is_as_little_as_it_can_be() -> None:
    (job,) = a_runtime().on("cpu").with_spec(xlaFlags=["--xla_a=1", "--xla_b=2"]).decide().apply
    assert job["metadata"]["namespace"] == "jax-system"
    assert len(job["metadata"]["name"]) <= 63
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
    program = pod["containers"][0]
    assert program["image"] == IMAGE
    assert program["command"] == ["/jaxop/jaxrun", "inspect"]
    assert {"name": "XLA_FLAGS", "value": "--xla_a=1 --xla_b=2"} in program["env"]


def test_devices_that_may_be_roots_are_opened_as_the_images_own_user() -> None:
    (job,) = a_runtime().on("tpu-v5e").decide().apply
    (program,) = job["spec"]["template"]["spec"]["containers"]
    assert "runAsNonRoot" not in program["securityContext"]
    assert {"name": "TPU_WORKER_HOSTNAMES", "value": "localhost"} in program["env"]


def test_the_longest_names_fit() -> None:
    name = "nvidia-" + "x" * 200
    world = a_runtime()
    known = world.classes["nvidia-l4"]
    renamed = known.replace(metadata=known.metadata.replace(name=name))
    world = World(classes={name: renamed}).on(name)
    (job,) = world.decide().apply
    assert len(job["metadata"]["name"]) <= 63
