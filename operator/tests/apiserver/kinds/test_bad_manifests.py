"""Every row of bad_manifests.yaml is refused where it says, with the words it says."""

from pathlib import Path

import pytest
import yaml
from bad_manifests import BASES, BadManifest, bad_manifests
from jaxop.api.v1alpha1 import AcceleratorClass, JaxJob
from jaxop.domain.jaxjob.snapshot import OperatorSettings, Snapshot
from jaxop.domain.jaxjob.validation.validate import validate
from jaxop.domain.problem import sentence
from plain_api import JAXJOBS, PATHS, Api

ROWS = bad_manifests()
CATALOGUE = Path(__file__).parents[4] / "charts" / "jax-operator" / "catalogue"
DRY_RUN = "?dryRun=All&fieldValidation=Strict"


def named(rows: list[BadManifest]) -> list[object]:
    return [pytest.param(row, id=row.what) for row in rows]


@pytest.fixture(scope="module")
def catalogue() -> dict[str, AcceleratorClass]:
    classes = [
        AcceleratorClass.model_validate(yaml.safe_load(path.read_text()))
        for path in CATALOGUE.glob("*.yaml")
    ]
    return {one.metadata.name: one for one in classes}


def test_the_table_is_as_long_as_promised() -> None:
    at_apply = [row for row in ROWS if row.by != "Stalled"]
    assert len(ROWS) >= 40
    assert len(at_apply) >= 28
    assert len({row.what for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("base", BASES)
def test_what_the_bad_manifests_are_made_from_is_taken(api: Api, base: str) -> None:
    manifest = BASES[base]
    answer = api.request("POST", PATHS[manifest["kind"]] + DRY_RUN, manifest)
    assert answer.code == 201, answer.faults


@pytest.mark.parametrize("row", named([row for row in ROWS if row.by != "Stalled"]))
def test_refused_at_apply(api: Api, row: BadManifest) -> None:
    answer = api.request("POST", PATHS[row.manifest["kind"]] + DRY_RUN, row.manifest)
    assert answer.code in (400, 422), f"the API server took it: {answer.body}"
    assert answer.faults == [row.says]


@pytest.mark.parametrize("row", named([row for row in ROWS if row.by == "Stalled"]))
def test_stalled_afterwards(
    api: Api, catalogue: dict[str, AcceleratorClass], row: BadManifest
) -> None:
    answer = api.request("POST", JAXJOBS + DRY_RUN, row.manifest)
    assert answer.code == 201, f"refused at apply, which is better: say so. {answer.faults}"
    job = JaxJob.model_validate(answer.body)
    snapshot = Snapshot(
        job,
        OperatorSettings(runtime_image="jaxrun"),
        catalogue.get(job.spec.accelerator.class_),
        tuple(sorted(catalogue)),
    )
    problems = validate(snapshot)
    assert isinstance(problems, tuple), f"the operator would run it: {problems}"
    assert sentence(problems) == row.says
