"""A JaxService through its life, in a played cluster."""

from dataclasses import replace
from datetime import timedelta

from jaxop.api.v1alpha1.jaxservice_status import JaxServiceStatus
from jaxop.domain.jaxjob.views import CompilationReport
from jaxop.domain.service import decide, refused, warmup_asked_for
from services import NOW, Played, a_service, a_serving_service, waiting_for


def condition(played: Played, kind: str) -> str:
    return next(c.status for c in played.status.conditions if c.type == kind)


# the first revision


def test_a_new_service_is_made_of_its_children_and_gets_ready() -> None:
    played = a_service().spec(replicas=2)
    played.operator()
    kinds = sorted(kind for kind, _ in played.objects)
    assert kinds == ["ControllerRevision", "Deployment", "PodDisruptionBudget", "Service"]
    assert (played.status.state, played.status.reason) == ("Starting", "ReplicasStarting")
    assert condition(played, "Ready") == "False"
    played.cluster().ready(number=1)
    played.operator()
    assert (played.status.state, played.status.ready) == ("Starting", "1/2")
    played.ticks()
    status = played.status
    assert (status.state, status.ready, status.ready_replicas) == ("Ready", "2/2", 2)
    assert status.current_revision == status.updated_revision
    assert status.rollout is None
    assert status.url == "http://minilm.ml.svc"
    assert [condition(played, k) for k in ("Ready", "Reconciling", "Stalled", "Progressing")] == [
        "True", "False", "False", "True",
    ]  # fmt: skip
    assert [e.reason for e in played.events] == ["RolloutStarted", "RolloutComplete"]


def test_a_second_pass_over_what_has_not_changed_asks_for_nothing_new() -> None:
    played = a_serving_service()
    before = dict(played.objects)
    plan = played.operator()
    assert plan.status is None
    assert (plan.create, plan.delete) == ((), ())
    assert played.objects == before


def test_a_new_operator_does_not_forget_what_replicas_said_before_it_has_asked_them() -> None:
    played = a_serving_service(1)
    played.reporting(0, buckets_ready=4, buckets_total=4, requests_per_second=7.0)
    played.after(60).operator()
    assert played.status.buckets.summary == "4/4"
    has_asked = replace(played.snapshot(), reports={}, written_at=None)
    just_begun = replace(has_asked, reports_pending=True)
    assert decide(just_begun, NOW + timedelta(seconds=70)).status is None
    forgotten = decide(has_asked, NOW + timedelta(seconds=70)).status
    assert forgotten is not None
    assert "buckets" not in forgotten


def test_scaling_is_no_rollout() -> None:
    played = a_serving_service(2)
    played.spec(replicas=4, rollout={})
    played.after(1).operator()
    assert list(played.replicas().values()) == [4]
    assert played.status.rollout is None
    assert played.ticks().status.ready == "4/4"
    assert played.spec(replicas=0).ticks().status.state == "Idle"
    assert condition(played, "Ready") == "True"


def test_a_deployment_is_scaled_with_the_template_that_it_has() -> None:
    played = a_serving_service(1)
    (deployment,) = played.of_kind("Deployment")
    deployment["spec"]["template"]["spec"]["schedulerName"] = "set-by-the-api-server"
    played.spec(replicas=2)
    plan = played.operator()
    (written,) = [m for m in plan.apply if m["kind"] == "Deployment"]
    assert written["spec"]["template"] == deployment["spec"]["template"]


# rolling update


def test_a_rolling_update_never_has_fewer_ready_than_wanted_and_completes() -> None:
    played = a_serving_service(3)
    first = played.status.current_revision
    played.image("team/minilm:2")
    seen = set()
    for _ in range(40):
        played.after(1).operator()
        seen.add(played.status.state)
        played.cluster()
        assert played.serving() >= 3
        assert sum(played.replicas().values()) <= 4
        played.ready()
    status = played.status
    assert status.state == "Ready"
    assert status.current_revision == status.updated_revision != first
    assert list(played.replicas()) == [status.current_revision]
    assert seen == {"RollingOut", "Ready"}
    assert len(played.of_kind("ControllerRevision")) == 2


