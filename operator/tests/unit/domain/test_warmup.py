"""A Warmup from its creation to Ready or Failed, told in what JaxJobs and keeper do."""

from typing import Any, ClassVar

import pytest
from building import seconds
from caching import an_unusable_cache
from jaxop.api.plan import Plan
from jaxop.api.v1alpha1 import JaxJob
from jaxop.domain.warmup import Keeper, decide
from warmups import Namespace, a_namespace


def compiling(**spec: object) -> Namespace:
    ns = a_namespace(**spec)
    ns.settle()
    assert ns.where() == ("Compiling", "Filling")
    return ns


def publishing(offered: int = 12) -> Namespace:
    ns = compiling()
    ns.succeeds("w-fill0", offered=offered)
    ns.look()
    assert ns.where() == ("Publishing", "Publishing")
    return ns


def verifying(**spec: object) -> Namespace:
    ns = compiling(**spec)
    ns.succeeds("w-fill0", offered=12)
    ns.look()
    ns.keeper_saw("w-fill0", 12)
    ns.settle()
    assert ns.where() == ("Verifying", "Verifying")
    return ns


def test_the_whole_way() -> None:
    ns = a_namespace()
    assert ns.look().create == (), "the turn is taken first, and written down"
    assert ns.where() == ("Compiling", "Starting")
    ns.settle()
    assert list(ns.jobs) == ["w-fill0"]
    ns.plays("w-fill0", "Running", "all 2 processes run")
    ns.settle()
    assert ns.status().message == "JaxJob w-fill0 is Running: all 2 processes run"
    ns.succeeds("w-fill0", requests=12, hits=0, offered=12)
    ns.look()
    assert ns.where() == ("Publishing", "Publishing")
    ns.keeper_saw("w-fill0", published=5, pending=7)
    ns.look()
    assert ns.status().message == "5 of 12 entries are published"
    ns.keeper_saw("w-fill0", published=12)
    ns.settle()
    assert ns.where() == ("Verifying", "Verifying")
    assert list(ns.jobs) == ["w-fill0", "w-verify0"]
    ns.succeeds("w-verify0", requests=12, hits=12)
    ns.look()
    assert ns.where() == ("Ready", "Verified")
    status = ns.status()
    assert status.message == "a second run found all 12 programs in the cache"
    assert (status.entries, status.bytes) == (12, 12000)
    assert (status.compile_seconds, status.first_step_seconds) == (7.5, 12.5)
    assert status.verification is not None
    assert status.verification.summary == "12/12"
    assert status.completion_time == ns.now
    assert ns.conditions() == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
    told = [f"{event.type} {event.reason}" for event in ns.events]
    assert told == [f"Normal {s}" for s in ("Compiling", "Publishing", "Verifying", "Ready")]
    ns.settle()
    assert ns.jobs == {}, "what has succeeded is not kept"


