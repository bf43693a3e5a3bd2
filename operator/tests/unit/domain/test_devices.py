"""A request for accelerators becomes the layout of a slice, or says what would be right."""

import math

import pytest
from catalogue import catalogue
from hypothesis import given
from hypothesis import strategies as st
from jaxop.api.v1alpha1.accelerator_class import AcceleratorClassSpec, Topology
from jaxop.api.v1alpha1.jaxjob import Accelerator
from jaxop.domain.devices import SliceLayout, resolve


def ask(class_name: str, **request: object) -> SliceLayout | str:
    accelerator = Accelerator.model_validate({"class": class_name, **request})
    answer = resolve(class_name, catalogue()[class_name].spec, accelerator)
    return answer if isinstance(answer, SliceLayout) else " | ".join(map(str, answer))


@pytest.mark.parametrize(
    ("class_name", "topology", "hosts", "chips"),
    [
        ("tpu-v4", "2x2x1", 1, 4),
        ("tpu-v4", "2x2x2", 2, 4),
        ("tpu-v4", "2x4x4", 8, 4),
        ("tpu-v4", "4x4x4", 16, 4),
        ("tpu-v4", "8x8x12", 192, 4),
        ("tpu-v5e", "1x1", 1, 1),
        ("tpu-v5e", "2x2", 1, 4),
        ("tpu-v5e", "2x4", 1, 8),
        ("tpu-v5e", "4x4", 4, 4),
        ("tpu-v5e", "16x16", 64, 4),
        ("tpu-v5p", "4x4x8", 32, 4),
        ("tpu-v6e", "8x8", 16, 4),
        ("tpu-7x", "1x1x1", 1, 1),
        ("tpu-7x", "8x8x8", 128, 4),
    ],
)
def test_hosts_follow_from_the_topology(
    class_name: str, topology: str, hosts: int, chips: int
) -> None:
    layout = ask(class_name, topology=topology)
    assert isinstance(layout, SliceLayout), layout
    assert (layout.hosts, layout.chips_per_host) == (hosts, chips)
    assert layout.platform == "tpu"
    assert dict(layout.node_selector)["cloud.google.com/gke-tpu-topology"] == topology


def test_chips_per_host_chooses_between_two_offers_of_one_topology() -> None:
    one, two = ask("tpu-v5e", topology="2x4"), ask("tpu-v5e", topology="2x4", chipsPerHost=4)
    assert isinstance(one, SliceLayout)
    assert isinstance(two, SliceLayout)
    assert (one.hosts, one.chips_per_host) == (1, 8)
    assert (two.hosts, two.chips_per_host) == (2, 4)


def test_a_topology_smaller_than_a_host_asks_for_its_own_chips() -> None:
    offer = Topology(topology="2x2", chips_per_host=8)
    spec = AcceleratorClassSpec(vendor="Google", resource="google.com/tpu", topologies=(offer,))
    request = Accelerator.model_validate({"class": "x", "topology": "2x2"})
    layout = resolve("x", spec, request)
    assert isinstance(layout, SliceLayout)
    assert (layout.hosts, layout.chips_per_host) == (1, 4)


