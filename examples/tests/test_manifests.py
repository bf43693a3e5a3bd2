"""Every manifest here is one that the API accepts, on a class of the chart's catalogue."""

from pathlib import Path

import pytest
import yaml
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.api.v1alpha1.jaxjob import PROGRAM_CONTAINER, JaxJob

EXAMPLES = Path(__file__).parents[1]
CATALOGUE = EXAMPLES.parent / "charts/jax-operator/catalogue"
MANIFESTS = sorted([*EXAMPLES.glob("manifests/*.yaml"), *EXAMPLES.glob("*/jaxjob.yaml")])
MODELS = {model.__name__: model for model in (JaxJob, Warmup, CompileCache, JaxRuntime)}


def objects(path, *kinds):
    """Those of these kinds, in the order of the file."""
    found = (o for o in yaml.safe_load_all(path.read_text()) if o["kind"] in kinds)
    return [MODELS[o["kind"]].model_validate(o) for o in found]


def names(path, kind):
    return {o.metadata.name for o in objects(path, kind)}


def classes():
    files = CATALOGUE.glob("*.yaml")
    return {o["metadata"]["name"] for f in files for o in yaml.safe_load_all(f.read_text())}


def test_there_are_manifests():
    assert len(MANIFESTS) >= 6


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_manifest_is_accepted_and_names_a_class_and_a_program(path):
    assert len(objects(path, "JaxJob")) == 1
    for job in objects(path, "JaxJob", "Warmup"):
        assert job.spec.accelerator.class_ in classes()
        containers = {c["name"]: c for c in job.spec.template["spec"]["containers"]}
        assert containers[PROGRAM_CONTAINER]["command"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_a_manifest_names_it_brings_along(path):
    for runtime in objects(path, "JaxRuntime"):
        assert set(runtime.spec.accelerators) <= classes()
    for job in objects(path, "JaxJob", "Warmup"):
        if job.spec.runtime is not None:
            assert job.spec.runtime in names(path, "JaxRuntime")
    for warmup in objects(path, "Warmup"):
        assert warmup.spec.compile_cache in names(path, "CompileCache")
    for job in objects(path, "JaxJob"):
        if job.spec.compile_cache is not None:
            assert job.spec.compile_cache.name in names(path, "CompileCache")
