"""The chart's roles let the operator do what it does, and nothing else."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from chart_objects import NAMESPACE, Render, apply, url
from plain_api import APPLY, JSON_PATCH, MERGE, Answer, Api

OPERATOR = f"system:serviceaccount:{NAMESPACE}:jax-operator"
OPERATORS_GROUPS = (
    "system:serviceaccounts",
    f"system:serviceaccounts:{NAMESPACE}",
    "system:authenticated",
)
TEAM = f"rbac-{secrets.token_hex(4)}"
CORE, BATCH, OURS = "/api/v1", "/apis/batch/v1", "/apis/jaxop.dev/v1alpha1"
APPS, KUEUE = "/apis/apps/v1", "kueue.x-k8s.io"
CLUSTER_SCOPED = {"resourceflavors", "workloadpriorityclasses", "clusterqueues", "jaxruntimes"}
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
KINDS = {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount"} | {
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
DEADLINE_SECONDS = 30


@dataclass(frozen=True)
class Ask:
    """One request; mutating ones are dry runs, which are authorized all the same."""

    method: str
    path: str
    body: Any = None
    content_type: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def send(
        self, api: Api, user: str = OPERATOR, groups: tuple[str, ...] = OPERATORS_GROUPS
    ) -> Answer:
        mutating = self.method != "GET"
        body = self.body
        if body and self.method == "PUT" and (there := api.request("GET", self.path)).code == 200:
            version = there.body["metadata"]["resourceVersion"]
            body = body | {"metadata": body["metadata"] | {"resourceVersion": version}}
        query = ("&" if "?" in self.path else "?") + "dryRun=All" if mutating else ""
        query += "&fieldManager=test" if self.content_type == APPLY else ""
        return api.request(
            self.method,
            self.path + query,
            body,
            content_type=self.content_type,
            user=user,
            groups=groups,
        )


def in_team(group: str, plural: str, name: str = "") -> str:
    return f"{group}/namespaces/{TEAM}/{plural}" + (f"/{name}" if name else "")


def an(api_version: str, kind: str, name: str, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **rest}


POD_TEMPLATE = {
    "spec": {"restartPolicy": "Never", "containers": [{"name": "jax", "image": "a"}]},
}
JOB = an("batch/v1", "Job", "digits-a0-s0", spec={"template": POD_TEMPLATE})
POD = an("v1", "Pod", "digits-a0-s0-0-x", **POD_TEMPLATE)
SERVICE = an("v1", "Service", "digits-gang", spec={"clusterIP": "None", "ports": [{"port": 9430}]})
TOKEN = an("v1", "Secret", "jaxop-gang-token", type="Opaque", stringData={"token": "t"})
LEASE = an("coordination.k8s.io/v1", "Lease", "jax-operator", spec={"holderIdentity": "a"})
EVENT = an(
    "v1",
    "Event",
    "digits.1",
    involvedObject={"kind": "JaxJob", "namespace": TEAM, "name": "digits"},
    reason="Running",
    message="m",
    type="Normal",
)
RUNNING = {"status": {"state": "Running"}}
JAXJOB = an(
    "jaxop.dev/v1alpha1",
    "JaxJob",
    "digits",
    spec={
        "accelerator": {"class": "cpu", "hosts": 2},
        "template": {
            "spec": {"containers": [{"name": "jax", "image": "a", "command": ["python"]}]}
        },
    },
)
CACHE = an("jaxop.dev/v1alpha1", "CompileCache", "team", spec={"storage": {"size": "1Gi"}})
CLAIM = an(
    "v1",
    "PersistentVolumeClaim",
    "team-cache",
    spec={"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
)
POLICY = an("v1", "ConfigMap", "team-keeper", data={"policy.json": "{}"})
KEEPER_LABELS = {"jaxop.dev/keeper": "team"}
KEEPER = an(
    "apps/v1",
    "Deployment",
    "team-keeper",
    spec={
        "selector": {"matchLabels": KEEPER_LABELS},
        "template": {
            "metadata": {"labels": KEEPER_LABELS},
            "spec": {"containers": [{"name": "keeper", "image": "a"}]},
        },
    },
)
WATCH = "?watch=1&timeoutSeconds=1&resourceVersion=1"
RELABEL = {"metadata": {"labels": {"a": "b"}}}

ALLOWED = [
    # Its own kinds, in all namespaces.
    Ask("GET", f"{OURS}/jaxjobs"),
    Ask("GET", f"{OURS}/jaxjobs{WATCH}"),
    Ask("GET", in_team(OURS, "jaxjobs", "digits")),
    Ask("PATCH", in_team(OURS, "jaxjobs", "digits/status"), RUNNING, MERGE),
    Ask("DELETE", in_team(OURS, "jaxjobs", "digits")),
    Ask("POST", in_team(OURS, "jaxjobs"), JAXJOB | {"metadata": {"name": "team-fill0"}}),
    Ask("GET", f"{OURS}/acceleratorclasses"),
    Ask("GET", f"{OURS}/acceleratorclasses{WATCH}"),
    Ask("GET", f"{OURS}/compilecaches"),
    Ask("GET", f"{OURS}/compilecaches{WATCH}"),
    Ask("GET", in_team(OURS, "compilecaches", "team")),
    Ask("PATCH", in_team(OURS, "compilecaches", "team/status"),
        {"status": {"state": "Ready"}}, MERGE),
    # Children.
    Ask("GET", f"{BATCH}/jobs?labelSelector=app.kubernetes.io/managed-by=jax-operator"),
    Ask("GET", f"{BATCH}/jobs{WATCH}"),
    Ask("GET", in_team(BATCH, "jobs", "digits-a0-s0")),
    Ask("POST", in_team(BATCH, "jobs"), JOB | {"metadata": {"name": "another"}}),
    Ask("PATCH", in_team(BATCH, "jobs", "digits-a0-s0"), JOB | RELABEL, APPLY),
    Ask("DELETE", in_team(BATCH, "jobs", "digits-a0-s0")),
    Ask("GET", f"{CORE}/services"),
    Ask("GET", f"{CORE}/services{WATCH}"),
    Ask("GET", in_team(CORE, "services", "digits-gang")),
    Ask("POST", in_team(CORE, "services"), SERVICE | {"metadata": {"name": "another"}}),
    Ask("PATCH", in_team(CORE, "services", "digits-gang"), SERVICE | RELABEL, APPLY),
    Ask("PATCH", in_team(CORE, "services", "digits-gang"),
        [{"op": "add", "path": "/metadata/labels", "value": {}}], JSON_PATCH),
    Ask("GET", f"{CORE}/pods"),
    Ask("GET", f"{CORE}/pods{WATCH}"),
    Ask("POST", in_team(CORE, "pods"), POD),
    Ask("DELETE", in_team(CORE, "pods", "digits-a0-s0-1")),
    # A CompileCache's.
    Ask("GET", f"{CORE}/persistentvolumeclaims"),
    Ask("GET", f"{CORE}/persistentvolumeclaims{WATCH}"),
    Ask("GET", in_team(CORE, "persistentvolumeclaims", "team-cache")),
    Ask("POST", in_team(CORE, "persistentvolumeclaims"), CLAIM | {"metadata": {"name": "b"}}),
    Ask("PATCH", in_team(CORE, "persistentvolumeclaims", "team-cache"), CLAIM | RELABEL, APPLY),
    Ask("GET", f"{CORE}/configmaps?labelSelector=app.kubernetes.io/managed-by=jax-operator"),
    Ask("GET", f"{CORE}/configmaps{WATCH}"),
    Ask("GET", in_team(CORE, "configmaps", "team-keeper")),
    Ask("POST", in_team(CORE, "configmaps"), POLICY | {"metadata": {"name": "b"}}),
    Ask("PATCH", in_team(CORE, "configmaps", "team-keeper"), POLICY | RELABEL, APPLY),
    Ask("GET", f"{APPS}/deployments"),
    Ask("GET", f"{APPS}/deployments{WATCH}"),
    Ask("GET", in_team(APPS, "deployments", "team-keeper")),
    Ask("POST", in_team(APPS, "deployments"), KEEPER | {"metadata": {"name": "b"}}),
    Ask("PATCH", in_team(APPS, "deployments", "team-keeper"), KEEPER | RELABEL, APPLY),
    # Those of old revisions of a JaxService are deleted.
    Ask("DELETE", in_team(APPS, "deployments", "team-keeper")),
    Ask("GET", f"{CORE}/nodes?limit=200"),
    Ask("POST", in_team(CORE, "secrets"), TOKEN),
    # The story.
    Ask("POST", in_team(CORE, "events"), EVENT | {"metadata": {"name": "digits.2"}}),
    Ask("PATCH", in_team(CORE, "events", "digits.1"), {"count": 2}, MERGE),
    Ask("GET", in_team(CORE, "events", "digits.1")),
    # The Lease, where the operator is.
    Ask("POST", LEASES, LEASE | {"metadata": {"name": "another"}}),
    Ask("GET", f"{LEASES}/jax-operator"),
    Ask("PUT", f"{LEASES}/jax-operator", LEASE),
]  # fmt: skip

DENIED = [
    # What users own.
    Ask("PATCH", in_team(OURS, "jaxjobs", "digits"), {"spec": {"suspend": True}}, MERGE),
    Ask("POST", f"{OURS}/acceleratorclasses", {}),
    Ask("POST", f"{OURS}/jaxruntimes", {}),
    Ask("POST", in_team(OURS, "compilecaches"), CACHE),
    Ask("PATCH", in_team(OURS, "compilecaches", "team"), RELABEL, MERGE),
    Ask("DELETE", in_team(OURS, "compilecaches", "team")),
    # Secrets: it makes one, and can read none, not even that one.
    Ask("GET", f"{CORE}/secrets"),
    Ask("GET", in_team(CORE, "secrets")),
    Ask("GET", in_team(CORE, "secrets", "jaxop-gang-token")),
    Ask("DELETE", in_team(CORE, "secrets", "jaxop-gang-token")),
    Ask("PATCH", in_team(CORE, "secrets", "jaxop-gang-token"), {"data": {}}, MERGE),
    # Pods come and go; what is in them is not its business.
    Ask("PATCH", in_team(CORE, "pods", "digits-a0-s0-0"), RELABEL, MERGE),
    Ask("DELETE", in_team(CORE, "pods")),
    Ask("GET", in_team(CORE, "pods", "digits-a0-s0-0/log")),
    Ask("POST", in_team(CORE, "pods", "digits-a0-s0-0/exec") + "?command=sh"),
    Ask("DELETE", in_team(BATCH, "jobs")),
    Ask("DELETE", in_team(CORE, "services", "digits-gang")),
    # What a cache holds is never deleted by it, and what it made goes with its owner.
    Ask("DELETE", in_team(CORE, "persistentvolumeclaims", "team-cache")),
    Ask("DELETE", in_team(CORE, "configmaps", "team-keeper")),
    Ask("PATCH", in_team(APPS, "deployments", "team-keeper/scale"), {}, MERGE),
    Ask("GET", f"{CORE}/persistentvolumes"),
    Ask("GET", f"{APPS}/replicasets"),
    Ask("GET", f"{CORE}/namespaces"),
    Ask("PATCH", f"{CORE}/nodes/a", RELABEL, MERGE),
    Ask("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    Ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    Ask("GET", f"/apis/coordination.k8s.io/v1/namespaces/{TEAM}/leases/jax-operator"),
    Ask("PUT", f"{LEASES}/another", LEASE | {"metadata": {"name": "another"}}),
    Ask("DELETE", f"{LEASES}/jax-operator"),
]  # fmt: skip


@pytest.fixture(scope="module")
def installed(api: Api, rendered: Render) -> Iterator[Api]:
    """The roles, and objects for the requests to be about."""
    roles = [document for document in rendered() if document["kind"] in KINDS]
    for document in roles:
        answer = apply(api, document)
        assert answer.code in (200, 201), answer.faults
    assert apply(api, an("v1", "Namespace", TEAM)).code in (200, 201)
    in_namespace = {"namespace": TEAM}
    pod = an("v1", "Pod", "digits-a0-s0-1", **POD_TEMPLATE)
    for one in (JOB, SERVICE, EVENT, JAXJOB, CACHE, CLAIM, POLICY, KEEPER, pod):
        there = {**one, "metadata": one["metadata"] | in_namespace}
        answer = apply(api, there)
        assert answer.code in (200, 201), answer.faults
    assert apply(api, LEASE).code in (200, 201)
    for ask in (ask for ask in ALLOWED if ask.method == "GET" and "watch" not in ask.path):
        until(f"the operator's {ask}", lambda ask=ask: ask.send(api), 200)  # type: ignore[misc]
    yield api
    for document in (*roles, LEASE):
        api.request("DELETE", url(document))
    api.request("DELETE", f"{CORE}/namespaces/{TEAM}")


def until(what: str, holds: Callable[[], Answer], code: int) -> Answer:
    """Roles and policies reach the API server's caches a moment after they are written."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (seen := holds()).code != code:
        assert time.monotonic() < deadline, f"{what}: still {seen.code}, {seen.faults}"
        time.sleep(0.1)
    return seen


