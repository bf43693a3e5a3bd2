"""`jaxop rollback` on a real API server, as the user who calls it."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from jaxop.cli import main
from jaxop.cli.rollback import CannotRollBackError, carry_out, plan_rollback
from jaxop.kube.client import ApiClient
from operator_process import OperatorProcess
from played_kubelet import PlayedKubelet
from service_play import BETTER, BROKEN, MODEL, NAME, ServicePlay


async def test_back_to_the_one_before(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet, client: ApiClient
) -> None:
    play.service(buckets={"batch": [1, 2]})
    first = play.wait_state("Ready", readyReplicas=2)["updatedRevision"]
    with pytest.raises(CannotRollBackError, match="has no earlier revision"):
        await plan_rollback(client, play.namespace, NAME, None)
    play.change(model={"entry": BETTER}, buckets=None, replicas=3)
    play.wait_state("Ready", readyReplicas=3, updatedReplicas=3)
    planned = await plan_rollback(client, play.namespace, NAME, None)
    assert planned.target.revision == first
    assert [str(change) for change in planned.changes] == [
        "spec.buckets.batch: (absent) -> [1, 2]",
        f"spec.model.entry: {BETTER} -> {MODEL}",
    ]
    await carry_out(client, play.namespace, NAME, planned)
    play.wait_state("Ready", readyReplicas=3, updatedReplicas=3, updatedRevision=first)
    assert play.models() == [MODEL] * 3, "and replicas stay as they were wanted"
    assert play.get("jaxservices")["spec"]["buckets"] == {"batch": [1, 2]}


def test_back_from_a_broken_one_by_the_command_itself(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet, control_plane: Path
) -> None:
    play.service(rollout={"progressDeadlineSeconds": 10})
    first = play.wait_state("Ready", readyReplicas=2)["updatedRevision"]
    play.serve(BROKEN)
    play.wait_state("RolloutStopped", readyReplicas=2)
    where = ["-n", play.namespace, "--kubeconfig", str(control_plane)]

    explained = _jaxop("explain", "jaxservice", NAME, *where)
    assert "RolloutStopped" in explained
    assert f"jaxop rollback jaxservice {NAME}" in explained

    generation = play.get("jaxservices")["metadata"]["generation"]
    said = _jaxop("rollback", "jaxservice", NAME, "--dry-run", *where)
    assert f"spec.model.entry: {BROKEN} -> {MODEL}" in said
    assert play.get("jaxservices")["metadata"]["generation"] == generation
    _jaxop("rollback", "jaxservice", NAME, *where)
    play.wait_state("Ready", updatedReplicas=2, updatedRevision=first)


async def test_what_has_changed_meanwhile_is_not_overwritten(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet, client: ApiClient
) -> None:
    play.service()
    play.wait_state("Ready", readyReplicas=2)
    play.serve(BETTER)
    play.wait_state("Ready", readyReplicas=2, updatedReplicas=2)
    planned = await plan_rollback(client, play.namespace, NAME, 1)
    play.serve("minilm.third:model")
    with pytest.raises(CannotRollBackError, match="is not changed"):
        await carry_out(client, play.namespace, NAME, planned)
    assert play.get("jaxservices")["spec"]["model"]["entry"] == "minilm.third:model"


def _jaxop(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.output
