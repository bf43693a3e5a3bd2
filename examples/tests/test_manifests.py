"""Every manifest here is one that the API accepts, on a class of the chart's catalogue."""

from pathlib import Path

import pytest
import yaml
from jaxop.api.v1alpha1.jaxjob import PROGRAM_CONTAINER, JaxJob

EXAMPLES = Path(__file__).parents[1]
CATALOGUE = EXAMPLES.parent / "charts/jax-operator/catalogue"
MANIFESTS = sorted([*EXAMPLES.glob("manifests/*.yaml"), *EXAMPLES.glob("*/jaxjob.yaml")])


def jaxjobs(path):
    objects = list(yaml.safe_load_all(path.read_text()))
    return [JaxJob.model_validate(o) for o in objects if o["kind"] == "JaxJob"]


def classes():
    files = CATALOGUE.glob("*.yaml")
    return {o["metadata"]["name"] for f in files for o in yaml.safe_load_all(f.read_text())}


def test_there_are_manifests():
    assert len(MANIFESTS) >= 6


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_manifest_is_accepted_and_names_a_class_and_a_program(path):
    (job,) = jaxjobs(path)
    assert job.spec.accelerator.class_ in classes()
    containers = {c["name"]: c for c in job.spec.template["spec"]["containers"]}
    assert containers[PROGRAM_CONTAINER]["command"]
