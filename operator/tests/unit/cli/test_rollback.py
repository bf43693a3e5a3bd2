"""Given a JaxService and its revisions: what `jaxop rollback` changes, and when it says no."""

from typing import Any

import pytest
from jaxop.api.plan import Manifest
from jaxop.api.v1alpha1 import JaxService
from jaxop.cli.rollback import CannotRollBackError, Rollback, rollback_of, told
from jaxop.domain.service.views import RevisionView

SERVER = {"name": "jax", "image": "team/minilm:1"}
SPEC: dict[str, Any] = {
    "accelerator": {"class": "cpu", "hosts": 1},
    "model": {"entry": "minilm.better:model", "path": "/models"},
    "template": {"spec": {"containers": [{**SERVER, "image": "team/minilm:2"}]}},
    "batching": {"maxQueue": 512},
    "compileCache": {"name": "team", "warmup": "Wait"},
    "replicas": 3,
}
FIRST = RevisionView(
    name="minilm-aaaa",
    uid="u1",
    revision="aaaa",
    number=1,
    data={
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {"entry": "minilm.serving:model"},
            "template": {"spec": {"containers": [SERVER]}},
            "buckets": {"batch": [1, 8]},
            "compileCache": {"name": "team"},
        }
    },
)
SECOND = RevisionView(
    name="minilm-bbbb",
    uid="u2",
    revision="bbbb",
    number=2,
    data={
        "spec": {
            "accelerator": {"class": "cpu", "hosts": 1},
            "model": {"entry": "minilm.better:model"},
            "template": {"spec": {"containers": [{**SERVER, "image": "team/minilm:2"}]}},
            "batching": {"maxQueue": 512},
            "compileCache": {"name": "team"},
        }
    },
)


def a_service(observed: int = 5, **spec: Any) -> Manifest:
    metadata = {"name": "minilm", "namespace": "ml", "uid": "u", "resourceVersion": "77"}
    return {
        "metadata": {**metadata, "generation": 5},
        "spec": {**SPEC, **spec},
        "status": {"observedGeneration": observed, "updatedRevision": "bbbb"},
    }


def planned(
    *revisions: RevisionView, to: int | None = None, raw: Manifest | None = None
) -> Rollback:
    raw = raw or a_service()
    return rollback_of(raw, JaxService.model_validate(raw), revisions, to)


def test_all_that_makes_the_revision_and_nothing_else() -> None:
    rollback = planned(FIRST, SECOND)
    assert list(told(rollback)) == [
        "from revision 2 (bbbb) to revision 1 (aaaa):",
        "  spec.batching.maxQueue: 512 -> 256",
        "  spec.buckets.batch: (absent) -> [1, 8]",
        "  spec.model.entry: minilm.better:model -> minilm.serving:model",
        "  spec.template.spec.containers[0].image: team/minilm:2 -> team/minilm:1",
    ]
    test, *changes = rollback.patch
    assert test == {"op": "test", "path": "/metadata/resourceVersion", "value": "77"}
    assert [(change["op"], change["path"]) for change in changes] == [
        ("remove", "/spec/batching"),
        ("add", "/spec/buckets"),
        ("add", "/spec/model"),
        ("add", "/spec/template"),
    ]


def test_the_one_before_is_the_youngest_other_one() -> None:
    third = RevisionView("minilm-cccc", "u3", "cccc", 3, FIRST.data)
    assert planned(FIRST, third, SECOND).target.revision == "cccc"
    assert planned(FIRST, third, SECOND, to=1).target.revision == "aaaa"


@pytest.mark.parametrize(
    ("revisions", "to", "sentence"),
    [
        ((SECOND,), None, "JaxService ml/minilm has no earlier revision to go back to"),
        ((FIRST, SECOND), 7, "JaxService ml/minilm has no revision 7: there are 1 (aaaa)"),
        (
            (FIRST, SECOND),
            2,
            "revision 2 is what the spec of JaxService ml/minilm describes: "
            "choose another, of 1 (aaaa)",
        ),
    ],
    ids=["none before", "no such", "the current one"],
)
def test_it_says_no(revisions: tuple[RevisionView, ...], to: int | None, sentence: str) -> None:
    with pytest.raises(CannotRollBackError) as refused:
        planned(*revisions, to=to)
    assert str(refused.value) == sentence


def test_not_from_what_the_operator_has_not_seen() -> None:
    with pytest.raises(CannotRollBackError, match="has not seen the last change"):
        planned(FIRST, SECOND, raw=a_service(observed=4))


def test_not_where_only_the_runtime_has_changed() -> None:
    spec = {**SECOND.data["spec"], "runtime": "cuda"}
    data = {"spec": spec, "runtime": {"image": "r"}}
    other = RevisionView("minilm-dddd", "u4", "dddd", 1, data)
    with pytest.raises(CannotRollBackError, match="JaxRuntime cuda, which has changed"):
        planned(other, SECOND, raw=a_service(runtime="cuda"), to=1)
