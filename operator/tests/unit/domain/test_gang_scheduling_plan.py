"""What Kubernetes' own gang scheduling is asked for."""

from building import NOW, World, a_jaxjob
from jaxop.api.plan import Manifest
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.validation.validate import validate


def a_gang() -> World:
    world = a_jaxjob().on("tpu-v5e", "4x4").with_slices(2).spec(scheduling={"gang": "Workload"})
    return world.seeing(gangs_served=True)


def applied(world: World) -> dict[str, Manifest]:
    plan = decide(world.snapshot(), NOW)
    return {f"{m['kind']} {m['metadata']['name']}": m for m in plan.apply}


def test_one_workload_for_the_job_and_a_replica_for_each_slice_of_each_attempt() -> None:
    children = applied(a_gang())
    assert list(children) == [
        "Service digits-gang",
        "Workload digits",
        "Job digits-a0-s0",
        "Job digits-a0-s1",
    ]
    spec = children["Workload digits"]["spec"]
    assert spec["podGroups"] == [{"name": "slice", "policy": {"gang": {"minCount": 4}}}]
    assert spec["controllerRef"] == {"apiGroup": "jaxop.dev", "kind": "JaxJob", "name": "digits"}
    refs = [
        children[f"Job digits-a0-s{i}"]["spec"]["template"]["spec"]["workloadRef"] for i in (0, 1)
    ]
    assert refs[0] == {"name": "digits", "podGroup": "slice", "podGroupReplicaKey": "a0-s0"}
    assert refs[1]["podGroupReplicaKey"] == "a0-s1"
    again = applied(a_gang().status(attempt=3))["Job digits-a3-s1"]
    assert again["spec"]["template"]["spec"]["workloadRef"]["podGroupReplicaKey"] == "a3-s1"


def test_the_same_workload_for_every_attempt() -> None:
    first, second = applied(a_gang()), applied(a_gang().status(attempt=3))
    assert first["Workload digits"] == second["Workload digits"]


def test_not_asked_for() -> None:
    children = applied(a_jaxjob().seeing(gangs_served=True))
    assert list(children) == ["Service digits-gang", "Job digits-a0-s0"]
    assert "workloadRef" not in children["Job digits-a0-s0"]["spec"]["template"]["spec"]


def test_not_served() -> None:
    found = validate(a_gang().seeing(gangs_served=False).snapshot())
    assert not isinstance(found, SliceLayout)
    assert str(found[0]).startswith(
        "spec.scheduling.gang: is Workload, but the API server does not serve "
        "scheduling.k8s.io/v1alpha1 Workload; enable that version"
    )


def test_a_gang_of_the_users_own() -> None:
    own = {"workloadRef": {"name": "mine", "podGroup": "a"}}
    found = validate(a_gang().pod_spec(**own).snapshot())
    assert not isinstance(found, SliceLayout)
    assert [str(problem) for problem in found] == [
        "spec.template.spec.workloadRef: is set, but spec.scheduling.gang is Workload, for which "
        "the operator sets it; remove it, or spec.scheduling.gang"
    ]
    assert isinstance(validate(a_jaxjob().pod_spec(**own).snapshot()), SliceLayout)