def test_a_revision_that_is_not_ready_in_time_stops_and_the_old_one_serves() -> None:
    played = a_serving_service(3, progressDeadlineSeconds=60)
    first = played.status.current_revision
    played.image("team/minilm:2").ticks(ready=False)
    second = played.status.updated_revision
    assert played.replicas() == {first: 3, second: 1}
    assert played.status.state == "RollingOut"
    wrong = waiting_for("ErrImagePull", "not found")
    played.change_pods(second, waiting=wrong)
    played.operator()
    assert played.status.reason == "ImagePull"
    plan = played.operator()
    assert 0 < (plan.requeue_after or 0) <= 60
    played.after(61).operator()
    status = played.status
    assert (status.state, status.reason) == ("RolloutStopped", "ImagePull")
    assert "team/minilm:2 cannot be pulled" in status.message
    assert "3 of 3 replicas serve" in status.message
    assert [condition(played, k) for k in ("Ready", "Stalled", "Progressing")] == [
        "True", "True", "False",
    ]  # fmt: skip
    assert played.ticks(ready=False).replicas() == {first: 3, second: 1}, "one for its log"
    assert "RolloutStopped" in [e.reason for e in played.events]


def test_what_was_half_replaced_is_given_back() -> None:
    played = a_serving_service(3, progressDeadlineSeconds=60)
    first = played.status.current_revision
    played.image("team/minilm:2").after(1).operator()
    second = played.status.updated_revision
    played.cluster().ready(second)
    for _ in range(3):
        played.after(1).operator()
        played.cluster()
    assert played.replicas() == {first: 2, second: 2}
    for _ in range(3):
        played.after(61).operator()
        assert played.cluster().serving() >= 2
        played.ready(first)
    assert played.status.state == "RolloutStopped"
    played.ticks(ready=False)
    assert played.replicas() == {first: 3, second: 1}
    assert played.serving() >= 3


def test_a_change_tries_again_and_so_does_another_deadline() -> None:
    played = a_serving_service(2, progressDeadlineSeconds=60)
    played.image("team/minilm:2").ticks(ready=False).after(61).operator()
    assert played.status.state == "RolloutStopped"
    played.rollout(progressDeadlineSeconds=120).operator()
    assert played.status.state == "RollingOut"
    played.after(121).operator()
    assert played.status.state == "RolloutStopped"
    played.image("team/minilm:3").ticks()
    assert played.status.state == "Ready"
    assert list(played.replicas()) == [played.status.current_revision]


def test_late_is_not_broken() -> None:
    played = a_serving_service(2, progressDeadlineSeconds=60)
    played.image("team/minilm:2").ticks(ready=False).after(61).operator()
    assert played.status.state == "RolloutStopped"
    assert played.ticks().status.state == "Ready"
    assert played.status.current_revision == played.status.updated_revision


def test_a_revision_that_only_crashes_is_not_waited_for() -> None:
    played = a_serving_service(2)
    played.image("team/minilm:2").ticks(ready=False)
    second = played.status.updated_revision
    why = '{"version": 1, "cause": "DeviceOutOfMemory", "message": "bucket batch=64 does not fit"}'
    played.crash(second, restarts=1, message=why).operator()
    assert (played.status.state, played.status.reason) == ("RollingOut", "DeviceOutOfMemory")
    played.crash(second, restarts=3, message=why).operator()
    assert (played.status.state, played.status.reason) == ("RolloutStopped", "DeviceOutOfMemory")
    assert "bucket batch=64 does not fit" in played.status.message


def test_a_first_revision_that_does_not_get_ready_has_failed_and_keeps_its_pods() -> None:
    played = a_service().spec(replicas=2, rollout={"progressDeadlineSeconds": 60})
    played.ticks(ready=False).after(61).operator()
    assert (played.status.state, played.status.reason) == ("Failed", "ProgressDeadlineExceeded")
    assert list(played.replicas().values()) == [2]
    assert played.ticks().status.state == "Ready"


def test_going_back_in_the_middle_returns_to_the_old_revision() -> None:
    played = a_serving_service(3)
    first = played.status.current_revision
    played.image("team/minilm:2").after(1).operator()
    played.cluster().ready().after(1)
    played.operator()
    played.image("team/minilm:1").ticks()
    assert played.status.state == "Ready"
    assert played.replicas() == {first: 3}
    numbers = {o["metadata"]["name"]: o["revision"] for o in played.of_kind("ControllerRevision")}
    assert numbers[f"minilm-{first}"] == 3, "it is the newest again"


def test_a_revision_is_discarded_only_for_the_latest_spec() -> None:
    """Given an operator that has heard of a new revision's objects, but not of the new spec, so
    that it takes the rollout for a way back."""
    played = a_serving_service(2)
    first, old_spec = played.status.current_revision, dict(played.manifest["spec"])
    played.image("team/minilm:2").after(1).operator()
    played.manifest["spec"] = old_spec
    plan = decide(played.snapshot(), played.now)
    assert [ref.name for ref in plan.discard] == [f"minilm-{first}"]
    assert not [ref for ref in plan.delete if ref.kind == "ControllerRevision"]


# recreate


