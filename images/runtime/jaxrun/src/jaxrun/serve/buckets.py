"""Shape buckets: the only shapes that a model is ever compiled for, and which one a request gets.

A model's named dimensions each have their sizes; the grid is their cross product. `batch` is the
dimension in which requests are put together; the others make the family: requests of one family
can share a batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from jaxrun.serve.errors import TooLarge

BATCH = "batch"
Family = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """One compiled shape: rows, and the sizes of the other bucketed dimensions, by name."""

    batch: int
    family: Family = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Every bucketed dimension's size, `batch` among them."""
        return {BATCH: self.batch, **dict(self.family)}

    def __str__(self) -> str:
        return ",".join(f"{dim}={size}" for dim, size in self.sizes.items())


class Grid:
    """All buckets of a model. Raises ValueError for sizes that are no buckets."""

    def __init__(self, buckets: Mapping[str, Sequence[int]]) -> None:
        if BATCH not in buckets:
            raise ValueError('buckets: "batch" is missing; give its sizes, e.g. (1, 2, 4, 8)')
        self._sizes = {dim: _sizes(dim, sizes) for dim, sizes in sorted(buckets.items())}
        self.batches = self._sizes[BATCH]
        self.dims = tuple(dim for dim in self._sizes if dim != BATCH)
        self.families: tuple[Family, ...] = tuple(
            tuple(zip(self.dims, sizes, strict=True))
            for sizes in product(*(self._sizes[dim] for dim in self.dims))
        )
        self._all = tuple(
            Bucket(batch, family) for batch in self.batches for family in self.families
        )

    def all(self) -> tuple[Bucket, ...]:
        """Every bucket, the smallest batches first."""
        return self._all

    def family_of(self, sizes: Mapping[str, int]) -> Family:
        """The smallest family that holds these sizes; other names in `sizes` are ignored.

        Raises TooLarge where a dimension is above its largest bucket, KeyError where one is absent.
        """
        return tuple((dim, self._fitting(dim, sizes[dim])) for dim in self.dims)

    def batch_of(self, rows: int) -> int:
        """The smallest batch that holds this many rows. Raises TooLarge."""
        return self._fitting(BATCH, rows)

    def bucket_of(self, sizes: Mapping[str, int]) -> Bucket:
        """The smallest bucket for one request's sizes, `batch` among them. Raises TooLarge."""
        return Bucket(self.batch_of(sizes[BATCH]), self.family_of(sizes))

    def _fitting(self, dim: str, size: int) -> int:
        for fitting in self._sizes[dim]:
            if size <= fitting:
                return fitting
        raise TooLarge(dim, size, self._sizes[dim][-1])


def _sizes(dim: str, sizes: Sequence[int]) -> tuple[int, ...]:
    ordered = tuple(sizes)
    if not ordered:
        raise ValueError(f"buckets.{dim} is empty; give at least one size")
    for size in ordered:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"buckets.{dim} has {size!r}; sizes are whole numbers from 1")
    if len(set(ordered)) != len(ordered):
        raise ValueError(f"buckets.{dim} has a size twice: {list(ordered)}")
    return tuple(sorted(ordered))
