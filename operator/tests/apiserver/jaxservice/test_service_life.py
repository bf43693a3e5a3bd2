"""A JaxService on a real API server: given what happens to it, then children, state, traffic."""

from operator_process import OperatorProcess
from play import Object, wait
from played_kubelet import BUCKETS, PlayedKubelet
from service_play import BETTER, BROKEN, CHILDREN, MODEL, NAME, ServicePlay


def hash_of(play: ServicePlay) -> str:
    found: str = play.status()["updatedRevision"]
    return found


def test_from_creation_to_ready(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    kubelet.held.add(MODEL)
    play.service()
    status = play.wait_state("Starting", replicas=2, readyReplicas=0)
    wait("buckets are counted", lambda: play.status().get("buckets"))
    assert play.status()["buckets"]["summary"] == f"1/{BUCKETS}"
    kubelet.held.clear()
    status = play.wait_state("Ready", replicas=2, readyReplicas=2, ready="2/2")
    revision = hash_of(play)
    assert status["currentRevision"] == revision
    assert status["url"] == f"http://{NAME}.{play.namespace}.svc"
    (deployment,) = play.all("deployments")
    assert deployment["metadata"]["name"] == f"{NAME}-{revision}"
    (service,) = (s for s in play.all("services") if s["metadata"]["name"] == NAME)
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, 8000)
    budget = play.get("poddisruptionbudgets")
    (kept,) = play.all("controllerrevisions")
    for child in (deployment, service, budget, kept):
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("JaxService", NAME, True)
        assert child["metadata"]["labels"]["jaxop.dev/jaxservice"] == NAME
    selected = service["spec"]["selector"].items()
    assert all(selected <= pod["metadata"]["labels"].items() for pod in play.all("pods"))
    assert play.conditions()["Ready"][0] == "True"


def test_at_rest_nothing_is_written(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service()
    play.wait_state("Ready", readyReplicas=2)
    _wait_asked_again(kubelet)
    settled, passes = operator.writes(), _passes(operator)
    play.patch("jaxservices", NAME, {"metadata": {"labels": {"team": "search"}}})
    wait("another pass", lambda: _passes(operator) > passes)
    _wait_asked_again(kubelet)
    assert operator.writes() == settled


def _wait_asked_again(kubelet: PlayedKubelet) -> None:
    """Every replica, and what follows from its answer is done."""
    before = {name: replica.asked for name, replica in kubelet.replicas.items()}

    def all_asked() -> bool:
        return all(kubelet.replicas[name].asked > asked + 1 for name, asked in before.items())

    wait("its replicas are asked again", all_asked)


def _passes(operator: OperatorProcess) -> float:
    return sum(
        value
        for name, value in operator.metrics().items()
        if name.startswith("jaxop_reconcile_seconds_count") and "jaxservice" in name
    )


def test_scaled_by_the_scale_subresource(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service()
    play.wait_state("Ready", readyReplicas=2)
    play.scale(3)
    play.wait_state("Ready", replicas=3, readyReplicas=3)
    scale = play.get("jaxservices", NAME, "scale")
    assert scale["status"]["replicas"] == 3
    labels = dict(pair.split("=") for pair in scale["status"]["selector"].split(","))
    assert all(labels.items() <= p["metadata"]["labels"].items() for p in play.all("pods"))
    play.scale(1)
    play.wait_state("Ready", replicas=1, readyReplicas=1)
    play.scale(0)
    play.wait_state("Idle", replicas=0, readyReplicas=0)
    assert len(play.names("controllerrevisions")) == 1, "the same revision all the time"


def test_a_new_revision_replaces_the_old_one(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service(revisionHistoryLimit=1)
    play.wait_state("Ready", readyReplicas=2)
    first = hash_of(play)
    kubelet.fewest_ready = 2
    play.serve(BETTER)
    play.wait_state("Ready", readyReplicas=2, updatedReplicas=2, replicas=2)
    second = hash_of(play)
    assert second != first
    assert play.models() == [BETTER, BETTER]
    assert kubelet.fewest_ready == 2, "never fewer than promised"

    def only_one_deployment() -> bool:
        return play.names("deployments") == [f"{NAME}-{second}"]

    wait("the old one's Deployment is gone", only_one_deployment)
    play.serve("minilm.third:model")
    play.wait_state("Ready", readyReplicas=2, updatedReplicas=2, replicas=2)

    def the_last_two() -> bool:
        labels = [r["metadata"]["labels"] for r in play.all("controllerrevisions")]
        return {each["jaxop.dev/revision"] for each in labels} == {second, hash_of(play)}

    wait("one old revision is kept", the_last_two)


def test_a_broken_revision_leaves_the_old_one_serving(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service(rollout={"progressDeadlineSeconds": 10})
    play.wait_state("Ready", readyReplicas=2)
    kubelet.fewest_ready = 2
    play.serve(BROKEN)
    status = play.wait_state("RolloutStopped", readyReplicas=2)
    assert status["rollout"]["stopped"], "it says why"
    assert play.conditions()["Progressing"][0] == "False"
    assert play.models().count(MODEL) == 2
    assert kubelet.fewest_ready == 2
    play.serve(MODEL)
    play.wait_state("Ready", replicas=2, readyReplicas=2, updatedReplicas=2)
    assert play.models() == [MODEL, MODEL]
    assert kubelet.fewest_ready == 2


def test_recreate_stops_the_old_ones_first(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service(rollout={"strategy": "Recreate"})
    play.wait_state("Ready", readyReplicas=2)
    kubelet.held.add(BETTER)
    play.serve(BETTER)

    def only_new_ones() -> Object | None:
        status = play.status()
        return status if play.models() == [BETTER, BETTER] else None

    wait("the old ones are gone", only_new_ones)
    status = play.wait_state("RollingOut", readyReplicas=0)
    assert status["rollout"]["unservedSince"], "the gap is told"
    assert play.conditions()["Ready"][0] == "False"
    kubelet.held.clear()
    play.wait_state("Ready", replicas=2, readyReplicas=2)


def test_it_goes_and_leaves_nothing_behind(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service()
    play.wait_state("Ready", readyReplicas=2)
    play.delete("jaxservices")

    def left() -> dict[str, list[str]]:
        return {kind: found for kind in CHILDREN if (found := play.names(kind))}

    wait("all of its children are gone", lambda: not left() or left() == {})


def test_a_service_of_that_name_that_is_not_ours(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "other"}},
    }
    made = play.create("services", theirs)
    play.service()

    def stalled() -> bool:
        return play.conditions().get("Stalled") == ("True", "NameConflict")

    wait("it says so", lambda: play.status().get("conditions") and stalled())
    message = play.status()["message"]
    assert "Service" in message
    assert NAME in message
    assert play.get("services")["spec"] == made["spec"], "theirs is not touched"
    play.delete("services")
    play.wait_state("Ready", readyReplicas=2)
    assert play.conditions()["Stalled"][0] == "False"
