"""Every manifest here is one that the API accepts, on a class of the chart's catalogue."""

import ast
from pathlib import Path

import pytest
import yaml
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.api.v1alpha1.jaxjob import PROGRAM_CONTAINER, JaxJob
from jaxop.api.v1alpha1.jaxservice import JaxService

EXAMPLES = Path(__file__).parents[1]
CATALOGUE = EXAMPLES.parent / "charts/jax-operator/catalogue"
MANIFESTS = sorted([*EXAMPLES.glob("manifests/*.yaml"), *EXAMPLES.glob("*/jaxjob.yaml")])
SERVICES = sorted(EXAMPLES.glob("*/jaxservice.yaml"))
KINDS = (JaxJob, JaxService, Warmup, CompileCache, JaxRuntime)
MODELS = {model.__name__: model for model in KINDS}


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
    assert len(SERVICES) >= 2


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


@pytest.mark.parametrize("path", SERVICES, ids=lambda p: p.parent.name)
def test_a_service_is_accepted_and_its_entry_is_a_function_here(path):
    (service,) = objects(path, "JaxService")
    assert service.spec.accelerator.class_ in classes()
    (container,) = service.spec.template["spec"]["containers"]
    assert (container["name"], "command" in container) == (PROGRAM_CONTAINER, False)
    module, function = service.spec.model.entry.split(":")
    source = path.parent.joinpath(*module.split(".")).with_suffix(".py")
    assert function in functions(source)


def functions(source):
    return {n.name for n in ast.parse(source.read_text()).body if isinstance(n, ast.FunctionDef)}


def test_digits_are_served_from_the_claim_that_their_job_writes_to():
    (service,) = objects(EXAMPLES / "digits-serve/jaxservice.yaml", "JaxService")
    (job,) = objects(EXAMPLES / "digits/jaxjob.yaml", "JaxJob")
    claim = service.spec.model.volume["persistentVolumeClaim"]["claimName"]
    assert claim == job.spec.checkpoint.volume_claim
