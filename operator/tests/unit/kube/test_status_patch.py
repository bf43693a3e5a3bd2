from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxop.kube.status import status_patch

CASES: list[tuple[str, Any, Any, Any]] = [
    ("nothing to write", {"a": 1}, {"a": 1}, None),
    ("no status yet", None, {"a": 1}, {"a": 1}),
    ("no status wanted, none there", None, {}, None),
    ("a changed value", {"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}),
    ("a lost field", {"a": 1, "b": 2}, {"a": 1}, {"b": None}),
    ("an inner change", {"h": {"w": 2, "r": 0}}, {"h": {"w": 2, "r": 1}}, {"h": {"r": 1}}),
    ("an inner loss", {"h": {"w": 2, "r": 0}}, {"h": {"w": 2}}, {"h": {"r": None}}),
    ("lists are whole", {"l": [1, 2]}, {"l": [1, 3]}, {"l": [1, 3]}),
    ("null means absent", {"a": 1}, {"a": 1, "b": None}, None),
    ("null removes", {"a": 1, "b": 2}, {"a": 1, "b": None}, {"b": None}),
    ("null in a list's objects", {"l": [{"a": 1}]}, {"l": [{"a": 1, "b": None}]}, None),
    ("tuples are lists", {"l": [1]}, {"l": (1,)}, None),
    ("an object replaces a value", {"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ("a value replaces an object", {"a": {"b": 1}}, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("what", "current", "wanted", "patch"), CASES, ids=[c[0] for c in CASES])
def test_the_smallest_patch(what: str, current: Any, wanted: Any, patch: Any) -> None:
    assert status_patch(current, wanted) == patch


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


leaves = st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    ),
    max_leaves=12,
)
statuses = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(current=statuses, wanted=statuses)
def test_merging_the_patch_gives_what_was_wanted(current: Any, wanted: Any) -> None:
    patch = status_patch(current, wanted)
    assert merged(current, patch or {}) == wanted
    assert status_patch(wanted, wanted) is None
