"""Which family's requests fit into which other family's batches."""

from collections.abc import Sequence

from jaxrun.serve.buckets import Family


def contains(outer: Family, inner: Family) -> bool:
    """Every dimension of `outer` is at least as large; both are of one grid."""
    return all(small <= large for (_, small), (_, large) in zip(inner, outer, strict=True))


def smaller_families(families: Sequence[Family]) -> dict[Family, tuple[Family, ...]]:
    """By family: the others that it contains, the largest first."""
    return {
        family: tuple(
            sorted(
                (other for other in families if other != family and contains(family, other)),
                reverse=True,
            )
        )
        for family in families
    }
