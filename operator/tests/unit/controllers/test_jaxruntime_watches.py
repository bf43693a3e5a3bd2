"""What a JaxRuntime's controller watches is what the JaxJob's does, and whom a change wakes."""

from typing import Any, cast

import pytest
from jaxop.api.plan import Manifest
from jaxop.controllers.jaxjob import JaxJobController
from jaxop.controllers.jaxruntime import JaxRuntimeController
from jaxop.controllers.jaxruntime.controller import UNFINISHED_USERS
from jaxop.domain.jaxjob import OperatorSettings
from jaxop.domain.runtime import VerificationSettings
from jaxop.kube.controller import Watch
from jaxop.kube.resources import JAXJOBS, JOBS, Key, Resource

NOTHING = cast(Any, None)


def watches() -> dict[Resource, Watch]:
    controller = JaxRuntimeController(VerificationSettings("image", "jax-system"), nodes=NOTHING)
    return {watch.resource: watch for watch in controller.watches}


def test_kinds_that_both_watch_are_kept_in_one_store() -> None:
    other = JaxJobController(
        OperatorSettings("image"), reports=NOTHING, tokens=NOTHING, nodes=NOTHING, templates=NOTHING
    )
    ours = watches()
    shared = [watch for watch in other.watches if watch.resource in ours]
    assert len(shared) == 6
    for theirs in shared:
        own = ours[theirs.resource]
        assert (own.selector, own.trim) == (theirs.selector, theirs.trim), str(own.resource)
        assert not set(own.indexes) & set(theirs.indexes)


def a_jaxjob(**changes: Any) -> Manifest:
    spec = {"runtime": "jax-0.12", "accelerator": {"class": "cpu"}, "managedBy": MANAGER}
    return {"metadata": {"name": "digits", "namespace": "ml"}, "spec": spec, **changes}


MANAGER = "jaxop.dev/jax-operator"


@pytest.mark.parametrize(
    ("jaxjob", "uses"),
    [
        (a_jaxjob(), ("jax-0.12",)),
        (a_jaxjob(status={"state": "Running"}), ("jax-0.12",)),
        (a_jaxjob(status={"state": "Failed"}), ()),
        (a_jaxjob(status={"state": "Ready"}), ()),
        (a_jaxjob(metadata={"name": "digits", "deletionTimestamp": "now"}), ()),
        (a_jaxjob(spec={"runtime": "jax-0.12", "managedBy": "kueue.x-k8s.io/multikueue"}), ()),
        (a_jaxjob(spec={}), ()),
    ],
)
def test_a_runtime_is_in_use_by_what_is_not_over(jaxjob: Manifest, uses: tuple[str, ...]) -> None:
    assert tuple(watches()[JAXJOBS].indexes[UNFINISHED_USERS](jaxjob)) == uses


def test_children_in_a_namespace_wake_what_has_none() -> None:
    job = {"metadata": {"namespace": "jax-system", "labels": {"jaxop.dev/jaxruntime": "jax-0.12"}}}
    assert list(watches()[JOBS].keys_of(job, {})) == [Key("JaxRuntime", "", "jax-0.12")]
