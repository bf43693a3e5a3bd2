"""jaxrun.devices(): JAX's own, or those of a topology that is not there."""

import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import jaxrun
from jaxrun import contract
from jaxrun.program import devices

TOLD = {
    "platform": "tpu",
    "topology": "v5e:2x2",
    "options": {"chips_per_host_bounds": [2, 2, 1]},
    "devices": 4,
}


class ATopology:
    """JAX as far as it is asked; each description has devices of its own."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[dict[str, Any]] = []

    def get_topology_desc(self, **asked: Any) -> Any:
        self.asked.append(asked)
        found = ModuleType("description")
        vars(found)["devices"] = [object() for _ in range(self.count)]
        return found


@pytest.fixture
def topology(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], ATopology]:
    def with_devices(count: int) -> ATopology:
        played = ATopology(count)
        for name in ("jax", "jax.experimental", "jax.experimental.topologies"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        vars(sys.modules["jax"])["devices"] = lambda: ["cpu:0"]
        module = sys.modules["jax.experimental.topologies"]
        vars(module)["get_topology_desc"] = played.get_topology_desc
        vars(sys.modules["jax.experimental"])["topologies"] = module
        return played

    monkeypatch.setattr(devices, "_described", None)
    return with_devices


def test_jaxs_own_where_nothing_is_said(
    topology: Callable[[int], ATopology], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(contract.AHEAD_OF_TIME, raising=False)
    played = topology(4)
    assert jaxrun.devices() == ["cpu:0"]
    assert played.asked == []


def test_those_of_the_topology_the_same_each_time(
    topology: Callable[[int], ATopology], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(contract.AHEAD_OF_TIME, json.dumps(TOLD))
    played = topology(4)
    first, again = jaxrun.devices(), jaxrun.devices()
    assert len(first) == 4
    assert first == again
    assert first is not again, "a caller may sort what it gets"
    assert played.asked == [
        {"platform": "tpu", "topology_name": "v5e:2x2", "chips_per_host_bounds": [2, 2, 1]}
    ]


def test_another_number_than_the_slice_has_is_refused(
    topology: Callable[[int], ATopology], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a v4 whose two cores are not taken as one device."""
    monkeypatch.setenv(contract.AHEAD_OF_TIME, json.dumps(TOLD))
    topology(8)
    with pytest.raises(RuntimeError, match=r"has 8 devices .* and 4 by its AcceleratorClass"):
        jaxrun.devices()


def test_the_variable_is_the_contracts() -> None:
    assert devices.AHEAD_OF_TIME == contract.AHEAD_OF_TIME
