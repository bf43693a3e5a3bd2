"""A JaxRuntime on real pods: one finds out what the image is, and jobs take theirs from it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from e2e.deploy import NAMESPACE, Deployment
from e2e.tests.jaxjobs import IMAGE, JaxJobBuilder, a_jaxjob
from e2e.tests.namespace import COMES_WITHIN_SECONDS, Namespace, Seen, eventually

SEES_THE_RUNTIME = "import os; assert os.environ['FROM_RUNTIME'] == 'yes', os.environ"


def test_a_pod_finds_out_what_it_is_and_jobs_take_their_image_from_it(
    namespace: Namespace, deployment: Deployment
) -> None:
    image = deployment.cluster.pin(IMAGE, ["cpu"])
    env = [{"name": "FROM_RUNTIME", "value": "yes"}]
    spec = {"image": image, "jax": "0.12", "python": "3.13", "env": env, "accelerators": ["cpu"]}
    with a_runtime(deployment, spec) as name:
        status = wait_for(deployment, name, "Verified")
        (found,) = status["found"]
        assert found["accelerator"] == found["platform"] == "cpu"
        assert found["jax"].startswith("0.12.")
        assert found["python"].startswith("3.13.")

        namespace.apply(a_job_of(name, "python", "-c", SEES_THE_RUNTIME))
        namespace.wait_for("Succeeded")
        images = {pod["spec"]["containers"][0]["image"] for pod in namespace.pods()}
        assert images == {image}

        deployment.kubectl.run(
            *("patch", "jaxruntime", name, "--type=merge"), '-p={"spec":{"jax":"0.11"}}'
        )
        status = wait_for(deployment, name, "Mismatch")
        assert f"jax: expected 0.11, found {found['jax']}" in status["message"]
        assert status["found"][0]["time"] == found["time"], "no pod was needed for that"


def test_a_job_of_a_runtime_that_does_not_exist_says_so(namespace: Namespace) -> None:
    namespace.apply(a_job_of("nowhere", "python", "-c", "pass"))
    status = namespace.wait_for("Pending")
    assert "nowhere" in status["message"]
    assert not namespace.all_of("jobs")


def a_job_of(runtime: str, *command: str) -> JaxJobBuilder:
    """Its container names no image."""
    job = a_jaxjob().on("cpu", hosts=1).with_command(*command).with_spec(runtime=runtime)
    del job.program["image"]
    return job


@contextmanager
def a_runtime(deployment: Deployment, spec: dict[str, Any]) -> Iterator[str]:
    name = f"e2e-{secrets.token_hex(3)}"
    kind = {"apiVersion": "jaxop.dev/v1alpha1", "kind": "JaxRuntime"}
    deployment.kubectl.apply([{**kind, "metadata": {"name": name}, "spec": spec}])
    try:
        yield name
    finally:
        deployment.kubectl.run("delete", "jaxruntime", name, "--wait=false")


def wait_for(deployment: Deployment, name: str, state: str) -> Seen:
    def reached() -> Seen | str:
        status: Seen = deployment.kubectl.get("jaxruntime", name).get("status", {})
        if status.get("state") == state:
            return status
        here = f"--namespace={NAMESPACE}"
        pods = deployment.kubectl.attempt("get", "pods", here, "--output=wide").stdout
        return f"{status}\n{pods}"

    return eventually(f"JaxRuntime {name} is {state}", reached, COMES_WITHIN_SECONDS)
