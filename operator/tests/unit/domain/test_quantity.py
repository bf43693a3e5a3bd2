"""Sizes as Kubernetes writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxop.domain.quantity import shown, whole_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("100Gi", 100 * 2**30),
        ("1.5Ki", 1536),
        ("2k", 2000),
        ("10M", 10**7),
        ("3E", 3 * 10**18),
        ("1Ei", 2**60),
        ("1500m", 1),
    ],
)
def test_read(text: str, size: int) -> None:
    assert whole_bytes(text) == size


@pytest.mark.parametrize("text", ["", "Gi", "1GiB", "one", "1mi"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid literal|is no quantity"):
        whole_bytes(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1Ki"),
        (1536, "1.5Ki"),
        (12 * 2**20 + 2**19, "12Mi"),
        (5 * 2**29, "2.5Gi"),
        (2**70, "1024Ei"),
    ],
)
def test_shown(size: int, text: str) -> None:
    assert shown(size) == text


@given(st.integers(min_value=0, max_value=2**63))
def test_what_is_shown_is_near(size: int) -> None:
    assert size * 0.9 <= whole_bytes(shown(size)) <= size