def test_recreate_stops_all_old_ones_first_and_tells_of_the_gap() -> None:
    played = a_serving_service(2, strategy="Recreate")
    first = played.status.current_revision
    played.image("team/minilm:2").after(1).operator()
    assert played.replicas() == {first: 0}
    played.cluster()
    played.operator()
    assert played.replicas() == {first: 0}, "its pods are still ending"
    status = played.status
    assert (status.state, status.reason) == ("RollingOut", "NoReplicaReady")
    assert status.rollout.unserved_since == played.now
    assert "nothing is served until a new one is ready" in status.message
    assert condition(played, "Ready") == "False"
    gone_at = played.now
    played.cluster().after(5).operator()
    assert played.replicas()[played.status.updated_revision] == 2
    assert played.status.rollout.unserved_since == gone_at
    assert played.ticks().status.state == "Ready"
    assert list(played.replicas()) == [played.status.current_revision]


def test_recreate_does_not_wait_for_pods_on_a_node_that_does_not_answer() -> None:
    played = a_serving_service(1, strategy="Recreate")
    played.image("team/minilm:2").after(1).operator()
    (old,) = played.cluster().pods
    played.after(59).operator()
    assert len(played.replicas()) == 1
    assert played.pods == [old], "still ending"
    played.after(2).operator()
    assert played.replicas()[played.status.updated_revision] == 1


def test_recreate_that_fails_gives_the_old_revision_its_device_back() -> None:
    played = a_serving_service(2, strategy="Recreate", progressDeadlineSeconds=60)
    first = played.status.current_revision
    played.image("team/minilm:2").ticks(ready=False)
    second = played.status.updated_revision
    assert played.replicas() == {first: 0, second: 2}
    played.after(61).operator()
    assert played.replicas() == {first: 0, second: 0}
    played.ticks(ready=False)
    assert played.replicas() == {first: 2, second: 0}
    played.ready()
    played.operator()
    assert played.status.state == "RolloutStopped"
    assert played.status.ready == "2/2"


# the compile cache


def test_the_first_pod_waits_for_its_warmup_while_the_old_revision_serves() -> None:
    played = a_serving_service(2)
    first = played.status.current_revision
    played.caching("Wait").image("team/minilm:2").after(1).operator()
    assert (played.status.state, played.status.reason) == ("WarmingUp", "WaitingForWarmup")
    assert played.replicas() == {first: 2}
    assert condition(played, "Ready") == "True"
    (warmup,) = played.of_kind("Warmup")
    assert warmup["metadata"]["name"] == warmup_asked_for(played.snapshot())
    played.warmed("Compiling").after(7200).operator()
    assert played.status.state == "WarmingUp", "no deadline runs while it is warmed"
    played.warmed("Ready").after(1).operator()
    assert played.replicas()[played.status.updated_revision] == 1
    assert played.ticks().status.state == "Ready"


def test_a_failed_warmup_stops_the_rollout_or_starts_cold() -> None:
    strict = a_serving_service(2).caching("Wait", onWarmupFailure="Fail").image("team/minilm:2")
    strict.operator()
    strict.warmed("Failed", "CompileFailed: no").after(1).operator()
    assert (strict.status.state, strict.status.reason) == ("RolloutStopped", "WarmupFailed")
    assert len(strict.replicas()) == 1
    strict.warmed("Ready").ticks()
    assert strict.status.state == "Ready"
    cold = a_serving_service(2).caching("Wait").image("team/minilm:2")
    cold.operator()
    assert cold.warmed("Failed").ticks().status.state == "Ready"


def test_background_makes_the_warmup_beside_the_first_pod() -> None:
    played = a_service().caching("Background")
    played.operator()
    assert len(played.of_kind("Warmup")) == len(played.of_kind("Deployment")) == 1


def test_a_queue_or_a_drain_asks_for_no_other_warmup_but_buckets_do() -> None:
    played = a_service().caching("Wait")
    name = warmup_asked_for(played.snapshot())
    assert name == warmup_asked_for(played.spec(drainSeconds=5).snapshot())
    assert name == warmup_asked_for(played.spec(batching={"maxQueue": 3}).snapshot())
    assert name == warmup_asked_for(played.rollout(progressDeadlineSeconds=99).snapshot())
    assert name != warmup_asked_for(played.spec(buckets={"batch": [1, 2]}).snapshot())


# several hosts


def test_replicas_of_several_hosts_are_jaxjobs() -> None:
    played = a_service().on("cpu", hosts=2).spec(replicas=2)
    played.operator()
    jobs = [job["metadata"]["name"] for job in played.of_kind("JaxJob")]
    revision = played.status.updated_revision
    assert jobs == [f"minilm-{revision}-0", f"minilm-{revision}-1"]
    assert played.ticks().status.ready == "2/2"
    played.image("team/minilm:2")
    for _ in range(30):
        played.after(1).operator()
        assert played.cluster().serving() >= 2
        assert len(played.of_kind("JaxJob")) <= 3
        played.ready()
    assert played.status.state == "Ready"
    assert len(played.of_kind("JaxJob")) == 2


