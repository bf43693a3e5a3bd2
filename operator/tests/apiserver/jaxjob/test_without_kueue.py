"""A label of Kueue's in a cluster that has no Kueue."""

from operator_process import OperatorProcess
from play import Play, wait

QUEUE = "kueue.x-k8s.io/queue-name"


def test_several_slices_cannot_queue_and_say_so(play: Play, operator: OperatorProcess) -> None:
    _queued(play, slices=2)
    status = play.wait_state("Pending", "KueueMissing")
    assert status["message"] == (
        "metadata.labels[kueue.x-k8s.io/queue-name]: the API server serves no Workloads of Kueue, "
        "which queue a job of several slices; install Kueue and restart the operator, or suspend "
        "the job and take the label away"
    )
    assert play.names("jobs") == []
    play.patch("jaxjobs", "digits", {"metadata": {"labels": {QUEUE: None}}})
    play.pods(2)


def test_one_slice_runs_as_any_job_with_that_label_does(
    play: Play, operator: OperatorProcess
) -> None:
    _queued(play, slices=1)
    play.pods(1)
    (job,) = play.all("jobs")
    assert job["metadata"]["labels"][QUEUE] == "team"
    wait("the status", lambda: play.status().get("state") == "Scheduling")


def _queued(play: Play, slices: int) -> None:
    program = {"name": "jax", "image": "team/digits:1", "command": ["python"]}
    play.create(
        "jaxjobs",
        {
            "apiVersion": "jaxop.dev/v1alpha1",
            "kind": "JaxJob",
            "metadata": {"name": "digits", "labels": {QUEUE: "team"}},
            "spec": {
                "accelerator": {"class": "tpu-v5e", "topology": "2x2", "slices": slices},
                "template": {"spec": {"schedulerName": "the-test", "containers": [program]}},
            },
        },
    )