class TestItsJaxJobs:
    def test_have_what_the_warmup_has(self) -> None:
        ns = compiling(runtime=None, activeDeadlineSeconds=600, preflight={"mode": "Report"})
        job = ns.jobs["w-fill0"]
        assert job["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "jax-operator",
            "jaxop.dev/warmup": "w",
            "jaxop.dev/warmup-run": "Fill",
        }
        (owner,) = job["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("Warmup", "w", True)
        spec, warmup = JaxJob.model_validate(job).spec, ns.warmup().spec
        assert (spec.template, spec.accelerator) == (warmup.template, warmup.accelerator)
        assert spec.restart_policy.max_restarts == 0
        assert spec.active_deadline_seconds == 600
        assert spec.preflight.mode == "Report"
        assert spec.compile_cache is not None
        assert (spec.compile_cache.name, spec.compile_cache.warmup) == ("team-cache", "None")

    def test_the_verification_is_marked_as_such(self) -> None:
        ns = verifying()
        assert ns.jobs["w-verify0"]["metadata"]["labels"]["jaxop.dev/warmup-run"] == "Verify"

    def test_queue_where_the_warmup_would(self) -> None:
        ns = a_namespace()
        ns.warmups["w"]["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "gpus", "a": "b"}
        ns.settle()
        labels = ns.jobs["w-fill0"]["metadata"]["labels"]
        assert labels["kueue.x-k8s.io/queue-name"] == "gpus"
        assert "a" not in labels

    def test_names_have_room_in_those_of_jaxjobs(self) -> None:
        ns = a_namespace()
        ns.warmups["w"]["metadata"]["name"] = "w" * 36
        ns.warmups["w"]["status"] = {"state": "Verifying", "cacheNamespace": "x", "run": 10}
        (job,) = decide(ns.snapshot(), ns.now).create
        assert len(job["metadata"]["name"]) == 45


class TestPending:
    def test_without_the_cache(self) -> None:
        ns = a_namespace()
        ns.cache = None
        ns.pass_time(4)
        ns.settle()
        assert ns.where() == ("Pending", "CompileCacheNotFound")
        assert ns.status().message == "CompileCache team-cache does not exist"
        assert ns.conditions()["Reconciling"] == "True"

    def test_but_says_nothing_of_a_cache_that_may_have_been_applied_with_it(self) -> None:
        ns = a_namespace()
        ns.cache = None
        ns.pass_time(1)
        assert ns.look() == Plan(requeue_after=2.0)

    def test_until_it_can_be_used(self) -> None:
        ns = a_namespace()
        ns.cache = an_unusable_cache()
        ns.settle()
        assert ns.where() == ("Pending", "CompileCacheNotUsable")
        ns.cache = Namespace().cache
        ns.settle()
        assert ns.where() == ("Compiling", "Filling")

    def test_stalled_where_the_spec_is_wrong(self) -> None:
        ns = a_namespace(accelerator={"class": "cpuu"})
        ns.settle()
        assert ns.where() == ("Pending", "InvalidSpec")
        assert ns.status().message == (
            "spec.accelerator.class: there is no AcceleratorClass named cpuu; nearest: cpu"
        )
        assert ns.conditions() == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
        assert [(e.type, e.reason) for e in ns.events] == [("Warning", "InvalidSpec")]

    def test_an_unknown_runtime(self) -> None:
        ns = a_namespace(runtime="jax-0.12")
        ns.settle()
        assert (ns.status().message or "").startswith(
            "spec.runtime: there is no JaxRuntime named jax-0.12"
        )


class TestTheFill:
    def test_is_judged_when_its_last_words_are_heard(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", offered=12)
        ns.pass_time(-2)
        plan = decide(ns.snapshot(), ns.now)
        assert plan == Plan(requeue_after=1.0)

    def test_that_is_not_known_to_have_offered_may_say_so_later(self) -> None:
        """The report of a launcher that still ran is all that is known."""
        ns = compiling()
        ns.succeeds("w-fill0", requests=12, offered=0)
        assert ns.look().requeue_after == 57
        ns.jobs["w-fill0"]["status"]["compilation"]["offered"] = 12
        ns.look()
        assert ns.where() == ("Publishing", "Publishing")

    def test_of_a_program_that_compiles_nothing(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=0)
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Failed", "NothingCompiled"), "another try would do the same"
        assert "the program compiled nothing that the cache keeps" in (ns.status().message or "")

    def test_that_finds_all_has_verified_it(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=12, hits=12)
        ns.look()
        assert ns.where() == ("Ready", "FoundFilled")
        assert ns.made == ["w-fill0"]
        verification = ns.status().verification
        assert verification is not None
        assert verification.summary == "12/12"

    def test_that_offers_nothing_is_tried_again(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=12, hits=3, offered=0)
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Compiling", "Starting")
        assert ns.status().message == (
            "9 programs were compiled and none was offered; try 2 of 3 begins"
        )

    def test_that_says_nothing_is_waited_for(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0")
        del ns.jobs["w-fill0"]["status"]["compilation"]
        assert ns.look().requeue_after == 57
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Failed", "NothingCompiled")

    def test_that_fails_is_tried_again_until_all_tries_are_used(self) -> None:
        ns = compiling(maxRetries=1)
        ns.fails("w-fill0", "CompileFailed", "XLA says no")
        ns.settle()
        assert list(ns.jobs) == ["w-fill0", "w-fill1"]
        assert ns.status().run == 1
        ns.fails("w-fill1", "CompileFailed", "XLA says no")
        ns.settle()
        assert ns.where() == ("Failed", "RunFailed")
        assert ns.status().message == (
            "JaxJob w-fill1 failed (CompileFailed): XLA says no (all 2 tries are used)"
        )
        assert [(e.type, e.reason) for e in ns.events] == [
            *(("Normal", "Compiling"), ("Warning", "Retrying"), ("Warning", "Failed")),
        ]
        assert ns.conditions() == {
            "Ready": "False",
            "Reconciling": "False",
            "Stalled": "True",
            "Failed": "True",
        }
        assert list(ns.jobs) == ["w-fill0", "w-fill1"], "kept for their logs"

    def test_that_somebody_deletes_is_made_again(self) -> None:
        ns = compiling()
        ns.jobs.clear()
        ns.settle()
        assert list(ns.jobs) == ["w-fill0"]

    def test_that_cannot_even_start_does_not_keep_its_turn_for_ever(self) -> None:
        ns = compiling(activeDeadlineSeconds=600, maxRetries=0)
        ns.plays("w-fill0", "Pending", "Job w-fill0-a0-s0 is refused: no quota")
        plan = ns.look()
        assert plan.requeue_after == 600
        ns.pass_time(600)
        ns.look()
        assert ns.where() == ("Failed", "RunFailed")
        assert "has not started within 600 s: Job w-fill0-a0-s0 is refused" in (
            ns.status().message or ""
        )
        assert ns.jobs == {}


class TestPublishing:
    def test_while_the_keeper_is_down_it_stays(self) -> None:
        ns = publishing()
        ns.keeper = Keeper()
        plan = ns.look()
        assert ns.where() == ("Publishing", "KeeperSilent")
        assert "the keeper of CompileCache team-cache does not answer" in (
            ns.status().message or ""
        )
        assert plan.requeue_after == 2
        ns.keeper_saw("w-fill0", 12)
        ns.look()
        assert ns.where() == ("Verifying", "Verifying")

    def test_the_deadline_ends_it(self) -> None:
        ns = publishing()
        ns.keeper = Keeper()
        ns.look()
        ns.pass_time(3600)
        ns.look()
        assert ns.where() == ("Compiling", "Starting")
        assert "not published within 3600 s: the keeper" in (ns.status().message or "")

    @pytest.mark.parametrize(("published", "refused", "pending"), [(11, 0, 0), (11, 0, 1)])
    def test_not_before_all_are_looked_at(self, published: int, refused: int, pending: int) -> None:
        ns = publishing(offered=12)
        ns.keeper_saw("w-fill0", published, refused, pending)
        ns.look()
        assert ns.where() == ("Publishing", "Publishing")

    def test_some_refused_is_for_the_verification_to_judge(self) -> None:
        ns = publishing(offered=12)
        ns.keeper_saw("w-fill0", published=11, refused=1)
        ns.look()
        assert ns.where() == ("Verifying", "Verifying")

    def test_all_refused_is_tried_again(self) -> None:
        ns = publishing(offered=12)
        ns.keeper_saw("w-fill0", published=0, refused=12)
        ns.look()
        assert ns.status().run == 1
        assert (ns.status().message or "").startswith("the keeper refused all 12 entries")

    def test_a_keeper_that_was_restarted_has_forgotten_the_offer(self) -> None:
        ns = publishing()
        ns.pass_time(59)
        ns.look()
        assert ns.where() == ("Publishing", "Publishing")
        ns.pass_time(1)
        ns.look()
        assert ns.where() == ("Verifying", "Verifying")


class TestVerification:
    def test_a_miss_is_tried_again(self) -> None:
        ns = verifying()
        ns.succeeds("w-verify0", requests=12, hits=11)
        ns.pass_time(57)
        ns.settle()
        assert ns.made == ["w-fill0", "w-verify0", "w-fill1"]
        verification = ns.status().verification
        assert verification is not None
        assert verification.summary == "11/12"
        assert [e.message for e in ns.events if e.reason == "Retrying"] == [
            "a second run found 11 of 12 programs; try 2 of 3 begins"
        ]

    def test_no_requests_are_no_hits(self) -> None:
        ns = verifying(maxRetries=0)
        ns.succeeds("w-verify0", requests=0, hits=0)
        ns.pass_time(57)
        ns.settle()
        assert ns.where() == ("Failed", "NotFoundAgain")

    def test_that_fails_is_kept_and_the_fill_is_not(self) -> None:
        ns = verifying(maxRetries=0)
        ns.fails("w-verify0")
        ns.settle()
        assert ns.where() == ("Failed", "RunFailed")
        assert list(ns.jobs) == ["w-verify0"]


class TestFunctionsThatCallBackIntoPython:
    """JAX asks its cache for them, and never keeps them."""

    ONE: ClassVar[dict[str, Any]] = {"neverKept": 1, "neverKeptFunctions": ["train_step"]}
    WHY = "1 is never kept by JAX because it calls back into Python (train_step)"

    def test_are_not_missed(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=3, offered=2, **self.ONE)
        ns.look()
        ns.keeper_saw("w-fill0", 2)
        ns.settle()
        ns.succeeds("w-verify0", requests=3, hits=2, **self.ONE)
        ns.look()
        assert ns.where() == ("Ready", "Verified")
        assert ns.status().message == f"a second run found 2 of 3 programs in the cache; {self.WHY}"
        verification = ns.status().verification
        assert verification is not None
        assert (verification.summary, verification.never_kept) == ("2/3", 1)

    def test_excuse_no_other_miss(self) -> None:
        ns = verifying(maxRetries=0)
        problem = f"1 of 3 compilations were not among the published entries; {self.WHY}"
        ns.succeeds("w-verify0", requests=3, hits=1, problem=problem, **self.ONE)
        assert ns.look().requeue_after == 57, "its last words may know better"
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Failed", "NotFoundAgain")
        assert ns.status().message == f"a second run found 1 of 3 programs ({problem})"

    def test_are_no_reason_to_fill_again(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=3, hits=2, **self.ONE)
        ns.look()
        assert ns.where() == ("Ready", "FoundFilled")
        assert ns.status().message == f"2 of 3 programs were in the cache already; {self.WHY}"

    def test_alone_are_nothing_to_warm(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=1, **self.ONE)
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Failed", "NothingCompiled")
        assert ns.status().message == (
            f"the program compiled nothing that the cache keeps; {self.WHY}"
        )

    def test_alone_verify_nothing(self) -> None:
        ns = verifying(maxRetries=0)
        ns.succeeds("w-verify0", requests=1, hits=0, **self.ONE)
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Failed", "NotFoundAgain")

    def test_more_of_them_than_requests_is_not_believed(self) -> None:
        ns = verifying(maxRetries=0)
        ns.succeeds("w-verify0", requests=3, hits=3, neverKept=9)
        ns.pass_time(57)
        ns.look()
        assert ns.where() == ("Failed", "NotFoundAgain")

    def test_what_could_be_kept_and_was_not_offered_is_counted(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=12, hits=3, offered=0, neverKept=4)
        ns.pass_time(57)
        ns.look()
        assert (ns.status().message or "").startswith("5 programs were compiled and none was")


class TestTurns:
    def two(self) -> Namespace:
        ns = a_namespace()
        ns.pass_time(5)
        ns.add("younger")
        return ns

    def test_the_younger_waits_and_says_for_whom(self) -> None:
        ns = self.two()
        ns.settle("younger")
        ns.settle("w")
        ns.settle("younger")
        assert ns.where("younger") == ("Waiting", "AnotherWarmupFills")
        assert (ns.status("younger").message or "").startswith(
            "waits for Warmup w, which fills the same cache namespace"
        )
        assert list(ns.jobs) == ["w-fill0"]

    def test_then_it_is_its_turn(self) -> None:
        ns = self.two()
        ns.settle("w")
        ns.settle("younger")
        ns.succeeds("w-fill0", requests=12, hits=12)
        ns.look("w")
        ns.settle("younger")
        assert ns.where("younger") == ("Compiling", "Filling")
        ns.succeeds("younger-fill0", requests=12, hits=12)
        ns.look("younger")
        assert ns.where("younger") == ("Ready", "FoundFilled")

    def test_who_is_under_way_goes_on(self) -> None:
        """Though an older one turns up: names decide within a second."""
        ns = a_namespace()
        ns.settle("w")
        ns.add("a-name-that-comes-first")
        ns.settle("a-name-that-comes-first")
        assert ns.where("a-name-that-comes-first")[0] == "Waiting"

    def test_of_two_that_took_their_turn_at_once_one_steps_back(self) -> None:
        ns = self.two()
        for name in ("w", "younger"):
            digest = "d"
            ns.warmups[name]["status"] = {
                "state": "Compiling",
                "reason": "Starting",
                "cacheNamespace": digest,
                "stateSince": "2026-11-21T12:00:00.000000Z",
            }
        assert ns.look("w").create == (), "until the other has stepped back"
        assert ns.look("younger").create == ()
        assert ns.where("younger")[0] == "Waiting"
        assert [job["metadata"]["name"] for job in ns.look("w").create] == ["w-fill0"]

    def test_another_namespace_is_filled_meanwhile(self) -> None:
        ns = self.two()
        ns.warmups["younger"]["spec"]["accelerator"]["hosts"] = 3
        ns.settle("w")
        ns.settle("younger")
        assert sorted(ns.jobs) == ["w-fill0", "younger-fill0"]

    def test_one_that_can_never_run_holds_nobody(self) -> None:
        ns = self.two()
        ns.warmups["w"]["spec"]["accelerator"] = {"class": "cpuu"}
        ns.settle("w")
        ns.settle("younger")
        assert ns.where("younger") == ("Compiling", "Filling")


class TestTheEnd:
    def test_it_is_deleted_when_its_time_is_over(self) -> None:
        ns = compiling(ttlSecondsAfterFinished=600)
        ns.succeeds("w-fill0", requests=1, hits=1)
        ns.look()
        assert ns.look().requeue_after == 60, "to ask the keeper"
        ns.pass_time(60)
        assert ns.look().requeue_after == 540
        ns.pass_time(540)
        ns.look()
        assert ns.warmups == {}

    def test_without_one_it_stays(self) -> None:
        ns = compiling()
        ns.succeeds("w-fill0", requests=1, hits=1)
        ns.settle()
        ns.pass_time(10**7)
        assert ns.look() == Plan()


def test_a_refused_jaxjob_is_told_and_tried_again() -> None:
    ns = a_namespace()
    ns.look()
    ns.refuse("Forbidden", "JaxJob ml/w-fill0: exceeded quota")
    assert ns.where() == ("Compiling", "Forbidden")
    assert ns.conditions()["Stalled"] == "True"
    assert ns.refuse("Forbidden", "JaxJob ml/w-fill0: exceeded quota").status is None
    ns.settle()
    assert ns.where() == ("Compiling", "Filling")


def test_one_that_is_being_deleted_is_left_alone() -> None:
    ns = a_namespace()
    ns.warmups["w"]["metadata"]["deletionTimestamp"] = (ns.now + seconds(1)).isoformat()
    assert ns.look() == Plan()
