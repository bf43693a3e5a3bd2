"""What makes a revision, and that its hash stays what it is."""

from typing import Any

import pytest
from jaxop.api.v1alpha1.jax_runtime import JaxRuntimeSpec
from jaxop.api.v1alpha1.jaxservice import JaxServiceSpec
from jaxop.domain.service.revision import of_data, of_spec, restored

SPEC: dict[str, Any] = {
    "accelerator": {"class": "nvidia-l4", "chipsPerHost": 1},
    "model": {"entry": "minilm.serving:model"},
    "template": {"spec": {"containers": [{"name": "jax", "image": "team/minilm:1"}]}},
    "buckets": {"batch": [1, 8]},
    "compileCache": {"name": "team", "warmup": "Wait"},
}


def spec(**changes: Any) -> JaxServiceSpec:
    return JaxServiceSpec.model_validate({**SPEC, **changes})


def test_it_stays_what_it_is() -> None:
    """Another hash would replace every replica of every service when the operator is upgraded."""
    assert of_spec(spec(), None).hash == "00cfcc76"


@pytest.mark.parametrize(
    "changes",
    [
        {"accelerator": {"class": "nvidia-l4", "chipsPerHost": 2}},
        {"model": {"entry": "minilm.serving:other"}},
        {"template": {"spec": {"containers": [{"name": "jax", "image": "team/minilm:2"}]}}},
        {"runtime": "jax-0.12-cuda"},
        {"buckets": {"batch": [1, 16]}},
        {"batching": {"maxQueue": 1}},
        {"preflight": {"mode": "Report"}},
        {"compileCache": {"name": "other", "warmup": "Wait"}},
        {"drainSeconds": 31},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_makes_pods_differ_is_another_revision(changes: dict[str, Any]) -> None:
    assert of_spec(spec(**changes), None).hash != of_spec(spec(), None).hash


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas": 7},
        {"rollout": {"strategy": "Recreate"}},
        {"slo": {"availability": "99.9"}},
        {"revisionHistoryLimit": 0},
        {"compileCache": {"name": "team", "warmup": "None"}},
        {"batching": {"maxQueue": 256}},
        {"drainSeconds": 30},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_leaves_pods_alone_is_not(changes: dict[str, Any]) -> None:
    assert of_spec(spec(**changes), None).hash == of_spec(spec(), None).hash


def test_what_a_runtime_supplies_is_part_of_it_but_not_where_it_is_verified() -> None:
    image = f"team/jax@sha256:{'a' * 64}"

    def hash_with(**fields: Any) -> str:
        return of_spec(spec(), JaxRuntimeSpec.model_validate({"image": image, **fields})).hash

    assert hash_with() != of_spec(spec(), None).hash
    assert hash_with(xlaFlags=["--xla_a=1"]) != hash_with()
    assert hash_with(accelerators=["cpu"]) == hash_with()


def test_going_back_restores_the_pods_and_nothing_else() -> None:
    old = of_spec(spec(), None)
    now = spec(
        replicas=5,
        drainSeconds=60,
        template={"spec": {"containers": [{"name": "jax", "image": "team/minilm:9"}]}},
        compileCache={"name": "other", "warmup": "Background"},
        rollout={"strategy": "Recreate"},
    )
    again = JaxServiceSpec.model_validate(restored(now.to_manifest(), old.data))
    assert of_spec(again, None).hash == old.hash
    assert (again.replicas, again.rollout.strategy, again.drain_seconds) == (5, "Recreate", 30)
    assert again.compile_cache is not None
    assert (again.compile_cache.name, again.compile_cache.warmup) == ("team", "Background")


def test_going_back_to_a_revision_without_a_cache_takes_it_away() -> None:
    plain = JaxServiceSpec.model_validate({k: v for k, v in SPEC.items() if k != "compileCache"})
    data = of_spec(plain, None).data
    assert "compileCache" not in restored(spec().to_manifest(), data)


def test_a_revision_is_read_back_from_its_data() -> None:
    runtime = JaxRuntimeSpec.model_validate({"image": f"team/jax@sha256:{'a' * 64}"})
    old = of_spec(spec(runtime="jax"), runtime)
    again = of_data(old.hash, old.data, spec(replicas=4))
    assert again.runtime == runtime
    assert of_spec(again.spec, again.runtime).hash == old.hash
    with pytest.raises(ValueError, match="entry"):
        of_data("x", {"spec": {"accelerator": {"class": "cpu"}, "model": {}}}, spec())
