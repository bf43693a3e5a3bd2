"""What a JaxJob sees of Kueue's objects, out of the stores."""

import copy
from typing import Any

import pytest
from jaxop.api.v1alpha1 import JaxJob
from jaxop.controllers.jaxjob.kueue_objects import KueueObjects
from jaxop.domain.jaxjob.queueing.views import KueueView, QueuePriority
from jaxop.kube.resources import JAXJOBS, PRIORITYCLASSES, Key, KueueResources
from jaxop.kube.store import ObjectStore

RESOURCES = KueueResources("v1beta2")
QUEUE = "kueue.x-k8s.io/queue-name"
CLASS = "kueue.x-k8s.io/priority-class"
KEY = Key("JaxJob", "ml", "digits")

Object = dict[str, Any]


def wake_nobody(*_: object) -> tuple[Key, ...]:
    return ()


class World:
    """The stores as the controller's watches make them."""

    def __init__(self) -> None:
        self.objects = KueueObjects(RESOURCES)
        self.watches = {w.resource: w for w in self.objects.watches(wake_nobody)}
        self.stores = {r: ObjectStore(r, trim=w.trim) for r, w in self.watches.items()}
        self.stores[JAXJOBS] = ObjectStore(JAXJOBS)

    def put(self, resource: Any, name: str, namespace: str = "", **rest: Any) -> Object:
        obj: Object = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "resourceVersion": "5",
                "managedFields": [{}],
                **({"namespace": namespace} if namespace else {}),
                **rest.pop("metadata", {}),
            },
            **rest,
        }
        self.stores[resource].put(copy.deepcopy(obj))
        return obj

    def workload(self, owner: str = "uid-digits", **status: Any) -> None:
        reference = {"kind": "JaxJob", "name": "digits", "uid": owner, "controller": True}
        self.put(
            RESOURCES.workloads,
            "jaxjob-digits",
            "ml",
            metadata={"ownerReferences": [reference]},
            spec={"podSets": [{"name": "main"}], "queueName": "team"},
            status=status,
        )

    def of(self, job: JaxJob) -> KueueView | None:
        return self.objects.of(KEY, job, self.stores)


def a_job(slices: int = 2, pod: Object | None = None, **labels: str) -> JaxJob:
    return JaxJob.model_validate(
        {
            "metadata": {
                "name": "digits",
                "namespace": "ml",
                "uid": "uid-digits",
                "labels": labels,
            },
            "spec": {
                "accelerator": {"class": "tpu-v5e", "topology": "4x4", "slices": slices},
                "template": {"spec": pod or {}},
            },
        }
    )


@pytest.mark.parametrize("job", [a_job(), a_job(1, **{QUEUE: "team"})])
def test_nothing_without_a_queue_or_with_one_slice(job: JaxJob) -> None:
    assert World().of(job) is None


def test_a_job_that_lost_its_label_stays_queued_while_it_has_a_workload() -> None:
    world = World()
    world.workload()
    view = world.of(a_job())
    assert view is not None
    assert view.workload is not None


def test_somebody_elses_workload_is_not_its_own() -> None:
    world = World()
    world.workload(owner="uid-of-the-one-before")
    view = world.of(a_job(**{QUEUE: "team"}))
    assert view is not None
    assert view.workload is None


def test_the_assigned_flavours_as_far_as_they_exist() -> None:
    world = World()
    flavors = {"google.com/tpu": "spot", "cpu": "reserved"}
    assignment = {"name": "main", "flavors": flavors}
    world.workload(admission={"clusterQueue": "c", "podSetAssignments": [assignment]})
    world.put(RESOURCES.flavors, "spot", spec={"nodeLabels": {"pool": "spot"}, "topologyName": "t"})
    world.put(RESOURCES.flavors, "unused", spec={})
    view = world.of(a_job(**{QUEUE: "team"}))
    assert view is not None
    assert view.workload is not None
    assert view.workload.flavors == ("reserved", "spot")
    assert {name: dict(f.node_selector) for name, f in view.flavors.items()} == {
        "spot": {"pool": "spot"}
    }


@pytest.mark.parametrize(
    ("labels", "pod", "expected"),
    [
        ({CLASS: "urgent"}, {}, QueuePriority("WorkloadPriorityClass", "urgent", 9)),
        ({CLASS: "urgent"}, {"priorityClassName": "high"}, "urgent"),
        ({CLASS: "nobody"}, {"priorityClassName": "high"}, None),
        ({}, {"priorityClassName": "high"}, QueuePriority("PriorityClass", "high", 7)),
        ({}, {"priorityClassName": "nobody"}, None),
        ({}, {}, QueuePriority("PriorityClass", "usual", 1)),
    ],
)
def test_the_priority_is_found_as_kueue_finds_it(
    labels: dict[str, str], pod: Object, expected: QueuePriority | str | None
) -> None:
    world = World()
    world.put(RESOURCES.priority_classes, "urgent", value=9)
    world.put(PRIORITYCLASSES, "high", value=7)
    world.put(PRIORITYCLASSES, "usual", value=1, globalDefault=True)
    view = world.of(a_job(2, pod, **{QUEUE: "team", **labels}))
    assert view is not None
    if isinstance(expected, str):
        assert view.priority is not None
        assert view.priority.name == expected
    else:
        assert view.priority == expected


def test_a_new_priority_class_wakes_those_who_wait_for_it() -> None:
    world = World()
    for name, wanted in (("a", "urgent"), ("b", "other")):
        world.put(JAXJOBS, name, "ml", metadata={"labels": {CLASS: wanted}})
    urgent = world.put(RESOURCES.priority_classes, "urgent", value=9)
    woken = world.watches[RESOURCES.priority_classes].keys_of(urgent, world.stores)
    assert list(woken) == [Key("JaxJob", "ml", "a")]


def test_little_is_kept_in_memory() -> None:
    world = World()
    world.workload(conditions=[], reclaimablePods=[])
    kept = world.stores[RESOURCES.workloads].get("ml", "jaxjob-digits")
    assert kept is not None
    assert "podSets" not in kept["spec"]
    assert "managedFields" not in kept["metadata"]
    assert set(kept["status"]) == {"conditions"}
