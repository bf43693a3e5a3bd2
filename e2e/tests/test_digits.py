"""The example, as a user applies it: it trains, keeps checkpoints, and goes on from them."""

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from e2e.tests.namespace import Namespace, Seen

MANIFEST = Path(__file__).parents[2] / "examples" / "digits" / "jaxjob.yaml"
STEPS = 330
TRAINS_WITHIN_SECONDS = 240.0


def test_two_pods_train_and_a_second_job_resumes_from_their_checkpoint(
    namespace: Namespace,
) -> None:
    claim, job = yaml.safe_load_all(MANIFEST.read_text())
    namespace.apply(claim, job)
    status = namespace.wait_for("Succeeded", "digits", TRAINS_WITHIN_SECONDS)

    result = result_of(namespace, "digits")
    assert result["accuracy"] >= 0.97
    assert result["processes"] == 2
    assert result["resumed_from"] == 0
    assert status["step"] == STEPS
    assert status["hosts"]["summary"] == "2/2"
    assert status["restarts"] == 0
    assert [condition_of(status, kind) for kind in ("Ready", "Succeeded")] == ["True", "True"]
    assert set(status["startup"]) == {
        f"{phase}Seconds" for phase in ("schedule", "join", "initialise", "compile", "firstStep")
    }
    says_nothing_but_status(namespace.jaxjob("digits"), job)

    again = copy.deepcopy(job)
    again["metadata"]["name"] = "again"
    command = again["spec"]["template"]["spec"]["containers"][0]["command"]
    command += ["--steps", str(STEPS + 20)]
    namespace.apply(again)
    namespace.wait_for("Succeeded", "again", TRAINS_WITHIN_SECONDS)
    resumed = result_of(namespace, "again")
    assert resumed["resumed_from"] == STEPS
    assert resumed["step"] == STEPS + 20
    assert resumed["accuracy"] >= 0.97
    assert f"resumed from step {STEPS}" in namespace.logs(namespace.pods("again")[0])


def says_nothing_but_status(jaxjob: Seen, applied: dict[str, Any]) -> None:
    """The operator, and kopf in it, have written to nothing that is the user's."""
    metadata = jaxjob["metadata"]
    assert metadata.get("annotations", {}) == {}
    assert metadata.get("labels", {}) == {}
    assert "finalizers" not in metadata
    assert metadata["generation"] == 1
    assert jaxjob["spec"]["template"] == applied["spec"]["template"]
    owned = [(f["manager"], f.get("subresource")) for f in metadata["managedFields"]]
    operators = [entry for entry in owned if entry[0] != "kubectl"]
    assert operators, owned
    assert {subresource for _, subresource in operators} == {"status"}, owned


def result_of(namespace: Namespace, jaxjob: str) -> Seen:
    """What process 0 printed as its result."""
    log = namespace.logs(namespace.pods(jaxjob)[0])
    lines = [line for line in log.splitlines() if line.startswith("result: ")]
    assert len(lines) == 1, log
    result: Seen = json.loads(lines[0].removeprefix("result: "))
    return result


def condition_of(status: Seen, kind: str) -> str | None:
    return next((c["status"] for c in status["conditions"] if c["type"] == kind), None)
