"""The played world does nothing that the real one would not."""

import pytest
import world
from jaxop.kube.errors import NotFound
from jaxop.kube.reflector import Reflector
from jaxop.kube.resources import JAXRUNTIMES
from oracle import faults
from runtime_scenarios import VERIFIED
from schedule import play

REFUSED = 2
"""Lists of owners."""


class HearsLateOfOwners(Reflector):
    refused = 0

    async def _list(self) -> None:
        if self._resource == JAXRUNTIMES and HearsLateOfOwners.refused < REFUSED:
            HearsLateOfOwners.refused += 1
            raise NotFound("GET jaxruntimes", 404, {"message": "not served yet"})
        await super()._list()


def test_nothing_is_an_orphan_before_all_owners_are_known(
    kubeconfig: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = play(kubeconfig, VERIFIED, None)
    assert not usual.problem
    monkeypatch.setattr(world, "Reflector", HearsLateOfOwners)
    late = play(kubeconfig, VERIFIED, None)
    assert HearsLateOfOwners.refused == REFUSED
    assert not faults(usual, late)