@pytest.mark.parametrize(
    ("request_", "summary", "processes"),
    [
        ({"class_name": "tpu-v5e", "topology": "4x4", "slices": 2}, "tpu-v5e 4x4 x2", 8),
        ({"class_name": "tpu-v4", "topology": "2x2x2"}, "tpu-v4 2x2x2", 2),
        ({"class_name": "nvidia-h100", "hosts": 4, "chipsPerHost": 8}, "nvidia-h100 4x8", 4),
        ({"class_name": "nvidia-h100", "chipsPerHost": 1}, "nvidia-h100 1x1", 1),
        ({"class_name": "cpu", "hosts": 2}, "cpu 2", 2),
        ({"class_name": "cpu", "hosts": 2, "slices": 3}, "cpu 2 x3", 6),
    ],
)
def test_summary(request_: dict[str, object], summary: str, processes: int) -> None:
    layout = ask(**request_)  # type: ignore[arg-type]
    assert isinstance(layout, SliceLayout), layout
    assert layout.summary == summary
    assert layout.processes == processes


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            {"class_name": "tpu-v5e", "topology": "3x4"},
            "spec.accelerator.topology: topology 3x4 is not offered by tpu-v5e; nearest: 2x4, 4x4",
        ),
        (
            {"class_name": "tpu-v5e", "topology": "4x2"},
            "spec.accelerator.topology: topology 4x2 is not offered by tpu-v5e; nearest: 2x4",
        ),
        (
            {"class_name": "tpu-v5e", "topology": "32x32"},
            "spec.accelerator.topology: topology 32x32 is not offered by tpu-v5e; nearest: 16x16",
        ),
        (
            {"class_name": "tpu-v4", "topology": "4x4"},
            "spec.accelerator.topology: topology 4x4 is not offered by tpu-v4; "
            "nearest: 2x2x4, 2x4x4",
        ),
        (
            {"class_name": "tpu-v4", "topology": "4x4x6"},
            "spec.accelerator.topology: topology 4x4x6 is not offered by tpu-v4; "
            "nearest: 4x4x4, 4x4x8",
        ),
        (
            {"class_name": "tpu-v4", "topology": "8x4x4"},
            "spec.accelerator.topology: topology 8x4x4 is not offered by tpu-v4; nearest: 4x4x8",
        ),
        (
            {"class_name": "tpu-v5e", "topology": "4x4", "chipsPerHost": 8},
            "spec.accelerator.chipsPerHost: tpu-v5e has no 4x4 on hosts of 8 chips; "
            "leave it out, or use 4",
        ),
        (
            {"class_name": "tpu-v5e", "topology": "2x4", "chipsPerHost": 2},
            "spec.accelerator.chipsPerHost: tpu-v5e has no 2x4 on hosts of 2 chips; "
            "leave it out, or use 8 or 4",
        ),
        (
            {"class_name": "tpu-v5e", "hosts": 2},
            "spec.accelerator.hosts: 2 is given, but the hosts of tpu-v5e follow from its "
            "topology; remove hosts; for more chips ask for a larger topology or for more slices"
            " | spec.accelerator.topology: is missing, and tpu-v5e is asked for by topology; "
            "give one of: 1x1, 2x2, 2x4, 4x4, 4x8, 8x8, 8x16, 16x16",
        ),
        (
            {"class_name": "nvidia-h100", "topology": "2x4", "hosts": 1},
            "spec.accelerator.topology: 2x4 is given, but nvidia-h100 has no topologies; "
            "remove topology and give hosts and chipsPerHost"
            " | spec.accelerator.chipsPerHost: is missing, and nvidia-h100 is asked for by chips "
            "on each host; give one of: 1, 2, 4, 8",
        ),
        (
            {"class_name": "nvidia-h100", "chipsPerHost": 3},
            "spec.accelerator.chipsPerHost: nvidia-h100 is not offered with 3 chips on a host; "
            "use one of: 1, 2, 4, 8",
        ),
        (
            {"class_name": "cpu", "hosts": 1, "chipsPerHost": 1},
            "spec.accelerator.chipsPerHost: 1 is given, but cpu has no chips to count; "
            "remove chipsPerHost; ask for cores in the jax container's resources",
        ),
    ],
)
def test_what_is_refused_and_what_would_be_right(request_: dict[str, object], said: str) -> None:
    assert ask(**request_) == said  # type: ignore[arg-type]


@given(
    name=st.sampled_from(sorted(catalogue())),
    axes=st.lists(st.integers(1, 64), min_size=2, max_size=3),
    chips=st.none() | st.sampled_from([1, 2, 4, 8]),
)
def test_any_answer_is_whole_or_names_an_offer(
    name: str, axes: list[int], chips: int | None
) -> None:
    """Given any topology, then hosts times chips is the topology, or the nearest are offered."""
    request: dict[str, object] = {"topology": "x".join(map(str, axes))}
    if chips:
        request["chipsPerHost"] = chips
    answer = ask(name, **request)
    if isinstance(answer, SliceLayout):
        assert answer.hosts * answer.chips_per_host == math.prod(axes)
    else:
        assert answer
        if "nearest: " in answer:
            for near in answer.split("nearest: ")[1].split(", "):
                assert isinstance(ask(name, topology=near), SliceLayout), near
