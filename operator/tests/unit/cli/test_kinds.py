"""jaxop takes the names that kubectl takes."""

from pathlib import Path

import pytest
import yaml
from jaxop.cli.main import JOBS, SERVICES

CRDS = Path(__file__).parents[4] / "crds"


@pytest.mark.parametrize(("plural", "taken"), [("jaxjobs", JOBS), ("jaxservices", SERVICES)])
def test_every_name_of_the_kind(plural: str, taken: tuple[str, ...]) -> None:
    names = yaml.safe_load((CRDS / f"jaxop.dev_{plural}.yaml").read_text())["spec"]["names"]
    assert set(taken) == {names["singular"], names["plural"], *names["shortNames"]}
