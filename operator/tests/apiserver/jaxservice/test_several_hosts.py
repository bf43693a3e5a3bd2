"""Replicas of several hosts on a real API server: each is a JaxJob, replaced as a whole."""

from operator_process import OperatorProcess
from play import wait
from played_kubelet import PlayedKubelet
from service_play import BETTER, MODEL, NAME, ServicePlay

TWO_HOSTS = {"class": "cpu", "hosts": 2}


def test_each_replica_is_a_jaxjob(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service(accelerator=TWO_HOSTS)
    status = play.wait_state("Ready", replicas=2, readyReplicas=2)
    first = status["updatedRevision"]
    assert play.names("jaxjobs") == [f"{NAME}-{first}-0", f"{NAME}-{first}-1"]
    assert play.names("deployments") == []
    assert play.models() == [MODEL] * 4, "two hosts each"
    (service,) = (s for s in play.all("services") if s["metadata"]["name"] == NAME)
    selected = [
        pod
        for pod in play.all("pods")
        if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    ]
    assert len(selected) == 2, "only process 0 of each is sent requests"


def test_a_new_revision_replaces_them_one_by_one(
    play: ServicePlay, operator: OperatorProcess, kubelet: PlayedKubelet
) -> None:
    play.service(accelerator=TWO_HOSTS)
    first = play.wait_state("Ready", replicas=2, readyReplicas=2)["updatedRevision"]
    play.serve(BETTER)
    play.wait_state("Ready", replicas=2, readyReplicas=2, updatedReplicas=2)
    assert not [name for name in play.names("jaxjobs") if first in name]

    def only_new_ones() -> bool:
        return play.models() == [BETTER] * 4

    wait("only pods of the new revision run", only_new_ones)
    play.scale(1)
    play.wait_state("Ready", replicas=1, readyReplicas=1)
    assert len(play.names("jaxjobs")) == 1
