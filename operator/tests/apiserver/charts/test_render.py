"""What the chart renders is valid for a real API server, whatever the values."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_objects import CHARTS, Helm, Render, apply
from jaxop.domain import contract
from jaxop.domain.service.replica import PORT_NAME
from plain_api import Api

VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
OF_THE_PROMETHEUS_OPERATOR = {"ServiceMonitor", "PodMonitor"}
CATALOGUE = {path.stem for path in (CHARTS / "jax-operator" / "catalogue").glob("*.yaml")}


def only(documents: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (one,) = (document for document in documents if document["kind"] == kind)
    return one


def container(documents: list[dict[str, Any]]) -> dict[str, Any]:
    containers: list[dict[str, Any]]
    containers = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    (one,) = containers
    return one


@pytest.mark.parametrize("chart", ["jax-operator", "jax-operator-crds"])
def test_lint(helm: Helm, chart: str) -> None:
    helm("lint", "--strict", str(CHARTS / chart))


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_the_api_server_takes_every_object(api: Api, rendered: Render, values: Path) -> None:
    documents = rendered("--values", str(values))
    assert documents
    for document in documents:
        if document["kind"] in OF_THE_PROMETHEUS_OPERATOR:
            continue
        answer = apply(api, document, "&dryRun=All")
        assert answer.code in (200, 201), (document, answer.faults)


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_the_pods_are_as_restricted_as_pods_can_be(
    api: Api, rendered: Render, values: Path
) -> None:
    template = only(rendered("--values", str(values)), "Deployment")["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "operator"},
        "spec": template["spec"],
    }
    answer = apply(api, pod, "&dryRun=All")
    assert answer.code in (200, 201), answer.faults
    loose = {**pod, "spec": {**pod["spec"], "hostNetwork": True}}
    assert apply(api, loose, "&dryRun=All").code == 403, "the namespace enforces nothing"


def test_two_replicas_and_a_budget_by_default(rendered: Render) -> None:
    documents = rendered()
    assert only(documents, "Deployment")["spec"]["replicas"] == 2
    assert only(documents, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_the_selector_of_the_deployment_never_changes_with_the_version(rendered: Render) -> None:
    labels = only(rendered(), "Deployment")["spec"]["selector"]["matchLabels"]
    assert labels.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


def test_images(rendered: Render) -> None:
    one = container(rendered())
    environment = {e["name"]: e.get("value") for e in one["env"]}
    assert one["image"] == "jax-operator:0.1.0"
    assert environment["JAXOP_RUNTIME_IMAGE"] == "jaxrun:0.1.0"
    digest = "sha256:" + "a" * 64
    one = container(rendered("--set", f"image.registry=reg.io,image.tag=v1,image.digest={digest}"))
    assert one["image"] == f"reg.io/jax-operator@{digest}"


def test_the_catalogue_can_be_cut_and_changed(rendered: Render) -> None:
    def classes(*words: str) -> dict[str, Any]:
        documents = rendered(*words)
        return {d["metadata"]["name"]: d for d in documents if d["kind"] == "AcceleratorClass"}

    assert classes().keys() == CATALOGUE
    assert classes("--set", "catalogue.enabled=false") == {}
    changes = "catalogue.exclude={tpu-v4},catalogue.overrides.cpu.description=Ours"
    cut = classes("--set", changes)
    assert cut.keys() == CATALOGUE - {"tpu-v4"}
    assert cut["cpu"]["spec"] == {"vendor": "CPU", "description": "Ours"}


@pytest.mark.parametrize(
    "value", ["catalogue.exclude={tpu-v9}", "catalogue.overrides.tpu-v9.vendor=Google"]
)
def test_a_class_that_the_catalogue_lacks_is_an_error(helm: Helm, value: str) -> None:
    done = helm("template", "a", str(CHARTS / "jax-operator"), "--set", value, check=False)
    assert done.returncode != 0
    assert "there is no AcceleratorClass tpu-v9 in the chart; it has: amd-mi300x" in done.stderr


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("replica=3", "additional properties 'replica' not allowed"),
        ("replicas=0", "minimum: got 0, want 1"),
        ("image.pullPolicy=Sometimes", "value must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("image.digest=sha256:abc", "does not match pattern"),
        ("image.repository=", "minLength: got 0, want 1"),
        ("networkPolicy.apiServer.cidrs={10.0.0.1}", "does not match pattern"),
        ("metrics.serviceMonitor.interval=often", "does not match pattern"),
    ],
)  # fmt: skip
def test_values_that_mean_nothing_are_refused(helm: Helm, value: str, says: str) -> None:
    done = helm("template", "a", str(CHARTS / "jax-operator"), "--set", value, check=False)
    assert done.returncode != 0
    assert says in done.stderr


def test_a_service_account_that_is_not_created_must_be_named(helm: Helm) -> None:
    chart = str(CHARTS / "jax-operator")
    done = helm("template", "a", chart, "--set", "serviceAccount.create=false", check=False)
    assert "serviceAccount.name: needed when serviceAccount.create is false" in done.stderr


def test_every_value_is_described() -> None:
    schema = yaml.safe_load((CHARTS / "jax-operator" / "values.schema.json").read_text())
    values = yaml.safe_load((CHARTS / "jax-operator" / "values.yaml").read_text())

    def undescribed(value: Any, node: dict[str, Any], path: str) -> list[str]:
        if not isinstance(value, dict) or "properties" not in node:
            return [] if node.get("description") else [path]
        return [
            missing
            for key, inner in value.items()
            for missing in undescribed(inner, node["properties"].get(key, {}), f"{path}.{key}")
        ]

    assert undescribed(values, schema, "") == []


def test_monitors_when_asked_for(rendered: Render) -> None:
    assert not OF_THE_PROMETHEUS_OPERATOR & {d["kind"] for d in rendered()}
    everything = rendered("--values", str(Path(__file__).parent / "values" / "everything.yaml"))
    service = only(everything, "Service")
    (endpoint,) = only(everything, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    pods = only(everything, "PodMonitor")["spec"]
    asked = [each.get("port") or each["portNumber"] for each in pods["podMetricsEndpoints"]]
    assert asked == [contract.HTTP_PORT, contract.KEEPER_PORT, PORT_NAME]
    assert {"jaxop.dev/jaxjob", "jaxop.dev/jaxservice"} <= set(pods["podTargetLabels"])


def test_the_crds_chart_holds_the_crds_and_keeps_them(helm: Helm) -> None:
    out = helm("template", "crds", str(CHARTS / "jax-operator-crds")).stdout
    rendered = {d["metadata"]["name"]: d for d in yaml.safe_load_all(out) if d}
    committed = [yaml.safe_load(p.read_text()) for p in (CHARTS.parent / "crds").glob("*.yaml")]
    assert rendered.keys() == {crd["metadata"]["name"] for crd in committed}
    for crd in committed:
        assert rendered[crd["metadata"]["name"]]["spec"] == crd["spec"]
        annotations = rendered[crd["metadata"]["name"]]["metadata"]["annotations"]
        assert annotations == {"helm.sh/resource-policy": "keep"}