@pytest.mark.parametrize("ask", ALLOWED, ids=str)
def test_the_operator_may(installed: Api, ask: Ask) -> None:
    answer = ask.send(installed)
    assert answer.code in (200, 201), answer.faults


@pytest.mark.parametrize("ask", DENIED, ids=str)
def test_the_operator_may_not(installed: Api, ask: Ask) -> None:
    assert ask.send(installed).code == 403


@pytest.mark.parametrize(
    ("group", "resource", "verbs"),
    [
        (KUEUE, "workloads", {"get", "list", "watch", "create", "patch", "delete"}),
        (KUEUE, "workloads/status", {"patch"}),
        (KUEUE, "resourceflavors", {"get", "list", "watch"}),
        (KUEUE, "workloadpriorityclasses", {"get", "list", "watch"}),
        (KUEUE, "clusterqueues", set()),
        (KUEUE, "localqueues", set()),
        ("jaxop.dev", "warmups", {"get", "list", "watch", "create", "delete"}),
        ("jaxop.dev", "warmups/status", {"patch"}),
        ("jaxop.dev", "warmups/finalizers", {"update"}),
        ("jaxop.dev", "compilecaches/finalizers", {"update"}),
        ("jaxop.dev", "jaxservices", {"get", "list", "watch"}),
        ("jaxop.dev", "jaxservices/status", {"patch"}),
        ("jaxop.dev", "jaxservices/finalizers", {"update"}),
        ("jaxop.dev", "jaxservices/scale", set()),
        ("apps", "controllerrevisions", {"get", "list", "watch", "create", "patch", "delete"}),
        ("policy", "poddisruptionbudgets", {"get", "list", "watch", "create", "patch"}),
        ("jaxop.dev", "jaxruntimes", {"get", "list", "watch"}),
        ("jaxop.dev", "jaxruntimes/status", {"patch"}),
    ],
)
def test_what_it_may_do_to(installed: Api, group: str, resource: str, verbs: set[str]) -> None:
    """Of Kueue's objects, which are not served here, and others: the API server is asked what it
    would allow."""
    plural, _, subresource = resource.partition("/")
    allowed = set()
    for verb in ("get", "list", "watch", "create", "patch", "update", "delete"):
        asked = {
            "group": group,
            "resource": plural,
            "subresource": subresource,
            "verb": verb,
            "namespace": "" if plural in CLUSTER_SCOPED else TEAM,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": OPERATOR, "resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        answer = installed.request("POST", path, review)
        assert answer.code == 201, answer.faults
        if answer.body["status"]["allowed"]:
            allowed.add(verb)
    assert allowed == verbs


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN | {"metadata": {"name": "default-token"}},
        TOKEN | {"type": "kubernetes.io/service-account-token", "metadata": {
            "name": "jaxop-gang-token",
            "annotations": {"kubernetes.io/service-account.name": "default"}}},
    ],
    ids=["another name", "a service account's token"],
)  # fmt: skip
def test_the_operator_creates_no_other_secret(installed: Api, secret: dict[str, Any]) -> None:
    path = in_team(CORE, "secrets") + "?dryRun=All"

    def create() -> Answer:
        return installed.request("POST", path, secret, user=OPERATOR, groups=OPERATORS_GROUPS)

    answer = until("the operator creates a Secret", create, 403)
    assert "creates no Secret but the Opaque one named jaxop-gang-token" in answer.faults[0]
    assert installed.request("POST", path, secret | {"type": "Opaque"}).code == 201


