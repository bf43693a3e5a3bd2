"""status.compilation: warm or cold, why, and what compiled again."""

import json
from pathlib import Path
from typing import Any

import pytest
from building import NOW, World, a_cause, a_jaxjob, a_running_jaxjob, ended, seconds
from hypothesis import given
from hypothesis import strategies as st
from jaxop.api.v1alpha1.jaxjob_status import Compilation
from jaxop.domain.jaxjob import decide
from jaxop.domain.jaxjob.reading.launcher_reading import read_last_words, read_report
from jaxop.domain.jaxjob.telling.compilation import compilation, start_of, why_not_warm
from jaxop.domain.jaxjob.views import CompilationReport
from warmups import a_namespace

CONTRACT: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "images" / "runtime" / "contract.json").read_text()
)
DIGEST = "0123456789abcdef"


def told(**fields: Any) -> CompilationReport:
    """Of a program whose first step is done, of whose 12 compilations none was in the cache."""
    known: dict[str, Any] = {
        "namespace": DIGEST,
        "requests": 12,
        "linked": 12,
        "first_step_requests": 12,
        "first_step_hits": 0,
        "first_step_seconds": 12.1,
        "compile_seconds": 9.0,
        "recompilations": 0,
    }
    return CompilationReport(**{**known, **fields})


WARM = told(
    hits=12,
    first_step_hits=12,
    first_step_seconds=4.6,
    first_step_retrieval_seconds=0.5,
    first_step_saved_seconds=8.0,
    retrieval_seconds=0.5,
    saved_seconds=8.0,
    compile_seconds=0.6,
)


def told_of(report: CompilationReport | None, world: World | None = None) -> Compilation:
    known = (world or a_running_jaxjob()).reporting("Running", compilation=report).snapshot()
    made = compilation(known, known.jaxjob.status.attempt)
    assert made is not None
    return made


def test_a_warm_start() -> None:
    assert told_of(WARM) == Compilation(
        cache_namespace=DIGEST,
        requests=12,
        hits=12,
        summary="12/12",
        seconds=0.6,
        saved_seconds=8.0,
        first_step_seconds=4.6,
        start="Warm",
        first_step="4.6s (warm; cold was 12.1s)",
    )


@pytest.mark.parametrize(
    ("report", "start", "words", "summary"),
    [
        (told(), "Cold", "12.1s (cold)", "0/12"),
        (told(hits=5, first_step_hits=5), "Partial", "12.1s (partly warm)", "5/12"),
        (told(hits=12, first_step_hits=12), "Warm", "12.1s (warm)", "12/12"),
        (
            told(
                hits=12,
                first_step_hits=12,
                first_step_saved_seconds=1.0,
                first_step_retrieval_seconds=3.0,
            ),
            "Warm",
            "12.1s (warm)",
            "12/12",
        ),
        (told(requests=0, first_step_requests=0), None, "12.1s", None),
        (
            told(first_step_requests=None, first_step_hits=None, first_step_seconds=None),
            None,
            None,
            "0/12",
        ),
        (told(requests=14, hits=12, first_step_hits=12), "Warm", "12.1s (warm)", "12/14"),
    ],
)
def test_starts(
    report: CompilationReport, start: str | None, words: str | None, summary: str | None
) -> None:
    made = told_of(report)
    assert (made.start, made.first_step, made.summary) == (start, words, summary)


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (WARM, None),
        (told(problem="the user sets JAX_COMPILATION_CACHE_DIR"), "the user sets"),
        (told(hits=12, first_step_hits=12, problem="the volume is slow"), "the volume is slow"),
        (told(refused=1), "1 published entry was refused"),
        (told(refused=2, read_errors=1), "2 published entries were refused"),
        (told(read_errors=1), "1 entry of the cache could not be read"),
        (
            told(first_step_requests=3, first_step_hits=1, not_loadable=2),
            "2 entries found for devices that are not there, which alone can load them",
        ),
        (
            told(first_step_requests=3, first_step_hits=0, not_loadable=1, linked=1),
            "2 of 3 compilations were not among the published entries",
        ),
        (told(linked=0), f"cache namespace {DIGEST} had no entries"),
        (told(), "none of the 12 published entries is of this program"),
        (told(hits=5, first_step_hits=5), "7 of 12 compilations were not among"),
        (told(namespace=None, linked=0), None),
        (
            told(
                hits=11,
                first_step_hits=11,
                first_step_never_kept=1,
                never_kept=1,
                never_kept_functions=("f",),
            ),
            "11 of 12 compilations were found in the cache; 1 is never kept by JAX because it "
            "calls back into Python (f)",
        ),
        (
            told(
                hits=9,
                first_step_hits=9,
                first_step_never_kept=2,
                never_kept=2,
                never_kept_functions=("f", "g"),
            ),
            "1 of 12 compilations were not among the published entries; 2 are never kept by JAX "
            "because they call back into Python (f, g)",
        ),
        (
            told(linked=0, first_step_never_kept=12, never_kept=12),
            "0 of 12 compilations were found in the cache; 12 are never kept by JAX because they "
            "call back into Python",
        ),
        (told(linked=0, first_step_never_kept=1, never_kept=1), f"cache namespace {DIGEST} had no"),
        (
            told(first_step_never_kept=1, never_kept=1),
            "none of the 12 published entries is of this",
        ),
        (told(hits=9, first_step_hits=9, never_kept=3), "3 of 12 compilations were not among"),
        (told(first_step_requests=None), None),
    ],
)
def test_why_a_start_was_not_warm(report: CompilationReport, why: str | None) -> None:
    said = why_not_warm(report, start_of(report))
    assert (said or "").startswith(why or "")
    assert (said is None) == (why is None)


