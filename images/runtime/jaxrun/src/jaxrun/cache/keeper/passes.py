"""One pass of the keeper over its volume.

Each part may fail on its own: a volume that is full still evicts, one that cannot be written is
still told of. What went wrong is the pass's problem, and the next one tries again.
"""

import time
from collections.abc import Callable
from pathlib import Path

from jaxrun.cache.files import Tick, no_tick
from jaxrun.cache.keeper.ages import Ages
from jaxrun.cache.keeper.books import Books
from jaxrun.cache.keeper.census import read_meta
from jaxrun.cache.keeper.evict import PATIENCE_SECONDS, SAFE_SECONDS, evict, to_evict
from jaxrun.cache.keeper.intake import Intake
from jaxrun.cache.keeper.memory import Memory
from jaxrun.cache.keeper.policy import Policy, read_policy
from jaxrun.cache.keeper.rounds import Rounds
from jaxrun.cache.keeper.staging import Staging
from jaxrun.cache.keeper.status import KeeperStatus
from jaxrun.cache.keeper.trash import Trash
from jaxrun.cache.keeper.volume import Volume, problem_of
from jaxrun.cache.layout import MOST_ENTRY_BYTES

_MOST_REMOVED = 500
_MOST_TROUBLES = 3


class Keeper:
    """`status` is of the last pass; `clock` gives Unix seconds, `monotonic` those that pass."""

    def __init__(
        self,
        volume: Path,
        policy: Path,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        most_entry_bytes: int = MOST_ENTRY_BYTES,
    ) -> None:
        self.status = KeeperStatus()
        self._volume = Volume(volume, monotonic)
        self._policy_path = policy
        self._clock, self._monotonic = clock, monotonic
        ages = Ages(monotonic)
        published = self._volume.published
        self._books = Books(published, Memory(published, clock, monotonic))
        self._trash = Trash(self._volume.trash)
        self._intake = Intake(
            self._volume,
            Staging(self._volume.staging, self._trash, ages),
            self._books,
            monotonic,
            most_entry_bytes,
            self._trouble,
        )
        self._rounds = Rounds(self._books, ages, monotonic)
        self._policy: Policy | None = None
        self._condemned: dict[str, float] = {}
        self._troubles: list[str] = []
        self._space = (0, 0)

    def one_pass(self, tick: Tick = no_tick) -> None:
        """What goes wrong with the volume raises nothing; `tick` may, and ends the pass there."""
        self._troubles = []
        policy_problem = self._read_policy()
        if self._does(self._volume.prepare):
            self._does(self._volume.probe)
            self._does(lambda: self._rounds.begin(tick))
            self._does(lambda: self._intake.turn(tick))
            self._does(lambda: self._evict(tick))
            self._does(lambda: self._trash.empty(_MOST_REMOVED, tick))
            self._does(lambda: self._rounds.turn(tick))
            self._does(self._measure)
        self._tell(policy_problem)

    def _does(self, part: Callable[[], object]) -> bool:
        try:
            part()
        except OSError as error:
            self._trouble(error)
            return False
        return True

    def _trouble(self, error: OSError) -> None:
        self._volume.failed()
        problem = problem_of(error)
        if problem not in self._troubles:
            self._troubles.append(problem)

    def _read_policy(self) -> str | None:
        try:
            self._policy = read_policy(self._policy_path)
        except ValueError as error:
            self._policy = None
            return f"nothing is evicted: {error}"
        return None

    def _evict(self, tick: Tick) -> None:
        if self._policy is None:
            self._condemned = {}
            return
        books, memory, now = self._books, self._books.memory, self._monotonic()
        for digest in self._policy.in_use.intersection(books.sizes):
            memory.used(digest)
            memory.save(digest)
        spared = memory.used_within(SAFE_SECONDS)
        policy = self._policy.on_volume(self._volume.space()[0])
        due = to_evict(books.namespaces(), policy, self._clock(), spared)
        self._condemned = {digest: self._condemned.get(digest, now) for digest in due}
        for digest in due:
            tick()
            if now - self._condemned[digest] >= PATIENCE_SECONDS and not self._used_by_other(
                digest
            ):
                evict(self._volume.root, self._volume.published, digest)
                books.evicted += 1
                books.gone(digest)

    def _used_by_other(self, digest: str) -> bool:
        """Another keeper may have published to it since this one looked."""
        before = self._books.memory.last_used(digest)
        meta = read_meta(self._volume.published, digest)
        if meta is None or meta.last_used <= before:
            return False
        self._books.memory.load(digest)
        return self._books.memory.last_used(digest) > before

    def _measure(self) -> None:
        self._space = self._volume.space()

    def _tell(self, policy_problem: str | None) -> None:
        books = self._books
        problems = [*self._troubles[:_MOST_TROUBLES], *([policy_problem] if policy_problem else [])]
        self.status = KeeperStatus(
            problem="; ".join(problems) or None,
            ready=self._volume.ready and not self._troubles,
            published=books.published,
            refused=books.refused,
            last_refusal=books.last_refusal,
            repaired=books.repaired,
            evicted=books.evicted,
            staged=sum(tally.pending for tally in books.offers.values()),
            volume_bytes=self._space[0],
            free_bytes=self._space[1],
            namespaces=books.namespaces(),
            in_use=self._policy.in_use if self._policy else frozenset(),
            offers=dict(books.offers),
        )
