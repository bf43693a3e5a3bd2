"""A job that wants its program compiled first, or beside its start."""

from datetime import timedelta

import pytest
from building import NOW, World, a_jaxjob, seconds
from caching import a_cache, a_runtime, a_warmup, an_unusable_cache
from jaxop.api.plan import Manifest, Plan
from jaxop.api.v1alpha1 import Warmup
from jaxop.api.v1alpha1.labels import WARMUP_RUN
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.warming.asked import name_asked_for

A_NEW_CACHE = an_unusable_cache()


def asking(warmup: str = "Wait", on_failure: str = "StartCold", name: str = "digits") -> World:
    use = {"name": "team-cache", "warmup": warmup, "onWarmupFailure": on_failure}
    return a_jaxjob(name).spec(compileCache=use).seeing(compile_cache=a_cache())


def plan_of(world: World, after: float = 0.0) -> Plan:
    return decide(world.snapshot(), NOW + seconds(after))


def status_of(world: World, after: float = 0.0) -> Manifest:
    status = plan_of(world, after).status
    assert status is not None
    return status


def starts(plan: Plan) -> bool:
    return any(child["kind"] == "Job" for child in plan.apply)


def name_of(world: World) -> str:
    name = name_asked_for(world.snapshot())
    assert name is not None
    return name