class TestWhatStays:
    def test_between_two_epochs(self) -> None:
        known = told_of(WARM)
        world = a_running_jaxjob().status(compilation=known.to_manifest())
        assert told_of(CompilationReport(namespace=DIGEST, recompilations=0), world) == known
        assert told_of(told(), world).start == "Cold", "until the next epoch has compiled"

    def test_an_older_launcher_tells_nothing(self) -> None:
        snapshot = a_running_jaxjob().reporting("Running").snapshot()
        assert compilation(snapshot, 0) is None

    def test_a_new_attempt_has_compiled_nothing(self) -> None:
        world = a_running_jaxjob().status(compilation=told_of(WARM).to_manifest())
        failed = world.job(0, failed="x").reporting("Failed", cause=a_cause(), compilation=WARM)
        plan = decide(failed.snapshot(), NOW)
        assert plan.status is not None
        assert plan.status["attempt"] == 1
        assert plan.status.get("compilation") is None


def last_words(epoch: int = 1, **cache: Any) -> str:
    record = {"version": 1, "scope": "Gang", "cause": None, "epoch": epoch, "message": "x"}
    told = {"namespace": DIGEST, "requests": 12, "hits": 12, "linked": 12, **cache}
    told = {"firstStepRequests": 12, "firstStepHits": 12, **told}
    return json.dumps({**record, "cache": told, "compileSeconds": 0.6, "firstStepSeconds": 4.6})


class TestLastWords:
    def test_of_a_job_that_was_over_before_it_was_asked(self) -> None:
        world = a_running_jaxjob().with_jobs(complete=True).reporting("Joining")
        world = world.pod(0, phase="Succeeded", ends=(ended(0, last_words()),))
        plan = decide(world.snapshot(), NOW)
        assert plan.status is not None
        assert plan.status["compilation"]["summary"] == "12/12"
        assert plan.status["compilation"]["firstStep"] == "4.6s (warm)"

    def test_come_after_the_end_too_and_are_written_once(self) -> None:
        world = a_running_jaxjob().with_jobs(complete=True).reporting("Joining")
        world = world.after(decide(world.snapshot(), NOW))
        assert world.jaxjob.status.compilation is None
        world = world.pod(0, phase="Succeeded", ends=(ended(0, last_words()),))
        world = world.after(decide(world.snapshot(), NOW))
        assert world.jaxjob.status.compilation is not None
        assert decide(world.snapshot(), NOW).status is None

    def test_of_functions_that_are_never_kept_verify_a_warmup(self) -> None:
        """From the launcher's JSON through the JaxJob's status to the Warmup's."""
        names = {"neverKept": 1, "firstStepNeverKept": 1, "neverKeptFunctions": ["log"]}
        words = last_words(hits=11, **{**names, "firstStepHits": 11})
        made = told_of(None, a_running_jaxjob().pod(0, phase="Succeeded", ends=(ended(0, words),)))
        assert (made.start, made.summary) == ("Partial", "11/12")
        ns = a_namespace()
        ns.settle()
        ns.succeeds("w-fill0", offered=11)
        ns.look()
        ns.keeper_saw("w-fill0", 11)
        ns.settle()
        ns.succeeds("w-verify0", **made.to_manifest())
        ns.look()
        assert ns.where() == ("Ready", "Verified")
        assert ns.status().message == (
            "a second run found 11 of 12 programs in the cache; 1 is never kept by JAX because it "
            "calls back into Python (log)"
        )

    def test_say_nothing_of_recompilations(self) -> None:
        report = told(recompilations=2, last_recompilation="f: x a -> b")
        world = a_running_jaxjob().status(compilation=told_of(report).to_manifest())
        world = world.pod(0, ends=(ended(0, last_words()),))
        made = told_of(report, world)
        assert (made.start, made.recompilations) == ("Warm", 2)
        assert made.last_recompilation == "f: x a -> b"

    def test_of_an_earlier_epoch_do_not_count(self) -> None:
        world = a_running_jaxjob().pod(0, ends=(ended(143, last_words(epoch=1)),))
        world = world.reporting("Running", epoch=2, compilation=told())
        made = compilation(world.snapshot(), 0)
        assert made is not None
        assert made.start == "Cold"

    def test_of_another_process_do_not_count(self) -> None:
        world = a_running_jaxjob().pod(1, ends=(ended(0, last_words()),))
        assert told_of(told(), world).start == "Cold"