def test_users_get_what_the_aggregated_roles_say(installed: Api, rendered: Render) -> None:
    roles = {d["metadata"]["name"]: d for d in rendered() if d["kind"] == "ClusterRole"}

    def into(name: str) -> set[str]:
        labels = roles[name]["metadata"]["labels"]
        prefix = "rbac.authorization.k8s.io/aggregate-to-"
        return {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}

    assert into("jax-operator-view") == {"view", "edit", "admin"}
    assert into("jax-operator-edit") == {"edit", "admin"}
    assert into("jax-operator") == set()


def test_an_editor_can_run_jobs_and_a_viewer_can_look(installed: Api) -> None:
    subjects = {"viewer": "jax-operator-view", "editor": "jax-operator-edit"}
    for user, role in subjects.items():
        binding = an(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            user,
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        )
        binding["metadata"]["namespace"] = TEAM
        assert apply(installed, binding).code in (200, 201)
    look = Ask("GET", in_team(OURS, "jaxjobs", "digits"))
    suspend = Ask(
        "PATCH", in_team(OURS, "jaxjobs", "digits"), {"spec": {"suspend": True}}, MERGE
    )  # fmt: skip
    forge = Ask("PATCH", in_team(OURS, "jaxjobs", "digits/status"), {"status": {}}, MERGE)
    classes = Ask("GET", f"{OURS}/acceleratorclasses")
    caches = Ask("GET", in_team(OURS, "compilecaches"))
    cache = Ask("POST", in_team(OURS, "compilecaches"), CACHE | {"metadata": {"name": "another"}})
    warmup = Ask("DELETE", in_team(OURS, "warmups", "none"))
    runtimes = Ask("GET", f"{OURS}/jaxruntimes")
    everybody = ("system:authenticated",)
    until("a viewer looks", lambda: look.send(installed, "viewer", everybody), 200)
    until("an editor suspends", lambda: suspend.send(installed, "editor", everybody), 200)
    assert suspend.send(installed, "viewer", everybody).code == 403
    assert caches.send(installed, "viewer", everybody).code == 200
    assert cache.send(installed, "viewer", everybody).code == 403
    assert cache.send(installed, "editor", everybody).code == 201
    assert warmup.send(installed, "viewer", everybody).code == 403
    assert warmup.send(installed, "editor", everybody).code == 404, "allowed, but there is none"
    until("a stranger sees runtimes", lambda: runtimes.send(installed, "stranger", everybody), 200)
    assert forge.send(installed, "editor", everybody).code == 403
    assert look.send(installed, "stranger", everybody).code == 403
    assert classes.send(installed, "stranger", everybody).code == 200