class TestWhatIsAskedFor:
    def test_the_program_as_it_is(self) -> None:
        world = asking().spec(preflight={"mode": "Off"})
        (made,) = plan_of(world).create
        assert made["kind"] == "Warmup"
        assert made["metadata"] == {
            "name": name_of(world),
            "namespace": "ml",
            "labels": {},
            "ownerReferences": [
                {
                    "apiVersion": "jaxop.dev/v1alpha1",
                    "kind": "CompileCache",
                    "name": "team-cache",
                    "uid": "uid-team-cache",
                }
            ],
        }, "it goes with the cache, and belongs to no job"
        spec = Warmup.model_validate(made).spec
        assert spec.compile_cache == "team-cache"
        assert spec.template == world.jaxjob.spec.template
        assert spec.accelerator == world.jaxjob.spec.accelerator
        assert spec.preflight.mode == "Off"
        assert spec.ttl_seconds_after_finished == timedelta(days=1).total_seconds()

    def test_it_queues_as_the_job_does(self) -> None:
        labels = {"kueue.x-k8s.io/queue-name": "gpus", "team": "ml"}
        (made,) = plan_of(asking().metadata(labels=labels)).create
        assert made["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "gpus"}

    def test_its_name_has_room_for_the_names_of_its_jobs(self) -> None:
        cache = a_cache("a-team-with-a-name-of-exactly-fifty-characters-yes")
        use = {"name": cache.metadata.name, "warmup": "Wait"}
        name = name_of(asking().spec(compileCache=use).seeing(compile_cache=cache))
        assert name.startswith("a-team-with-a-name-of-e-")
        assert len(name) <= 36

    @pytest.mark.parametrize(
        "same",
        [
            asking(name="another"),
            asking("Background"),
            asking(on_failure="Fail"),
            asking().metadata(labels={"team": "a"}, uid="another"),
            asking().pod_spec(priorityClassName="high", terminationGracePeriodSeconds=5),
            asking().with_max_restarts(9),
        ],
    )
    def test_jobs_of_the_same_program_ask_for_the_same(self, same: World) -> None:
        assert name_of(same) == name_of(asking())

    @pytest.mark.parametrize(
        "other",
        [
            asking().program(command=["python", "-m", "eval"]),
            asking().program(image="team/digits:2"),
            asking().program(env=[{"name": "BATCH", "value": "64"}]),
            asking().with_hosts(3),
            asking().seeing(
                compile_cache=a_cache(name="team-cache").replace(
                    metadata=a_cache().metadata.replace(uid="made-anew")
                )
            ),
            asking().spec(runtime="jax-0.12").seeing(runtime=a_runtime(xlaFlags=["--xla_a=1"])),
        ],
    )
    def test_another_program_or_cache_asks_for_another(self, other: World) -> None:
        assert name_of(other) != name_of(asking())


class TestWait:
    def test_no_pods_before_it_is_ready(self) -> None:
        world = asking()
        plan = plan_of(world)
        assert not starts(plan)
        assert not plan.apply
        assert plan.status is not None
        assert (plan.status["state"], plan.status["reason"]) == ("Pending", "WaitingForWarmup")
        name = name_of(world)
        assert plan.status["message"] == f"waits for Warmup {name}, which is asked for"
        conditions = {c["type"]: c["status"] for c in plan.status["conditions"]}
        assert conditions == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
        assert [(e.type, e.reason) for e in plan.events] == [("Normal", "WaitingForWarmup")]

    def test_it_says_how_the_warmup_stands_and_tells_it_once(self) -> None:
        world = asking()
        world = world.after(plan_of(world))
        warmup = a_warmup(state="Compiling", message="JaxJob x is Running")
        plan = plan_of(world.seeing(warmup=warmup))
        assert plan.create == ()
        assert plan.events == ()
        assert plan.status is not None
        assert plan.status["message"] == (
            "waits for Warmup team-cache-0, which is Compiling: JaxJob x is Running"
        )
        again = world.after(plan).seeing(warmup=warmup)
        assert plan_of(again) == Plan(), "a second look changes nothing"

    def test_ready_it_starts(self) -> None:
        assert starts(plan_of(asking().seeing(warmup=a_warmup(state="Ready"))))

    def test_when_it_is_compiled_for_an_accelerator_that_was_not_there(self) -> None:
        ready = a_warmup(state="Ready", reason="CompiledNotVerified")
        assert starts(plan_of(asking().seeing(warmup=ready)))

    def test_failed_it_starts_cold(self) -> None:
        failed = a_warmup(state="Failed", message="JaxJob x-fill0 failed")
        plan = plan_of(asking().seeing(warmup=failed))
        assert starts(plan)
        assert plan.status is not None
        assert plan.status["compilation"]["problem"].endswith("started cold")

    def test_failed_it_fails_if_that_is_wanted(self) -> None:
        failed = a_warmup(state="Failed", message="JaxJob x-fill0 failed (ProgramError): boom")
        plan = plan_of(asking(on_failure="Fail").seeing(warmup=failed))
        assert not starts(plan)
        assert plan.status is not None
        assert (plan.status["state"], plan.status["reason"]) == ("Failed", "CompileFailed")
        assert plan.status["failure"]["cause"] == "CompileFailed"
        assert plan.status["message"] == (
            "Warmup team-cache-0 failed: JaxJob x-fill0 failed (ProgramError): boom; delete it to "
            "have it tried again"
        )

    def test_a_new_cache_has_time_to_become_usable(self) -> None:
        world = asking().seeing(compile_cache=A_NEW_CACHE)
        plan = plan_of(world, after=60)
        assert not starts(plan)
        assert plan.create == ()
        assert plan.requeue_after == 240
        assert plan.status is not None
        assert plan.status["reason"] == "WaitingForWarmup"
        assert "CompileCache team-cache cannot be used yet" in plan.status["message"]

    def test_no_cache_holds_a_job_for_ever(self) -> None:
        assert starts(plan_of(asking().seeing(compile_cache=A_NEW_CACHE), after=300))
        assert starts(plan_of(asking().seeing(compile_cache=None), after=10))

    def test_one_that_was_applied_with_the_job_is_heard_of_in_time(self) -> None:
        plan = plan_of(asking().seeing(compile_cache=None), after=4)
        assert not starts(plan)
        assert plan.create == ()
        assert plan.requeue_after == 6
        assert plan.status is not None
        assert plan.status["message"] == "CompileCache team-cache does not exist"

    @pytest.mark.parametrize(
        "began",
        [
            asking().with_jobs().running_pods().reporting("Running"),
            asking().with_jobs().with_pods(),
            asking().status(state="Restarting", attempt=1, restarts=1),
            asking().status(state="Queued"),
        ],
    )
    @pytest.mark.parametrize("warmup", [None, a_warmup(state="Failed"), a_warmup()])
    def test_a_job_that_has_begun_is_never_held(self, began: World, warmup: Warmup | None) -> None:
        plan = plan_of(began.seeing(warmup=warmup))
        assert plan.create == ()
        status = plan.status or began.manifest["status"]
        assert status["state"] not in ("Pending", "Failed")

    def test_a_resumed_job_waits_again(self) -> None:
        assert not starts(plan_of(asking().status(state="Suspended")))


class TestSuspended:
    @pytest.mark.parametrize("warmup", ["Wait", "Background"])
    def test_it_neither_asks_nor_waits(self, warmup: str) -> None:
        world = asking(warmup).suspended()
        assert plan_of(world).create == ()
        assert status_of(world)["state"] == "Suspended"
        assert name_asked_for(world.snapshot()) is None


class TestBackground:
    def test_both_are_made_at_once(self) -> None:
        plan = plan_of(asking("Background"))
        assert starts(plan)
        assert [made["kind"] for made in plan.create] == ["Warmup"]

    def test_asked_for_once(self) -> None:
        world = asking("Background")
        assert plan_of(world.after(plan_of(world))).create == ()

    def test_not_without_the_cache(self) -> None:
        plan = plan_of(asking("Background").seeing(compile_cache=None))
        assert starts(plan)
        assert plan.create == ()


def test_a_warmups_own_jobs_ask_for_none() -> None:
    world = asking().metadata(labels={WARMUP_RUN: "Fill"})
    assert starts(plan_of(world))
    assert plan_of(world).create == ()


@pytest.mark.parametrize("broken", [asking().on("cpuu"), asking().pod_spec(hostname="x")])
def test_who_cannot_be_run_asks_for_none(broken: World) -> None:
    assert name_asked_for(broken.snapshot()) is None
    assert status_of(broken)["reason"] == "InvalidSpec"
