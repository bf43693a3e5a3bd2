"""JaxService as a user meets it on a real API server; what the operator makes of one is taken."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from bad_manifests import BASES
from jaxop.api.v1alpha1 import JaxService
from plain_api import MERGE, PATHS, SERVICES, Api

GOLDEN = Path(__file__).parents[2] / "unit" / "domain" / "golden"
WHERE = {
    **PATHS,
    "ControllerRevision": "/apis/apps/v1/namespaces/kinds/controllerrevisions",
    "Deployment": "/apis/apps/v1/namespaces/kinds/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/kinds/poddisruptionbudgets",
    "Service": "/api/v1/namespaces/kinds/services",
}
DRY_RUN = "?dryRun=All&fieldValidation=Strict"


def children() -> list[object]:
    found = []
    for path in sorted(GOLDEN.glob("service-*.yaml")):
        for child in yaml.safe_load_all(path.read_text()):
            name = f"{path.stem} {child['kind']} {child['metadata']['name']}"
            found.append(pytest.param(child, id=name))
    return found


@pytest.mark.parametrize("child", children())
def test_the_api_server_takes_the_children(api: Api, child: dict[str, Any]) -> None:
    metadata = {**child["metadata"], "namespace": "kinds"}
    metadata.pop("ownerReferences")
    answer = api.request("POST", WHERE[child["kind"]] + DRY_RUN, {**child, "metadata": metadata})
    assert answer.code == 201, answer.faults


def test_the_scale_subresource_sets_replicas_and_tells_the_selector(api: Api) -> None:
    made = api.request("POST", SERVICES, BASES["service"])
    assert made.code == 201, made.faults
    one = f"{SERVICES}/minilm"
    try:
        assert made.body["spec"]["replicas"] == 1
        status = {"status": {"replicas": 1, "selector": "jaxop.dev/jaxservice=minilm"}}
        assert api.request("PATCH", f"{one}/status", status, content_type=MERGE).code == 200
        scale = api.request("PATCH", f"{one}/scale", {"spec": {"replicas": 3}}, content_type=MERGE)
        assert scale.code == 200, scale.faults
        assert scale.body["status"] == {"replicas": 1, "selector": "jaxop.dev/jaxservice=minilm"}
        service = JaxService.model_validate(api.request("GET", one).body)
        assert service.spec.replicas == 3
        assert service.spec.rollout.progress_deadline_seconds == 1800
        assert service.spec.buckets == {"batch": (1, 8, 64), "length": (16, 256)}
    finally:
        api.request("DELETE", one)


def test_a_template_needs_no_more_than_a_runtime(api: Api) -> None:
    base = BASES["service"]
    spec = {k: v for k, v in base["spec"].items() if k != "template"} | {"runtime": "jax-0.12-cpu"}
    answer = api.request("POST", SERVICES + DRY_RUN, {**base, "spec": spec})
    assert answer.code == 201, answer.faults
    service = JaxService.model_validate(answer.body)
    assert [c["name"] for c in service.spec.template["spec"]["containers"]] == ["jax"]
