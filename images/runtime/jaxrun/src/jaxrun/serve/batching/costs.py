"""What each bucket costs in device-seconds: measured at load, then corrected by every execution.

An estimate is base * drift * own. `drift` follows what all buckets have in common (another tenant
on the host, a throttled device), so that a bucket that is not used does not keep an old number;
`own` follows what is this bucket's alone, and is forgotten slowly, so that a bucket that is not
used gets another chance. Both are exponentially weighted averages.

A measurement at load may have been disturbed, which only ever makes it longer. As a bucket does no
more work than one that contains it, and twice the rows no more than twice the work, its base is at
most what follows from any other bucket.
"""

from collections.abc import Mapping

from jaxrun.serve.batching.families import contains
from jaxrun.serve.batching.plan import Plan
from jaxrun.serve.buckets import Bucket, Family

DRIFT_WEIGHT = 0.2
OWN_WEIGHT = 0.1
# So much of what is a bucket's own is forgotten with each execution of any.
FORGET_WEIGHT = 0.001
# One execution counts as at most this many times faster or slower than expected.
OUTLIER = 4.0
# What a batch costs the host beside the execution that is measured.
OVERHEAD_SECONDS = 0.0002
# Plans are made anew when a cost has moved by so much since.
STALE = 0.05
# For so long a bucket that had no memory, and larger ones of its family, are not planned with.
AVOID_SECONDS = 60.0


class Costs:
    """base: seconds by bucket as measured at load.

    Raises ValueError where a bucket has no seconds above 0.
    """

    def __init__(self, base: Mapping[Bucket, float]) -> None:
        for bucket, seconds in base.items():
            if not seconds > 0:
                raise ValueError(f"cost of {bucket} is {seconds!r}; it is a number above 0")
        self._base = {bucket: _undisturbed(bucket, base) for bucket in base}
        self._own = dict.fromkeys(base, 1.0)
        self._drift = 1.0
        self._planned_with: dict[Bucket, float] = {}
        self._plans: dict[Family, Plan] = {}
        self._avoided: dict[Family, tuple[int, float]] = {}
        self._batches: dict[Family, tuple[int, ...]] = {}
        for bucket in sorted(base):
            self._batches[bucket.family] = (*self._batches.get(bucket.family, ()), bucket.batch)
        for family in self._batches:
            self._make_plan(family)

    def seconds(self, bucket: Bucket) -> float:
        return self._base[bucket] * self._own[bucket] * self._drift

    def planned_seconds(self, family: Family, rows: int) -> float:
        """Device-seconds that clear these rows of the family."""
        return self._plans[family].seconds(rows) * self._drift

    def planned_batch(self, family: Family, rows: int, at_least: int) -> int:
        """The batch to begin with, holding `at_least` rows."""
        batch = self._plans[family].batch(rows)
        return batch if batch >= at_least else self.fitting_batch(family, at_least)

    def fitting_batch(self, family: Family, rows: int) -> int:
        """The smallest batch that holds these rows; the largest where none does."""
        batches = self._batches[family]
        return next((batch for batch in batches if batch >= rows), batches[-1])

    def least_seconds_per_row(self, family: Family) -> float:
        """Device-seconds per row in the family's best batch, full."""
        plan = self._plans[family]
        return plan.seconds(plan.full) * self._drift / plan.full

    def full_batch(self, family: Family) -> int:
        return self._plans[family].full

    def batches(self, family: Family) -> tuple[int, ...]:
        return self._batches[family]

    def observe(self, bucket: Bucket, seconds: float) -> bool:
        """One execution took so long. True where the family's plan has changed."""
        expected = self.seconds(bucket)
        ratio = min(max(seconds / expected, 1 / OUTLIER), OUTLIER)
        self._drift *= 1 + DRIFT_WEIGHT * (ratio - 1)
        left = ratio * expected / self.seconds(bucket)
        self._own[bucket] *= 1 + OWN_WEIGHT * (left - 1)
        for each, own in self._own.items():
            self._own[each] = own + FORGET_WEIGHT * (1.0 - own)
        if not self._stale(bucket.family):
            return False
        self._make_plan(bucket.family)
        return True

    def avoid(self, bucket: Bucket, now: float) -> None:
        """It had no memory: for a while its family is planned with smaller batches, if any."""
        if bucket.batch > self._batches[bucket.family][0]:
            self._avoided[bucket.family] = (bucket.batch, now + AVOID_SECONDS)
            self._make_plan(bucket.family)

    def forgive(self, now: float) -> None:
        """Ends what `avoid` began, when its time is over."""
        for family, (_, until) in list(self._avoided.items()):
            if until <= now:
                del self._avoided[family]
                self._make_plan(family)

    def _stale(self, family: Family) -> bool:
        buckets = (Bucket(batch, family) for batch in self._batches[family])
        return any(
            abs(self._own[bucket] / self._planned_with[bucket] - 1) > STALE for bucket in buckets
        )

    def _make_plan(self, family: Family) -> None:
        below = self._avoided[family][0] if family in self._avoided else None
        costs = {}
        for batch in self._batches[family]:
            bucket = Bucket(batch, family)
            self._planned_with[bucket] = self._own[bucket]
            if below is None or batch < below:
                costs[batch] = self._base[bucket] * self._own[bucket] + OVERHEAD_SECONDS
        self._plans[family] = Plan(costs)


def _undisturbed(bucket: Bucket, base: Mapping[Bucket, float]) -> float:
    return min(
        seconds * max(bucket.batch / other.batch, 1.0)
        for other, seconds in base.items()
        if contains(other.family, bucket.family)
    )
