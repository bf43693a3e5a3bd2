"""The API server over plain HTTP, so that a test sees what a user would and nothing of ours."""

import base64
import contextlib
import json
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

JAXJOBS = "/apis/jaxop.dev/v1alpha1/namespaces/kinds/jaxjobs"
CLASSES = "/apis/jaxop.dev/v1alpha1/acceleratorclasses"
CACHES = "/apis/jaxop.dev/v1alpha1/namespaces/kinds/compilecaches"
WARMUPS = "/apis/jaxop.dev/v1alpha1/namespaces/kinds/warmups"
SERVICES = "/apis/jaxop.dev/v1alpha1/namespaces/kinds/jaxservices"
RUNTIMES = "/apis/jaxop.dev/v1alpha1/jaxruntimes"
PATHS = {
    "JaxJob": JAXJOBS,
    "AcceleratorClass": CLASSES,
    "CompileCache": CACHES,
    "Warmup": WARMUPS,
    "JaxRuntime": RUNTIMES,
    "JaxService": SERVICES,
}
"""Where objects of a kind are made, in the namespace of the tests of kinds."""
CATALOGUE = Path(__file__).parents[3] / "charts" / "jax-operator" / "catalogue"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

CRD_FILES = sorted((Path(__file__).parents[3] / "crds").glob("*.yaml"))
DEADLINE_SECONDS = 30

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Answer:
    """What came back: the HTTP status and the decoded body."""

    code: int
    body: dict[str, Any]

    @property
    def faults(self) -> list[str]:
        """Each fault as `field: message`; the whole message where there is no list of them."""
        causes = self.body.get("details", {}).get("causes", [])
        found = [
            f"{c['field']}: {c['message']}" for c in causes if c.get("field", "<nil>") != "<nil>"
        ]
        return found or [self.body.get("message", "")]


class Api:
    """An API server and whom to be on it."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        self.kubeconfig = kubeconfig
        self._server = cluster["server"]
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._tls = ssl.create_default_context()
        if cluster.get("insecure-skip-tls-verify"):
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE
        elif authority := _content(cluster, "certificate-authority"):
            self._tls.load_verify_locations(cadata=authority)
        certificate, key = _content(user, "client-certificate"), _content(user, "client-key")
        if certificate and key:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
                pem.write(f"{certificate}\n{key}")
                pem.flush()
                self._tls.load_cert_chain(pem.name)

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        user: str = "",
        groups: tuple[str, ...] = (),
    ) -> Answer:
        """One request, impersonating `user` with `groups` if given."""
        request = urllib.request.Request(
            self._server + path,
            data=None if body is None else json.dumps(body).encode(),
            headers=self._headers | {"Content-Type": content_type, "Accept": accept},
            method=method,
        )
        if user:
            request.add_header("Impersonate-User", user)
        for group in groups:
            request.add_header("Impersonate-Group", group)
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=30) as response:
                first_of_a_watch = response.readline()
                return Answer(response.status, json.loads(first_of_a_watch or b"{}"))
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                return Answer(error.code, json.loads(error.read() or b"{}"))

    @contextlib.contextmanager
    def created(self, path: str, manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The object, there until the block ends."""
        answer = self.request("POST", f"{path}?fieldValidation=Strict", manifest)
        assert answer.code == 201, answer.faults
        try:
            yield answer.body
        finally:
            self.request("DELETE", f"{path}/{answer.body['metadata']['name']}")


def install_crds(api: Api) -> None:
    """Our CRDs as they are in crds/, served when this returns."""
    for path in CRD_FILES:
        crd = yaml.safe_load(path.read_text())
        target = f"{CRDS}/{crd['metadata']['name']}"
        answer = api.request(
            "PATCH", f"{target}?fieldManager=test&force=true", crd, content_type=APPLY
        )
        assert answer.code in (200, 201), answer.faults
        _wait_until_served(api, target)


def install_catalogue(api: Api) -> None:
    """The chart's AcceleratorClasses, as far as they are not there."""
    for path in sorted(CATALOGUE.glob("*.yaml")):
        answer = api.request("POST", CLASSES, yaml.safe_load(path.read_text()))
        assert answer.code in (201, 409), answer.faults


def _wait_until_served(api: Api, target: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    seen: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        seen = api.request("GET", target).body.get("status", {}).get("conditions") or []
        if any(c["type"] == "Established" and c["status"] == "True" for c in seen):
            return
        time.sleep(0.1)
    raise AssertionError(f"{target} is not served after {DEADLINE_SECONDS} s: {seen}")


def _content(section: dict[str, Any], name: str) -> str:
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    return Path(section[name]).read_text() if name in section else ""