def test_a_stopped_rollout_of_several_hosts_makes_the_old_replicas_again() -> None:
    played = a_service().on("cpu", hosts=2).rollout(strategy="Recreate", progressDeadlineSeconds=60)
    played.ticks()
    first = played.status.current_revision
    played.image("team/minilm:2").ticks(ready=False).after(61).operator()
    played.ticks(ready=False)
    assert [j["metadata"]["name"] for j in played.of_kind("JaxJob")] == [f"minilm-{first}-0"]
    (job,) = played.of_kind("JaxJob")
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "team/minilm:1"


def test_a_replica_of_several_hosts_that_has_ended_is_made_anew_a_minute_later() -> None:
    played = a_service().on("cpu", hosts=2).ticks()
    (job,) = played.of_kind("JaxJob")
    job["status"] = {"state": "Failed", "message": "m", "completionTime": "2026-11-21T12:00:30Z"}
    played.now = NOW
    plan = played.operator()
    assert plan.requeue_after == 90.0
    assert (played.status.state, played.status.reason) == ("Degraded", "ReplicaFailed")
    played.after(91).operator()
    assert played.of_kind("JaxJob") == []
    assert played.ticks().status.state == "Ready"


# what is told


def test_numbers_of_replicas_become_one() -> None:
    played = a_serving_service(2)
    cold = CompilationReport(requests=4, hits=0)
    warm = CompilationReport(requests=4, hits=4)
    played.reporting(0, warm, buckets_ready=12, buckets_total=12, requests_per_second=10.04,
                     p50_seconds=0.01, p95_seconds=0.0201, p99_seconds=0.03)  # fmt: skip
    played.reporting(1, cold, state="Loading", buckets_ready=7, buckets_total=12,
                     seconds_left=3.6, requests_per_second=5.0, p95_seconds=0.5)  # fmt: skip
    played.after(20).operator()
    status = played.status
    assert (status.buckets.summary, status.buckets.seconds_left) == ("7/12", 4.0)
    assert status.requests_per_second == 15.0
    assert (status.latency.p50_milliseconds, status.latency.p95_milliseconds) == (10.0, 500.0)
    assert status.cache_hit == "4/8"


def test_numbers_alone_are_written_rarely() -> None:
    played = a_serving_service(1)
    played.reporting(0, requests_per_second=10.0).after(20).operator()
    played.reporting(0, requests_per_second=20.0)
    plan = played.after(4).operator()
    assert (plan.status, plan.requeue_after) == (None, 6.0)
    assert played.after(6).operator().status is not None


def test_a_replica_that_is_lost_degrades_the_service_and_tells_why() -> None:
    played = a_serving_service(2)
    revision = played.status.current_revision
    played.crash(revision, message="").operator()
    assert (played.status.state, played.status.reason) == ("Degraded", "ProgramError")
    assert played.status.rollout is None
    played.ready().operator()
    assert [e.reason for e in played.events][-2:] == ["ProgramError", "Recovered"]


def test_an_invalid_change_leaves_what_serves_alone() -> None:
    played = a_serving_service(2)
    before = dict(played.objects)
    played.on("tpu-v9").after(1).operator()
    status = played.status
    assert (status.state, status.reason) == ("RolloutStopped", "InvalidSpec")
    assert "there is no AcceleratorClass named tpu-v9" in status.message
    assert "2 replicas serve as before" in status.message
    assert played.objects == before
    assert played.on("cpu", hosts=1).ticks().status.state == "Ready"


def test_what_is_refused_is_told() -> None:
    played = a_service()
    plan = refused(played.snapshot(), [("Forbidden", "no quota"), ("Forbidden", "nor here")], NOW)
    assert plan.status is not None
    status = JaxServiceStatus.model_validate(plan.status)
    assert (status.state, status.reason, status.message) == (
        "Pending", "Forbidden", "no quota (and 1 more)",
    )  # fmt: skip


def test_a_service_that_is_deleted_is_left_to_garbage_collection() -> None:
    played = a_service()
    played.manifest["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    assert decide(played.snapshot(), NOW).apply == ()


def test_old_revisions_are_kept_up_to_the_limit() -> None:
    played = a_serving_service(1).spec(revisionHistoryLimit=2)
    for number in range(2, 7):
        played.image(f"team/minilm:{number}").ticks()
    numbers = sorted(o["revision"] for o in played.of_kind("ControllerRevision"))
    assert numbers == [4, 5, 6]
