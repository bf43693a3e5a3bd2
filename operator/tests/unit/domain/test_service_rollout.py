"""Strategies: how many replicas each revision is to have. Pure counts."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxop.domain.service.rollout import STRATEGIES, Count, Limits, Scene


def counted(*, target: tuple[int, int, int], others: list[tuple[int, int, int]], **limits: int):  # type: ignore[no-untyped-def]
    named = [Count(f"old{i}", *numbers) for i, numbers in enumerate(others)]
    return Scene(Count("new", *target), tuple(named), Limits(**limits), {})


@pytest.mark.parametrize(
    ("what", "scene", "then"),
    [
        ("a first revision is made at once",
         counted(target=(0, 0, 0), others=[], wanted=3), {"new": 3}),
        ("one is surged",
         counted(target=(0, 0, 0), others=[(3, 3, 3)], wanted=3), {"new": 1, "old0": 3}),
        ("an old one goes when the new one is ready",
         counted(target=(1, 1, 1), others=[(3, 3, 3)], wanted=3), {"new": 1, "old0": 2}),
        ("and not before",
         counted(target=(1, 1, 0), others=[(3, 3, 3)], wanted=3), {"new": 1, "old0": 3}),
        ("what is to go is not counted as ready once more",
         counted(target=(1, 1, 1), others=[(2, 3, 3)], wanted=3), {"new": 2, "old0": 2}),
        ("however late the news of those that went",
         counted(target=(1, 1, 1), others=[(1, 3, 3)], wanted=3), {"new": 3, "old0": 1}),
        ("without surge an old one goes first",
         counted(target=(0, 0, 0), others=[(3, 3, 3)], wanted=3, surge=0, unavailable=1),
         {"new": 0, "old0": 2}),
        ("then a new one is made",
         counted(target=(0, 0, 0), others=[(2, 2, 2)], wanted=3, surge=0, unavailable=1),
         {"new": 1, "old0": 2}),
        ("old ones that are not ready go first",
         counted(target=(1, 1, 0), others=[(3, 3, 1)], wanted=3), {"new": 1, "old0": 1}),
        ("scaling down takes from the target what is too much",
         counted(target=(5, 5, 5), others=[], wanted=2), {"new": 2}),
        ("two old ones: the first goes first",
         counted(target=(1, 1, 1), others=[(1, 1, 1), (2, 2, 2)], wanted=3),
         {"new": 1, "old0": 0, "old1": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_rolling_update(what: str, scene: Scene, then: dict[str, int]) -> None:
    assert STRATEGIES["RollingUpdate"](scene).replicas == then


def test_one_that_is_to_be_looked_at_is_kept_where_there_is_room() -> None:
    scene = counted(target=(3, 3, 3), others=[(1, 1, 0)], wanted=3)
    kept = replace(scene, keep={"old0": 1})
    assert STRATEGIES["RollingUpdate"](kept).replicas["old0"] == 1
    no_room = replace(kept, limits=Limits(3, surge=0, unavailable=1))
    assert STRATEGIES["RollingUpdate"](no_room).replicas["old0"] == 0


@pytest.mark.parametrize(
    ("what", "scene", "then"),
    [
        ("old ones go first", counted(target=(0, 0, 0), others=[(2, 2, 2)], wanted=2),
         {"new": 0, "old0": 0}),
        ("until they are gone", counted(target=(0, 0, 0), others=[(0, 1, 0)], wanted=2),
         {"new": 0, "old0": 0}),
        ("then all new ones come", counted(target=(0, 0, 0), others=[(0, 0, 0)], wanted=2),
         {"new": 2, "old0": 0}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_recreate(what: str, scene: Scene, then: dict[str, int]) -> None:
    assert STRATEGIES["Recreate"](scene).replicas == then


@dataclass
class Pods:
    """Of one revision: each is ready or not. A Deployment takes those that are not first."""

    ready: list[bool] = field(default_factory=list)
    desired: int = 0

    def scale(self, to: int) -> None:
        self.desired = to
        kept = sorted(self.ready, reverse=True)[:to]
        self.ready = kept + [False] * (to - len(kept))

    def count(self, name: str) -> Count:
        return Count(name, self.desired, len(self.ready), sum(self.ready))


REVISIONS = ("new", "old", "older")


@given(
    wanted=st.integers(0, 6),
    surge=st.integers(0, 3),
    unavailable=st.integers(0, 3),
    there=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    turns=st.lists(
        st.tuples(
            st.sampled_from(["ready", "ready", "lost", "scale"]),
            st.sampled_from(REVISIONS),
            st.integers(0, 6),
        ),
        max_size=30,
    ),
)
def test_rolling_update_never_takes_more_than_it_may_and_ends(
    wanted: int,
    surge: int,
    unavailable: int,
    there: tuple[int, int],
    turns: list[tuple[str, str, int]],
) -> None:
    surge = surge or (0 if unavailable else 1)
    world = {name: Pods() for name in REVISIONS}
    for name, number in zip(REVISIONS[1:], there, strict=True):
        world[name].scale(number)
        world[name].ready = [True] * number

    def act(wanted: int) -> dict[str, int]:
        before = sum(sum(pods.ready) for pods in world.values())
        scene = Scene(
            world["new"].count("new"),
            tuple(world[name].count(name) for name in REVISIONS[1:]),
            Limits(wanted, surge, unavailable),
            {},
        )
        step = dict(STRATEGIES["RollingUpdate"](scene).replicas)
        total = sum(pods.desired for pods in world.values())
        for name, number in step.items():
            world[name].scale(number)
        after = sum(sum(pods.ready) for pods in world.values())
        assert after >= min(before, wanted - unavailable), "too few are left ready"
        assert sum(step.values()) <= max(wanted + surge, total), "there are too many"
        return step

    for what, whose, number in turns:
        pods = world[whose]
        if what == "scale":
            wanted = number
        elif pods.ready:
            pods.ready[number % len(pods.ready)] = what == "ready"
        act(wanted)
    for _ in range(60):
        world["new"].ready = [True] * len(world["new"].ready)
        act(wanted)
    assert {name: pods.desired for name, pods in world.items()} == {
        "new": wanted,
        "old": 0,
        "older": 0,
    }
