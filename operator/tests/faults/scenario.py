"""What a kind's scenario is: how its operator is built, the story, and what counts in the end.

Adding a kind means adding one of these. A story is a list of steps; each waits until something is
so, for any operator that does its duty, and then does something as a user or as the world would.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gangs import Gangs
from jaxop.api.plan import Manifest
from jaxop.kube.resources import Resource
from operator_processes import BuildOperator
from raw_api import RawApi
from world import World


@dataclass(frozen=True, slots=True)
class Stage:
    """What a step sees and acts on: the API as a user has it, the world, what runs in pods."""

    api: RawApi
    world: World
    gangs: Gangs


@dataclass(frozen=True, slots=True)
class Step:
    """`until` gives None when it is time for `then`, else what is not yet so."""

    name: str
    until: Callable[[Stage], str | None]
    then: Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`normal` keeps of an object what must be the same in the end however it went, or None.

    `plain` takes out of a child's name what is another each time. `remembered` are kinds whose last
    state counts also when they are deleted in the end. Of a `long` story the default sweep plays
    fewer schedules, and of these only each `every`-th.
    """

    name: str
    build: Callable[[Gangs], BuildOperator]
    steps: tuple[Step, ...]
    kinds: tuple[Resource, ...]
    remembered: Resource
    normal: Callable[[Manifest], Mapping[str, Any] | None]
    plain: Callable[[str], str] = str
    long: bool = False
    every: int = 1


async def nothing(_: Stage) -> None:
    """For a step that only waits."""
