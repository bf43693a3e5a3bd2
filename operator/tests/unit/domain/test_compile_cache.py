"""What becomes of a CompileCache, from what is seen of it."""

import json
from datetime import datetime
from typing import Any

import pytest
from caches import IMAGE, NOW, World, a_cache, a_ready_cache, later
from jaxop.api.plan import Manifest, Plan
from jaxop.domain import contract
from jaxop.domain.cache import decide, refused
from jaxop.domain.cache.snapshot import KeeperPod, KeptNamespace
from plan_words import kinds, state, told

A, B, C = "a" * 16, "b" * 16, "c" * 16
USER_CLAIM = a_cache().on_claim("shared")


def the(kind: str, plan: Plan) -> Manifest:
    (found,) = (m for m in plan.apply if m["kind"] == kind)
    return found


def policy_of(world: World, now: datetime = NOW) -> dict[str, Any]:
    data = the("ConfigMap", decide(world.snapshot(), now))["data"]
    found: dict[str, Any] = json.loads(data["policy.json"])
    return found


def conditions(plan: Plan) -> str:
    assert plan.status is not None
    return " ".join(c["type"] for c in plan.status["conditions"] if c["status"] == "True")


class TestChildren:
    def test_a_claim_a_policy_and_a_keeper(self) -> None:
        plan = decide(a_cache().snapshot(), NOW)
        assert kinds(plan) == [
            "PersistentVolumeClaim team-cache",
            "ConfigMap team-keeper",
            "Deployment team-keeper",
        ]
        spec = the("PersistentVolumeClaim", plan)["spec"]
        assert spec == {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "100Gi"}},
        }
        assert not plan.delete

    def test_the_class_that_the_user_names(self) -> None:
        world = a_cache().spec(storage={"size": "1Ti", "storageClassName": "nfs"})
        plan = decide(world.snapshot(), NOW)
        assert the("PersistentVolumeClaim", plan)["spec"]["storageClassName"] == "nfs"

    def test_a_claim_of_the_users_is_not_made(self) -> None:
        plan = decide(USER_CLAIM.claim().snapshot(), NOW)
        assert kinds(plan) == ["ConfigMap team-keeper", "Deployment team-keeper"]
        volume = the("Deployment", plan)["spec"]["template"]["spec"]["volumes"][0]
        assert volume["persistentVolumeClaim"] == {"claimName": "shared"}

    def test_the_keeper(self) -> None:
        keeper = the("Deployment", decide(a_cache().snapshot(), NOW))["spec"]
        template = keeper["template"]
        assert (keeper["replicas"], keeper["strategy"]) == (1, {"type": "Recreate"})
        assert keeper["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        assert template["metadata"]["labels"]["jaxop.dev/compile-cache"] == "team"
        assert "jaxop.dev/compile-cache" not in keeper["selector"]["matchLabels"], "readers' too"
        (container,) = template["spec"]["containers"]
        assert (container["image"], container["command"][-1]) == (IMAGE, "keep")
        mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
        assert mounts == {"cache": contract.KEEPER_VOLUME, "policy": "/jaxop-keeper"}
        assert template["spec"]["automountServiceAccountToken"] is False

    @pytest.mark.parametrize(
        ("world", "replicas"),
        [
            (a_cache().claim("Pending"), 1),
            (a_cache().claim(), 1),
            (a_cache().claim("Lost"), 0),
            (a_cache().claim(terminating=True), 0),
            (a_cache().claim(controller_uid="uid-of-a-namesake"), 0),
            (USER_CLAIM.claim(controller_uid="anybody"), 1),
            (USER_CLAIM, 0),
            (USER_CLAIM.claim(shareable=False), 0),
            (USER_CLAIM.claim("Pending"), 1),
        ],
    )
    def test_it_only_runs_where_there_is_something_to_mount(
        self, world: World, replicas: int
    ) -> None:
        """And lets a claim go that is being deleted; one that waits for its first pod gets it."""
        plan = decide(world.snapshot(), NOW)
        assert the("Deployment", plan)["spec"]["replicas"] == replicas

    def test_nothing_for_one_that_is_being_deleted(self) -> None:
        world = a_cache().metadata(deletionTimestamp="2026-11-21T12:00:00Z")
        assert decide(world.snapshot(), NOW) == Plan()


class TestPolicy:
    @pytest.mark.parametrize(
        ("world", "limit"),
        [
            (a_cache(), 80 * 2**30),
            (a_cache().spec(retention={"maxSize": "1.5Gi"}), 3 * 2**29),
            (USER_CLAIM, None),
            (USER_CLAIM.spec(retention={"maxSize": "10G"}), 10**10),
        ],
    )
    def test_how_much(self, world: World, limit: int | None) -> None:
        assert policy_of(world)["maxBytes"] == limit

    def test_how_long(self) -> None:
        assert policy_of(a_cache())["unusedSeconds"] == 2592000
        assert policy_of(a_cache().spec(retention={"unusedSeconds": 3600}))["unusedSeconds"] == 3600

    def test_what_comes_into_use_is_told_at_once(self) -> None:
        world = a_ready_cache().using(A)
        world = world.after(decide(world.snapshot(), NOW))
        assert policy_of(world.using(A, B), later(1))["inUse"] == [A, B]
        assert policy_of(world.using(B), later(1))["inUse"] == [B]

    def test_what_is_no_longer_used_waits_for_others(self) -> None:
        world = a_ready_cache().using(A, B)
        world = world.after(decide(world.snapshot(), NOW)).using(A)
        plan = decide(world.snapshot(), later(20))
        assert policy_of(world, later(20))["inUse"] == [A, B]
        assert plan.requeue_after == 40
        assert policy_of(world, later(60))["inUse"] == [A]

    def test_an_operator_that_has_just_started_tells_what_it_sees(self) -> None:
        world = a_ready_cache().seeing(told_in_use=frozenset({A, B}), told_at=None).using(A)
        assert policy_of(world)["inUse"] == [A]

    def test_a_clock_that_went_back_does_not_hold_it_up(self) -> None:
        world = a_ready_cache().seeing(told_in_use=frozenset({A}), told_at=later(3600))
        assert policy_of(world)["inUse"] == []


STANDINGS: list[tuple[str, World, str, str, str, bool]] = [
    ("new", a_cache(), "Pending", "ClaimPending", "Reconciling", False),
    ("unbound", a_cache().claim("Pending"), "Pending", "ClaimPending", "Reconciling", False),
    ("a namesake's", a_cache().claim(controller_uid="u"), "Pending", "ClaimPending", "Reconciling",
     False),
    ("no claim", USER_CLAIM, "Pending", "ClaimNotFound", "Stalled", False),
    ("one node only", USER_CLAIM.claim(shareable=False), "Pending", "ClaimNotShareable",
     "Stalled", False),
    ("lost", a_ready_cache().claim("Lost"), "Pending", "ClaimLost", "Stalled", False),
    ("ours going", a_ready_cache().claim(terminating=True), "Pending", "ClaimTerminating",
     "Reconciling", False),
    ("theirs going", USER_CLAIM.claim(terminating=True), "Pending", "ClaimTerminating",
     "Stalled", False),
    ("no pod yet", a_cache().claim(), "Starting", "KeeperStarting", "Reconciling", False),
    ("no image", a_cache().claim().waiting("ImagePullBackOff"), "Starting", "ImagePull",
     "Reconciling", False),
    ("no room", a_cache().claim().pod("Pending", ready=False, unschedulable="0/1 nodes ..."),
     "Starting", "Unschedulable", "Reconciling", False),
    ("no quota", a_cache().claim().seeing(pod_refusal="exceeded quota"), "Starting", "PodRefused",
     "Reconciling", False),
    ("crashes", a_cache().claim().waiting("CrashLoopBackOff", "back-off 10s restarting"),
     "Starting", "KeeperCrashes", "Reconciling", False),
    ("opens the volume", a_cache().claim().pod(ready=False), "Starting", "KeeperNotReady",
     "Reconciling", False),
    ("never ready", a_cache().claim().pod().reporting(healthy=False, problem="p"), "Starting",
     "KeeperDegraded", "Reconciling", False),
    ("ready", a_cache().claim().pod().reporting(), "Ready", "Ready", "Ready", True),
    ("behind a policy", a_cache().claim().pod().unheard(later(-60)), "Degraded", "NoReport",
     "Reconciling", True),
    ("full", a_ready_cache().reporting(healthy=False, problem="the volume is full"), "Degraded",
     "KeeperDegraded", "Reconciling", True),
    ("gone", a_ready_cache().seeing(pods=()).unheard(later(-60)), "Degraded", "KeeperStarting",
     "Reconciling", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("world", "where", "reason", "holds", "usable"),
    [row[1:] for row in STANDINGS],
    ids=[row[0] for row in STANDINGS],
)
def test_where_it_stands(world: World, where: str, reason: str, holds: str, usable: bool) -> None:
    plan = decide(world.snapshot(), NOW)
    assert state(plan) == (where, reason)
    assert plan.status is not None
    assert (conditions(plan), plan.status["usable"]) == (holds, usable)


@pytest.mark.parametrize("world", [row[1] for row in STANDINGS], ids=[row[0] for row in STANDINGS])
def test_deciding_again_changes_nothing(world: World) -> None:
    plan = decide(world.snapshot(), NOW)
    again = decide(world.after(plan).snapshot(), later(1))
    assert again.status is None
    assert [m for m in again.apply if m not in plan.apply] == []


class TestMessages:
    def message(self, world: World, now: datetime = NOW) -> str:
        status = decide(world.snapshot(), now).status
        assert status is not None
        found: str = status["message"]
        return found

    def test_what_a_down_keeper_costs(self) -> None:
        world = a_ready_cache().reporting(healthy=False, problem="the volume is full")
        assert self.message(world) == (
            "the volume is full; until then nothing is published; programs run, colder"
        )

    def test_an_image_that_cannot_be_pulled(self) -> None:
        said = 'Back-off pulling image "x": ErrImagePull: not found'
        assert self.message(a_cache().claim().waiting("ImagePullBackOff", said)) == (
            f"image {IMAGE} cannot be pulled (not found): check the operator's runtime image "
            "setting, and the imagePullSecrets of the namespace's ServiceAccount default"
        )

    def test_a_claim_that_is_not_there(self) -> None:
        assert self.message(USER_CLAIM) == (
            "spec.storage.claimName: there is no PersistentVolumeClaim shared in the namespace; "
            "create it, with access mode ReadWriteMany"
        )

    def test_a_claim_that_waits(self) -> None:
        assert self.message(a_cache().claim("Pending", storage_class="nfs")) == (
            "PersistentVolumeClaim team-cache (StorageClass nfs) is not bound yet; the volume must "
            "offer ReadWriteMany: kubectl describe pvc team-cache says what it waits for"
        )


class TestASilentKeeper:
    def test_a_moment_without_it_is_not_told(self) -> None:
        world = a_ready_cache().seeing(pods=()).unheard()
        plan = decide(world.snapshot(), later(5))
        assert plan.status is None
        assert plan.requeue_after == 55
        assert state(decide(world.snapshot(), later(60)))[0] == "Degraded"

    def test_what_was_degraded_stays_so_until_it_is_heard(self) -> None:
        world = a_ready_cache().unheard().seeing(pods=())
        world = world.after(decide(world.snapshot(), later(60)), later(60))
        replaced = world.pod(created_at=later(61)).unheard(later(61))
        assert decide(replaced.snapshot(), later(62)).status is None
        assert state(decide(replaced.reporting().snapshot(), later(63)))[0] == "Ready"

    def test_an_operator_that_has_just_started_leaves_it_as_it_was(self) -> None:
        world = a_ready_cache().seeing(report=None, unheard_since=NOW, written_at=None)
        assert decide(world.snapshot(), NOW).status is None

    def test_a_pod_that_has_just_become_ready_is_asked_first(self) -> None:
        """However long its image took."""
        world = a_cache().claim().pod().unheard(later(-600), asked_since=later(-1))
        plan = decide(world.snapshot(), NOW)
        assert (state(plan)[0], told(plan)) == ("Starting", [])
        assert plan.requeue_after == 59

    def test_the_newest_pod_counts(self) -> None:
        old = KeeperPod("old", "Running", "10.0.0.1", created_at=NOW, terminating=True)
        new = KeeperPod("new", "Running", "10.0.0.2", created_at=later(9))
        other = KeeperPod("other", "Running", "10.0.0.3", created_at=later(3))
        namesakes = KeeperPod("namesakes", "Running", "10.0.0.4", created_at=later(-60))
        world = a_cache().metadata(creationTimestamp="2026-11-21T12:00:00Z")
        assert world.seeing(pods=(namesakes,)).snapshot().keeper_pod is None
        pod = world.seeing(pods=(new, other, old, namesakes)).snapshot().keeper_pod
        assert pod is not None
        assert pod.name == "new"


class TestNumbers:
    def test_those_of_the_keeper(self) -> None:
        kept = (
            KeptNamespace(A, 1, 100, later(-7200), False),
            KeptNamespace(B, 2, 200, later(-65.5), True),
            KeptNamespace(C, 3, 300, later(-60), False),
        )
        world = a_cache().claim().pod().using(B).reporting(
            published=9, refused=1, repaired=2, evicted=3, entries=6, bytes=5 * 2**29,
            namespace_count=3, namespaces=kept,
        )  # fmt: skip
        status = decide(world.snapshot(), NOW).status
        assert status is not None
        assert (status["entries"], status["size"], status["published"]) == (6, "2.5Gi", 9)
        assert [(n["digest"], n["inUse"]) for n in status["namespaces"]] == [
            (B, True), (C, False), (A, False),
        ]  # fmt: skip
        assert status["namespaces"][0]["lastUsed"] == "2026-11-21T11:00:00Z", "by the hour"
        assert status["namespaces"][1]["lastUsed"] == "2026-11-21T11:59:00Z"

    def test_what_is_in_use_all_the_time_is_not_written_all_the_time(self) -> None:
        def used_at(seconds: float) -> World:
            kept = (KeptNamespace(A, 1, 1, later(seconds), True),)
            return a_ready_cache().using(A).reporting(namespaces=kept, namespace_count=1)

        first = used_at(0)
        world = first.after(decide(first.snapshot(), later(10)), later(10))
        again = world.seeing(report=used_at(1800).snapshot().report)
        assert decide(again.snapshot(), later(1800)).status is None

    def test_they_wait_for_each_other(self) -> None:
        world = a_ready_cache().reporting(published=1)
        plan = decide(world.snapshot(), later(3))
        assert plan.status is None
        assert plan.requeue_after == 7
        assert decide(world.snapshot(), later(10)).status is not None

    def test_what_is_waited_for_does_not(self) -> None:
        world = a_ready_cache().reporting(healthy=False, published=1)
        assert state(decide(world.snapshot(), later(1)))[0] == "Degraded"

    def test_they_stay_when_the_keeper_is_gone(self) -> None:
        world = a_ready_cache().reporting(entries=7)
        world = world.after(decide(world.snapshot(), later(10)), later(10))
        world = world.seeing(pods=(), report=None).unheard()
        status = decide(world.snapshot(), later(60)).status
        assert status is not None
        assert (status["state"], status["entries"]) == ("Degraded", 7)

    def test_at_most_so_many_namespaces_are_shown(self) -> None:
        kept = tuple(KeptNamespace(f"{n:016x}", 1, 1, later(-n), False) for n in range(100))
        world = a_cache().claim().pod().reporting(namespaces=kept, namespace_count=1000)
        status = decide(world.snapshot(), NOW).status
        assert status is not None
        assert (len(status["namespaces"]), status["namespaceCount"]) == (32, 1000)


class TestEvents:
    def test_ready(self) -> None:
        assert told(decide(a_cache().claim().pod().reporting().snapshot(), NOW)) == ["Normal Ready"]

    def test_degraded_and_back(self) -> None:
        world = a_ready_cache().reporting(healthy=False)
        plan = decide(world.snapshot(), NOW)
        assert told(plan) == ["Warning Degraded"]
        back = world.after(plan).reporting()
        assert told(decide(back.snapshot(), NOW)) == ["Normal Ready"]

    def test_stalled(self) -> None:
        assert told(decide(USER_CLAIM.snapshot(), NOW)) == ["Warning ClaimNotFound"]
        assert told(decide(a_cache().snapshot(), NOW)) == []

    def test_evicted_and_refused_as_often_as_they_were(self) -> None:
        world = a_ready_cache().reporting(evicted=2, refused=1, last_refusal="x: too large")
        plan = decide(world.snapshot(), later(10))
        assert [event.message for event in plan.events] == [
            "2 cache namespaces evicted, unused for longest",
            "1 entry that was offered, but not published; the last: x: too large",
        ]
        world = world.after(plan, later(10)).reporting(evicted=2, refused=1, published=5)
        assert told(decide(world.snapshot(), later(20))) == []

    def test_a_keeper_that_counts_from_0_again(self) -> None:
        world = a_ready_cache().reporting(evicted=5)
        world = world.after(decide(world.snapshot(), later(10)), later(10)).reporting(evicted=1)
        plan = decide(world.snapshot(), later(20))
        assert [event.message[:1] for event in plan.events] == ["1"]


class TestRefusals:
    def test_a_new_cache_stalls(self) -> None:
        said = [("NameConflict", "ConfigMap ml/team-keeper exists already")]
        plan = refused(a_cache().claim().snapshot(), said, NOW)
        assert state(plan) == ("Pending", "NameConflict")
        assert (conditions(plan), told(plan)) == ("Stalled", ["Warning NameConflict"])

    def test_one_that_is_used_stays_so(self) -> None:
        plan = refused(a_ready_cache().snapshot(), [("Forbidden", "a"), ("Forbidden", "b")], NOW)
        assert plan.status is not None
        assert state(plan) == ("Degraded", "Forbidden")
        assert plan.status["usable"] is True
        assert plan.status["message"].startswith("a (and 1 more); ")
