from typing import Any

import pytest
from jaxop.api.plan import Manifest
from jaxop.kube.children import (
    HASH_ANNOTATION,
    controller_of,
    desired_child,
    desired_once,
    hash_of,
    is_leftover,
    is_managed,
    is_ours,
)


def an_owner(uid: str = "u1", name: str = "w", **rest: Any) -> Manifest:
    metadata = {"name": name, "namespace": "ns", "uid": uid, "resourceVersion": "1", **rest}
    return {"apiVersion": "x/v1", "kind": "Widget", "metadata": metadata}


def a_manifest(**metadata: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}}


def test_a_child_is_marked() -> None:
    given = a_manifest(labels={"l": "1"}, annotations={"a": "1"})
    child = desired_child(an_owner(), given)
    metadata = child["metadata"]
    assert metadata["namespace"] == "ns"
    assert metadata["labels"] == {"l": "1", "app.kubernetes.io/managed-by": "jax-operator"}
    assert metadata["annotations"].keys() == {"a", HASH_ANNOTATION}
    assert (controller_of(child) or {})["uid"] == "u1"
    assert is_managed(child)
    assert given == a_manifest(labels={"l": "1"}, annotations={"a": "1"}), "left as it was"


def test_the_hash_is_of_what_is_wanted() -> None:
    one = hash_of(desired_child(an_owner(), {**a_manifest(), "data": {"a": "1", "b": "2"}}))
    reordered = desired_child(an_owner(), {**a_manifest(), "data": {"b": "2", "a": "1"}})
    assert hash_of(reordered) == one
    assert hash_of(desired_child(an_owner(), {**a_manifest(), "data": {"a": "1"}})) != one
    changed = desired_child(an_owner("u2"), {**a_manifest(), "data": {"a": "1", "b": "2"}})
    assert hash_of(changed) != one, "another owner is another child"
    seen_later = desired_child(
        {**an_owner(), "status": {"x": 1}}, {**a_manifest(), "data": {"a": "1", "b": "2"}}
    )
    assert hash_of(seen_later) == one, "the owner's own changes do not matter"


def test_given_owners_stay() -> None:
    assert controller_of(desired_child(an_owner(), a_manifest(ownerReferences=[]))) is None


def test_a_shared_object_has_no_owner_and_no_hash() -> None:
    shared = desired_once(an_owner(), a_manifest(annotations={"a": "1"}))
    assert controller_of(shared) is None
    assert hash_of(shared) == ""
    assert is_managed(shared)
    assert shared["metadata"]["namespace"] == "ns"


FOREIGN = a_manifest()
SHARED = desired_once(an_owner(), a_manifest())
OF_U1 = desired_child(an_owner("u1"), a_manifest())
OF_U2 = desired_child(an_owner("u2"), a_manifest())
OF_OTHER = desired_child(an_owner("u3", "other"), a_manifest())


@pytest.mark.parametrize(
    ("existing", "desired", "ours", "leftover"),
    [
        (OF_U1, OF_U1, True, False),
        (OF_U2, OF_U1, False, True),
        (OF_OTHER, OF_U1, False, False),
        (FOREIGN, OF_U1, False, False),
        (SHARED, OF_U1, False, False),
        (OF_U1, SHARED, False, False),
        (SHARED, SHARED, True, False),
        (FOREIGN, SHARED, False, False),
    ],
)
def test_whose_it_is(existing: Manifest, desired: Manifest, ours: bool, leftover: bool) -> None:
    assert is_ours(existing, desired) is ours
    assert is_leftover(existing, desired) is leftover
