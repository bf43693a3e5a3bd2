"""In whatever order things are seen: one fill at a time for each cache namespace, and an end."""

from caching import an_unusable_cache
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from jaxop.api.plan import Plan
from jaxop.api.v1alpha1.warmup import WARMUP_FINISHED
from jaxop.domain.warmup import Keeper, decide
from warmups import Namespace

NAMES = ("a", "b", "c", "d")
ROUNDS = 200


class Warmups(RuleBasedStateMachine):
    """What is decided is carried out later, as the writes of several workers cross each other; but
    never two at once for the same Warmup."""

    def __init__(self) -> None:
        super().__init__()
        self.ns = Namespace()
        self.on_their_way: dict[str, Plan] = {}

    @rule(name=st.sampled_from(NAMES), hosts=st.sampled_from([2, 2, 2, 3]))
    def somebody_asks(self, name: str, hosts: int) -> None:
        if name not in self.ns.warmups:
            accelerator = {"class": "cpu", "hosts": hosts}
            self.ns.add(name, accelerator=accelerator, maxRetries=1, activeDeadlineSeconds=60)

    @rule(name=st.sampled_from(NAMES))
    def looked_at(self, name: str) -> None:
        if name in self.ns.warmups and name not in self.on_their_way:
            self.on_their_way[name] = decide(self.ns.snapshot(name), self.ns.now)

    @precondition(lambda self: self.on_their_way)
    @rule(data=st.data())
    def written(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.on_their_way)))
        self.ns.carry_out(name, self.on_their_way.pop(name))

    @precondition(lambda self: self.ns.running("Fill") + self.ns.running("Verify"))
    @rule(data=st.data())
    def a_run_goes_on(self, data: st.DataObject) -> None:
        running = sorted(self.ns.running("Fill") + self.ns.running("Verify"))
        job = data.draw(st.sampled_from(running))
        match data.draw(st.sampled_from(["Pending", "Running", "fails", "succeeds"])):
            case "fails":
                self.ns.fails(job)
            case "succeeds":
                requests = data.draw(st.integers(0, 3))
                hits = data.draw(st.integers(0, requests))
                offered = data.draw(st.integers(0, requests - hits))
                self.ns.succeeds(job, requests, hits, offered)
            case state:
                self.ns.plays(job, state, "it goes on")

    @rule(data=st.data())
    def the_keeper_says(self, data: st.DataObject) -> None:
        counts = st.integers(0, 3)
        if self.ns.made and data.draw(st.booleans()):
            job = data.draw(st.sampled_from(self.ns.made))
            self.ns.keeper_saw(job, data.draw(counts), data.draw(counts), data.draw(counts))
        else:
            self.ns.keeper = Keeper(answers=data.draw(st.booleans()))

    @rule(there=st.sampled_from([None, an_unusable_cache(), Namespace().cache]))
    def the_cache_comes_and_goes(self, there: object) -> None:
        self.ns.cache = there  # type: ignore[assignment]

    @rule(count=st.sampled_from([0.1, 1, 5, 61]))
    def time_passes(self, count: float) -> None:
        self.ns.pass_time(count)

    @precondition(lambda self: self.ns.jobs)
    @rule(data=st.data())
    def somebody_deletes_a_run(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.ns.jobs)))
        if any(ref.name == job for plan in self.on_their_way.values() for ref in plan.delete):
            return
        del self.ns.jobs[job]

    @invariant()
    def one_fill_at_a_time(self) -> None:
        making = [
            job["metadata"]["name"]
            for plan in self.on_their_way.values()
            for job in plan.create
            if job["metadata"]["labels"]["jaxop.dev/warmup-run"] == "Fill"
        ]
        digests = [
            self.ns.status(job.rpartition("-fill")[0]).cache_namespace
            for job in {*self.ns.running("Fill"), *making}
        ]
        assert len(digests) == len(set(digests)), self.ns.jobs

    @invariant()
    def no_end_is_left_again(self) -> None:
        for name in self.ns.warmups:
            status = self.ns.status(name)
            assert (status.completion_time is not None) == (status.state in WARMUP_FINISHED)

    def teardown(self) -> None:
        """However it went: from then on the world does its duty, and all come to their end."""
        for name, plan in self.on_their_way.items():
            self.ns.carry_out(name, plan)
        self.on_their_way.clear()
        self.ns.cache, self.ns.keeper = Namespace().cache, Keeper(answers=True)
        for _ in range(ROUNDS):
            if all(self.ns.status(name).state in WARMUP_FINISHED for name in self.ns.warmups):
                break
            for name in self.ns.warmups:
                self.ns.look(name)
                self.one_fill_at_a_time()
            for job in self.ns.running("Fill"):
                self.ns.succeeds(job, 3, 0, 3)
                self.ns.keeper_saw(job, 3)
            for job in self.ns.running("Verify"):
                self.ns.succeeds(job, 3, 3)
            self.ns.pass_time(5)
        ends = {name: self.ns.status(name).state for name in self.ns.warmups}
        assert set(ends.values()) <= WARMUP_FINISHED, ends


Warmups.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestWarmups = Warmups.TestCase
