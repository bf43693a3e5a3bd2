"""Which bucket a request gets: the smallest that holds it, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxrun.serve.buckets import Bucket, Grid
from jaxrun.serve.errors import TooLarge

GRID = Grid({"batch": (1, 4, 16), "width": (8, 32), "height": (8, 64)})


@given(batch=st.integers(1, 16), width=st.integers(1, 32), height=st.integers(1, 64))
def test_the_smallest_bucket_that_holds_it(batch: int, width: int, height: int) -> None:
    sizes = {"batch": batch, "width": width, "height": height}
    chosen = GRID.bucket_of(sizes)
    holding = [
        bucket
        for bucket in GRID.all()
        if all(bucket.sizes[dim] >= size for dim, size in sizes.items())
    ]
    assert chosen in holding
    for other in holding:
        assert all(chosen.sizes[dim] <= other.sizes[dim] for dim in sizes)


def test_a_size_above_the_largest_names_both() -> None:
    with pytest.raises(TooLarge) as refused:
        GRID.family_of({"width": 33, "height": 1})
    assert (refused.value.dim, refused.value.size, refused.value.largest) == ("width", 33, 32)
    with pytest.raises(TooLarge):
        GRID.batch_of(17)


def test_families_are_sorted_by_name_and_have_no_batch() -> None:
    assert GRID.family_of({"batch": 9, "width": 9, "height": 9}) == (("height", 64), ("width", 32))
    assert len(GRID.families) == 4
    assert len(GRID.all()) == 12


def test_a_model_without_other_dimensions_has_one_family() -> None:
    grid = Grid({"batch": (2,)})
    assert grid.families == ((),)
    assert str(grid.all()[0]) == "batch=2"
    assert grid.bucket_of({"batch": 1}) == Bucket(2, ())
