"""All pods of a slice in one domain, no two slices in the same: as it is asked of the scheduler."""

from typing import Any

import pytest
from building import NOW, World, a_jaxjob, seconds
from jaxop.api.plan import Manifest
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.validation.validate import validate
from jaxop.domain.jaxjob.views import NodeView

POOL = "cloud.google.com/gke-nodepool"
RACK = "example.com/rack"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def templates(world: World) -> list[Manifest]:
    applied = decide(world.snapshot(), NOW).apply
    return [m["spec"]["template"] for m in applied if m["kind"] == "Job"]


def affinity(world: World, slice_index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = templates(world)[slice_index]["spec"].get("affinity", {})
    return found


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """As the API server evaluates a label selector."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        value = labels.get(rule["key"])
        if rule["operator"] == "Exists" and value is None:
            return False
        if rule["operator"] == "NotIn" and value in rule["values"]:
            return False
    return True


def joins(one: Manifest, other: Manifest) -> bool:
    (term,) = one["spec"]["affinity"]["podAffinity"][REQUIRED]
    return matches(term["labelSelector"], other["metadata"]["labels"])


def avoids(one: Manifest, other: Manifest) -> bool:
    (term,) = one["spec"]["affinity"]["podAntiAffinity"][REQUIRED]
    assert term["namespaceSelector"] == {}, "whatever namespace the other is in"
    return matches(term["labelSelector"], other["metadata"]["labels"])


@pytest.mark.parametrize(
    ("world", "key"),
    [
        (a_jaxjob(), None),
        (a_jaxjob().on("nvidia-h100", hosts=4, chipsPerHost=8), None),
        (a_jaxjob().on("tpu-v5e", "2x4"), None),
        (a_jaxjob().on("tpu-v5e", "2x4", chipsPerHost=4), POOL),
        (a_jaxjob().on("tpu-v5e", "4x4").with_slices(3), POOL),
        (a_jaxjob().on("tpu-v4", "2x2x2"), POOL),
        (a_jaxjob().spec(scheduling={"topologyKey": RACK}), RACK),
        (a_jaxjob().on("tpu-v5e", "2x4").spec(scheduling={"topologyKey": RACK}), RACK),
        (a_jaxjob().on("tpu-v5e", "4x4").spec(scheduling={"topologyKey": RACK}), RACK),
    ],
)
def test_by_which_label(world: World, key: str | None) -> None:
    kinds = affinity(world)
    keys = {
        term["topologyKey"]
        for kind in ("podAffinity", "podAntiAffinity")
        for term in kinds.get(kind, {}).get(REQUIRED, [])
    }
    assert keys == ({key} if key else set())


class TestWhoIsWithWhom:
    def test_a_slice_with_itself_and_not_with_the_next(self) -> None:
        first, second = templates(a_jaxjob().on("tpu-v5e", "4x4").with_slices(2))
        assert (joins(first, first), avoids(first, first)) == (True, False)
        assert (joins(first, second), avoids(first, second)) == (False, True)
        assert avoids(second, first)

    def test_not_with_other_jaxjobs_of_any_name_or_namespace(self) -> None:
        (mine,) = templates(a_jaxjob().on("tpu-v5e", "4x4"))
        other = a_jaxjob().on("tpu-v5e", "4x4").metadata(namespace="other", uid="uid-other")
        (theirs,) = templates(other)
        assert (joins(mine, theirs), avoids(mine, theirs)) == (False, True)
        (without,) = templates(a_jaxjob("elsewhere").on("tpu-v5e", "2x4"))
        assert avoids(mine, without), "nor with one that does not mind"

    def test_other_pods_are_none_of_its_business(self) -> None:
        (mine,) = templates(a_jaxjob().on("tpu-v5e", "4x4"))
        assert not avoids(mine, {"metadata": {"labels": {"app": "web"}}})

    def test_a_new_attempt_may_have_its_old_place_but_need_not(self) -> None:
        """Pods of the old one may be stuck on a dead node: they must neither draw nor block."""
        world = a_jaxjob().on("tpu-v5e", "4x4").with_slices(2)
        old = templates(world)
        new = templates(world.status(attempt=1))
        assert (joins(new[0], old[0]), avoids(new[0], old[0])) == (False, False)
        assert not avoids(old[0], new[0]), "the scheduler asks the old ones too"
        assert avoids(new[0], old[1])


def test_the_users_own_affinities_are_kept() -> None:
    users = {"labelSelector": {"matchLabels": {"app": "cache"}}, "topologyKey": "zone"}
    preferred = [{"weight": 1, "podAffinityTerm": users}]
    own = {
        "podAffinity": {REQUIRED: [users]},
        "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred},
    }
    world = a_jaxjob().on("tpu-v5e", "4x4").pod_spec(affinity=own)
    built = affinity(world)
    assert built["podAffinity"][REQUIRED][0] == users
    assert len(built["podAffinity"][REQUIRED]) == 2
    assert built["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] == preferred
    assert len(built["podAntiAffinity"][REQUIRED]) == 1
    assert world.manifest["spec"]["template"]["spec"]["affinity"] == own


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"podAffinity": []}, ".podAffinity: is a list, not an object; write it as key: value"),
        ({"podAntiAffinity": {REQUIRED: {}}}, f".podAntiAffinity.{REQUIRED}: is an object, not a"),
    ],
)
def test_a_misshapen_affinity_is_told(wrong: dict[str, Any], says: str) -> None:
    found = validate(a_jaxjob().pod_spec(affinity=wrong).snapshot())
    assert not isinstance(found, SliceLayout)
    assert says in str(found[0])


def test_a_node_selector_that_puts_all_slices_into_one_domain() -> None:
    world = a_jaxjob().on("tpu-v5e", "4x4").pod_spec(nodeSelector={POOL: "a"})
    assert isinstance(validate(world.snapshot()), SliceLayout), "one slice may be told where"
    found = validate(world.with_slices(2).snapshot())
    assert not isinstance(found, SliceLayout)
    assert [str(problem) for problem in found] == [
        f"spec.template.spec.nodeSelector[{POOL}]: is a for all 2 slices, but each needs a {POOL} "
        "of its own; remove it, or set spec.scheduling.topologyKey to another label"
    ]


class TestTheMessage:
    """Given pods of a slice of two hosts that wait for a node of their kind."""

    def waiting(self, told: str, *pools: str | None) -> str:
        labels = {
            "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
            "cloud.google.com/gke-tpu-topology": "2x4",
        }
        nodes = [
            NodeView(
                f"n{number}",
                labels={**labels, **({POOL: pool} if pool else {})},
                allocatable={"google.com/tpu": "4"},
            )
            for number, pool in enumerate(pools)
        ]
        world = a_jaxjob().on("tpu-v5e", "2x4", chipsPerHost=4).with_jobs()
        world = world.with_pods(unschedulable=told).with_nodes(*nodes)
        status = decide(world.snapshot(), NOW + seconds(1)).status
        assert status is not None
        assert (status["state"], status["reason"]) == ("Scheduling", "Unschedulable")
        return str(status["message"]).split("; ", 1)[1]

    @pytest.mark.parametrize(
        "words",
        [
            "didn't match pod anti-affinity rules",
            "didn't satisfy existing pods anti-affinity rules",
        ],
    )
    def test_every_domain_is_taken(self, words: str) -> None:
        told = f"0/4 nodes are available: 4 node(s) {words}."
        assert self.waiting(told, "a", "a", "b", "b") == (
            f"4 of 4 nodes match, but each slice needs a {POOL} of its own, and none of the 2 is "
            "free of other JaxJobs; wait, or add one"
        )

    def test_its_domain_is_too_small(self) -> None:
        told = (
            "0/3 nodes are available: 1 Insufficient google.com/tpu, 2 node(s) didn't match pod "
            "affinity rules."
        )
        assert self.waiting(told, "a", "b", "b") == (
            f"3 of 3 nodes match, but pods of their slice run in a {POOL} that has no room for the "
            "rest; free nodes there, or wait: the slice will be placed anew"
        )

    def test_nodes_without_the_label(self) -> None:
        told = "0/2 nodes are available: 2 node(s) didn't match pod affinity rules."
        assert self.waiting(told, None, None) == (
            f"2 of 2 nodes match, but none has the label {POOL}, by which slices are kept apart; "
            "label them, or set spec.scheduling.topologyKey to a label that they have"
        )

    def test_other_reasons_are_told_as_ever(self) -> None:
        told = "0/2 nodes are available: 2 Insufficient google.com/tpu."
        assert self.waiting(told, "a", "a") == (
            "2 of 2 nodes match, but other pods use them; wait, or free them"
        )
