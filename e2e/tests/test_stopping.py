"""Jobs that somebody stops: by deleting them, or by suspending them."""

import json

from e2e.tests.jaxjobs import CONFIG_MAP, a_jaxjob
from e2e.tests.namespace import Namespace, eventually

GONE_WITHIN_SECONDS = 60.0
KUBERNETES_OWN = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


def test_a_deleted_job_leaves_nothing_but_the_token(namespace: Namespace) -> None:
    namespace.apply(a_jaxjob().running("train.py", "--hold"))
    namespace.wait_for("Running")
    kinds = listable_kinds(namespace)
    namespace.run("delete", "jaxjob", "job")

    def only_the_rest() -> str | bool:
        left = set(namespace.run("get", kinds, "--output=name").split())
        left -= KUBERNETES_OWN | {f"configmap/{CONFIG_MAP}", "secret/jaxop-gang-token"}
        return ", ".join(sorted(left)) or True

    eventually("all of the job is gone", only_the_rest, GONE_WITHIN_SECONDS)
    assert namespace.run("get", "secret", "--output=name").split() == ["secret/jaxop-gang-token"]


def test_a_suspended_job_has_no_pods_until_it_is_resumed(namespace: Namespace) -> None:
    namespace.apply(a_jaxjob().running("train.py").suspended())
    status = namespace.wait_for("Suspended")
    assert status["message"] == "suspended; set spec.suspend to false to go on"
    assert namespace.run("get", "jobs,pods,services", "--output=name") == ""

    suspend(namespace, False)
    status = namespace.wait_for("Succeeded")
    assert status["restarts"] == 0
    assert len(namespace.pods()) == 2
    assert namespace.events()[:2] == ["Suspended", "Resumed"]


def test_a_running_job_is_suspended_and_goes_on_as_a_new_attempt(namespace: Namespace) -> None:
    namespace.apply(a_jaxjob().running("train.py", "--hold"))
    namespace.wait_for("Running")
    suspend(namespace, True)
    namespace.wait_for("Suspended")

    def no_pods() -> str | bool:
        return namespace.run("get", "jobs,pods", "--output=name") or True

    eventually("a suspended job has no pods", no_pods, GONE_WITHIN_SECONDS)
    suspend(namespace, False)
    status = namespace.wait_for("Running")
    assert (status["attempt"], status["restarts"]) == (1, 0)
    namespace.let_go()
    namespace.wait_for("Succeeded")
    assert namespace.events() == ["Running", "Suspended", "Resumed", "Running", "Succeeded"]


def suspend(namespace: Namespace, value: bool) -> None:
    patch = json.dumps({"spec": {"suspend": value}})
    namespace.run("patch", "jaxjob", "job", "--type=merge", f"--patch={patch}")


def listable_kinds(namespace: Namespace) -> str:
    """All that can be in a namespace, for `kubectl get`; events tell of what has been."""
    said = namespace.run("api-resources", "--verbs=list", "--namespaced", "--output=name")
    return ",".join(kind for kind in said.split() if not kind.startswith("events"))
