"""A JaxRuntime, a CompileCache and a Warmup on a real API server: defaults, and what may change."""

from typing import Any

import pytest
from bad_manifests import a_compile_cache, a_jax_runtime, a_warmup
from jaxop.api.v1alpha1 import CompileCache, JaxRuntime, Warmup
from jaxop.api.v1alpha1.common import KubeModel
from plain_api import CRDS, MERGE, PATHS, Api

UNCHANGEABLE = "cannot change after creation: delete the"

A_FULL_RUNTIME = a_jax_runtime(
    env=[{"name": "A"}],
    xlaFlags=["--xla_a=1"],
    libtpuInitArgs=["--xla_b=2"],
    accelerators=["cpu"],
)


@pytest.mark.parametrize(
    ("manifest", "model", "defaults"),
    [
        (
            a_compile_cache(),
            CompileCache,
            {"writers": "Warmups", "retention": {"unusedSeconds": 2592000}},
        ),
        (a_warmup(), Warmup, {"maxRetries": 2, "activeDeadlineSeconds": 3600}),
        (A_FULL_RUNTIME, JaxRuntime, {"env": [{"name": "A", "value": ""}]}),
    ],
)
def test_defaults_are_filled_in_and_read_back(
    api: Api, manifest: dict[str, Any], model: type[KubeModel], defaults: dict[str, Any]
) -> None:
    with api.created(PATHS[manifest["kind"]], manifest) as created:
        assert created["spec"] | defaults == created["spec"]
        assert model.model_validate(created).to_manifest()["spec"] == created["spec"]


@pytest.mark.parametrize(
    ("manifest", "change", "field"),
    [
        (a_compile_cache(), {"storage": {"size": "200Gi"}}, "storage"),
        (a_warmup(), {"compileCache": "other"}, "compileCache"),
        (a_warmup(), {"accelerator": {"hosts": 4}}, "accelerator"),
        (a_warmup(), {"runtime": "jax-0.12"}, "runtime"),
    ],
)
def test_what_is_made_once_cannot_change(
    api: Api, manifest: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    path = PATHS[manifest["kind"]]
    with api.created(path, manifest) as created:
        target = f"{path}/{created['metadata']['name']}"
        answer = api.request("PATCH", target, {"spec": change}, content_type=MERGE)
        assert answer.code == 422, answer.body
        (fault,) = answer.faults
        assert fault.startswith(f"spec.{field}: Forbidden: {UNCHANGEABLE}")


def test_everything_of_a_runtime_can_change(api: Api) -> None:
    with api.created(PATHS["JaxRuntime"], a_jax_runtime()) as created:
        change = {"image": f"other@sha256:{'f' * 64}", "jax": "0.12", "xlaFlags": ["--xla_a=1"]}
        target = f"{PATHS['JaxRuntime']}/{created['metadata']['name']}"
        answer = api.request("PATCH", target, {"spec": change}, content_type=MERGE)
        assert answer.code == 200, answer.faults


@pytest.mark.parametrize(
    ("plural", "short", "scope"),
    [
        ("compilecaches", "cc", "Namespaced"),
        ("warmups", "wu", "Namespaced"),
        ("jaxruntimes", "jrt", "Cluster"),
    ],
)
def test_names_by_which_people_ask_for_them(api: Api, plural: str, short: str, scope: str) -> None:
    crd = api.request("GET", f"{CRDS}/{plural}.jaxop.dev").body
    assert crd["spec"]["scope"] == scope
    assert crd["status"]["acceptedNames"]["shortNames"] == [short]
    assert crd["status"]["acceptedNames"]["categories"] == ["jax"]
