"""What pods must have in common to share a cache namespace.

That JAX itself shares entries exactly so is seen in tests/real of the in-pod runtime's tests.
"""

from dataclasses import replace
from typing import Any

import pytest
from building import World, a_jaxjob
from caching import PINNED, a_runtime
from jaxop.domain.cache.digest import Program, cache_namespace
from jaxop.domain.devices import SliceLayout
from jaxop.domain.jaxjob.pods.compile_cache import digest
from jaxop.domain.jaxjob.pods.runtime import with_runtime

ON_CPU = SliceLayout("cpu", "cpu", 1, 2, 0, None, None, (), (), ())
ON_TPU = replace(
    ON_CPU, class_name="tpu-v5e", platform="tpu", hosts=4, chips_per_host=4, topology="4x4"
)
PROGRAM = Program(PINNED)


def of(layout: SliceLayout = ON_CPU, **fields: Any) -> str:
    return cache_namespace(replace(PROGRAM, **fields), layout)


@pytest.mark.parametrize(
    ("program", "layout", "golden"),
    [
        (PROGRAM, ON_CPU, "d07aa55d9db3e07f"),
        (PROGRAM, ON_TPU, "4c6aa72f05c315c0"),
        (
            Program(
                "team/digits:1",
                {"jax": "0.12"},
                "--xla_b=1 --xla_a=2 --xla_dump_to=/tmp/x",
                "--xla_tpu_c=true",
                ("python", "-m", "train", "--xla_d=3"),
            ),
            ON_TPU,
            "18a16a8668cb4fc2",
        ),
    ],
)
def test_it_stays_what_it_is(program: Program, layout: SliceLayout, golden: str) -> None:
    """Another digest for the same makes every cache cold."""
    assert cache_namespace(program, layout) == golden


@pytest.mark.parametrize(
    "fields",
    [
        {"xla_flags": "--xla_dump_to=/tmp/a"},
        {"xla_flags": "--xla_dump_hlo_as_text"},
        {"xla_flags": "--xla_gpu_cuda_data_dir=/usr/local/cuda"},
        {"xla_flags": "--xla_force_host_platform_device_count=1"},
        {"xla_flags": "  "},
        {"versions": {"jax": "0.12", "python": "3.13"}},
        {"arguments": ("python", "-m", "train", "--steps=3", "--xla_dump_to=/tmp/a")},
    ],
)
def test_what_makes_no_difference(fields: dict[str, Any]) -> None:
    assert of(**fields) == of()


def test_the_order_of_different_flags_makes_none() -> None:
    assert of(xla_flags="--xla_a=1 --xla_b=2") == of(xla_flags="--xla_b=2  --xla_a=1")


@pytest.mark.parametrize(
    "fields",
    [
        {"image": "registry.test/team/jax@sha256:" + "b" * 64},
        {"xla_flags": "--xla_a=1"},
        {"xla_flags": "--xla_force_host_platform_device_count=2"},
        {"libtpu_init_args": "--xla_a=1"},
        {"arguments": ("python", "train.py", "--xla_a=1")},
    ],
)
def test_what_makes_one(fields: dict[str, Any]) -> None:
    assert of(**fields) != of()


def test_of_a_flag_that_is_given_twice_the_last_holds() -> None:
    first, last = of(xla_flags="--xla_a=1 --xla_a=2"), of(xla_flags="--xla_a=2 --xla_a=1")
    assert len({first, last, of(xla_flags="--xla_a=1"), of(xla_flags="--xla_a=2")}) == 4


def test_versions_count_where_a_tag_may_mean_another_image_tomorrow() -> None:
    tag = {"image": "team/digits:1"}
    assert of(**tag, versions={"jax": "0.12"}) != of(**tag, versions={"jax": "0.10"})


def test_the_devices_of_hosts_count_on_cpu_alone() -> None:
    flag = "--xla_force_host_platform_device_count=8"
    assert of(ON_TPU, xla_flags=flag) == of(ON_TPU)


@pytest.mark.parametrize(
    "change",
    [
        {"class_name": "tpu-v6e"},
        {"topology": "2x8"},
        {"hosts": 2, "chips_per_host": 8},
        {"slices": 2},
        {"devices_per_chip": 2},
    ],
)
def test_other_devices_are_another_namespace(change: dict[str, Any]) -> None:
    assert of(replace(ON_TPU, **change)) != of(ON_TPU)


def test_where_pods_are_placed_makes_no_difference() -> None:
    assert of(replace(ON_TPU, node_selector=(("zone", "a"),), slice_label="pool")) == of(ON_TPU)


class TestOfAJob:
    def digest(self, world: World) -> str:
        return digest(with_runtime(world.snapshot()), world.layout)

    def test_name_and_labels_make_no_difference(self) -> None:
        same = a_jaxjob("other").metadata(labels={"team": "a"}, namespace="research")
        assert self.digest(same) == self.digest(a_jaxjob())

    def test_the_flags_are_those_of_template_and_runtime_together(self) -> None:
        runtime = a_runtime(xlaFlags=["--xla_b=2"])
        named = a_jaxjob().spec(runtime="jax-0.12").program(image=PINNED).seeing(runtime=runtime)
        alone = a_jaxjob().program(image=PINNED, env=[{"name": "XLA_FLAGS", "value": "--xla_b=2"}])
        assert self.digest(named) == self.digest(alone)
        assert self.digest(named) != self.digest(a_jaxjob().program(image=PINNED))

    def test_flags_from_elsewhere_count_as_where_they_come_from(self) -> None:
        def flags_from(key: str) -> World:
            source = {"configMapKeyRef": {"name": "flags", "key": key}}
            return a_jaxjob().program(env=[{"name": "XLA_FLAGS", "valueFrom": source}])

        assert self.digest(flags_from("a")) != self.digest(flags_from("b"))
        assert self.digest(flags_from("a")) != self.digest(a_jaxjob())