class TestWrites:
    def running(self) -> World:
        """Its present status was written at NOW."""
        world = a_running_jaxjob().reporting("Running", compilation=told(), step=1)
        return world.after(decide(world.snapshot(), NOW)).seen_at(NOW)

    def test_compiling_alone_is_written_no_more_often_than_that_time_passes(self) -> None:
        again = told(recompilations=1, last_recompilation="f: x a -> b")
        world = self.running().reporting("Running", compilation=again, step=1)
        plan = decide(world.snapshot(), NOW + seconds(10))
        assert plan.status is None
        assert plan.events == ()
        assert plan.requeue_after == 50

    def test_with_a_step_it_is_written_as_often_as_steps_are(self) -> None:
        again = told(recompilations=1, last_recompilation="f: x a -> b")
        world = self.running().reporting("Running", compilation=again, step=2)
        assert decide(world.snapshot(), NOW + seconds(9)).status is None
        plan = decide(world.snapshot(), NOW + seconds(10))
        assert plan.status is not None
        assert plan.status["compilation"]["recompilations"] == 1
        (event,) = plan.events
        assert (event.type, event.reason) == ("Warning", "Recompiled")
        assert event.message == "compiled again after the first step: f: x a -> b"
        more = told(recompilations=5, last_recompilation="f: x b -> c")
        later = world.after(plan).seen_at(NOW + seconds(10))
        later = later.reporting("Running", compilation=more, step=3)
        plan = decide(later.snapshot(), NOW + seconds(20))
        assert plan.status is not None
        assert plan.status["compilation"]["recompilations"] == 5
        assert plan.events == (), "told once"

    def test_nothing_new_is_not_written(self) -> None:
        world = self.running().reporting("Running", compilation=told(), step=1)
        assert decide(world.snapshot(), NOW + seconds(100)).status is None

    def test_many_between_two_looks_are_one_event(self) -> None:
        many = told(recompilations=3, last_recompilation="f: x a -> b")
        world = self.running().reporting("Running", compilation=many, step=2)
        (event,) = decide(world.snapshot(), NOW + seconds(10)).events
        assert event.message == ("compiled again after the first step (the last of 3): f: x a -> b")


class TestReading:
    def status(self, **fields: Any) -> Any:
        body = {"version": 1, "attempt": 0, "numProcesses": 1, "state": "Running"}
        return {**body, **fields}

    def test_the_contracts_own_example(self) -> None:
        report = read_report(CONTRACT["status"])
        assert report is not None
        assert report.compilation == CompilationReport(recompilations=0)
        assert not report.compilation.says_anything

    def test_every_field(self) -> None:
        cache = {
            "namespace": DIGEST, "problem": "p", "requests": 1, "hits": 2, "readErrors": 3,
            "notLoadable": 19,
            "retrievalSeconds": 0.4, "savedSeconds": 5, "linked": 6, "refused": 7,
            "firstStepRequests": 8, "firstStepHits": 9, "firstStepRetrievalSeconds": 0.1,
            "firstStepSavedSeconds": 1.1, "offered": 15, "offeredBytes": 16,
            "neverKept": 17, "neverKeptFunctions": ["f", "", 3, "g", "beyond four"],
            "firstStepNeverKept": 18,
        }  # fmt: skip
        compiled = {"seconds": 1.2, "afterFirstStep": {"count": 13, "last": "f"}}
        body = self.status(cache=cache, compile=compiled, firstStepSeconds=14)
        report = read_report(body)
        assert report is not None
        assert report.compilation == CompilationReport(
            DIGEST,
            "p",
            1,
            2,
            3,
            19,
            6,
            7,
            0.4,
            5.0,
            8,
            9,
            0.1,
            1.1,
            14.0,
            1.2,
            13,
            "f",
            15,
            16,
            17,
            ("f", "g"),
            18,
        )

    @pytest.mark.parametrize("cache", [None, [], "x", {}])
    def test_without_it(self, cache: object) -> None:
        report = read_report(self.status(cache=cache, compile={"seconds": 1.0}))
        assert report is not None
        assert report.compilation is None
        words = read_last_words(json.dumps({"version": 1, "cache": cache}))
        assert words is not None
        assert words.compilation is None

    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )

    @given(
        st.dictionaries(st.sampled_from(list(CONTRACT["status"]["cache"])), anything, min_size=1),
        anything,
        anything,
    )
    def test_whatever_a_launcher_says(self, cache: Any, compiled: Any, first: Any) -> None:
        report = read_report(self.status(cache=cache, compile=compiled, firstStepSeconds=first))
        assert report is not None
        world = a_running_jaxjob().reporting("Running", compilation=report.compilation)
        made = compilation(world.snapshot(), 0)
        assert made is not None
        json.dumps(made.to_manifest(), allow_nan=False)


def test_a_job_that_has_not_begun_has_none() -> None:
    assert compilation(a_jaxjob().snapshot(), 0) is None
