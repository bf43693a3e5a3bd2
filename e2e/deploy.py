"""Brings the operator of this checkout, and images for programs, onto a cluster."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster import binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.kubectl import Kubectl
from e2e.cluster.processes import DIES_WITH_US
from e2e.cluster.progress import Progress
from e2e.cluster.provider import Cluster, choose
from e2e.images import BuiltImage, build

NAMESPACE = "jaxop-system"
RELEASE = "jax-operator"
CHARTS = Path(__file__).parents[1] / "charts"
ROLLOUT = "180s"


@dataclass
class Deployment:
    """A cluster that is up, with the operator of this checkout running in it."""

    cluster: Cluster
    kubectl: Kubectl
    progress: Progress
    loaded: "LoadedImages" = field(init=False)

    def __post_init__(self) -> None:
        self.loaded = LoadedImages(self.cluster.kubeconfig.with_name("loaded-images.json"))

    def load(self, image: BuiltImage, nodes: Sequence[str]) -> None:
        """Makes the image available on the nodes that do not have it yet."""
        missing = [node for node in nodes if not self.loaded.has(node, image)]
        if missing:
            self.cluster.load(image.archive, missing, self.progress)
            self.loaded.add(missing, image)

    def pinned(self, image: BuiltImage, nodes: Sequence[str]) -> str:
        """The image by its digest, as a JaxRuntime names it; known on these nodes."""
        self.load(image, nodes)
        return self.cluster.pin(image.reference, nodes)


@dataclass(frozen=True)
class LoadedImages:
    """Which image each node has under a name; kept beside the kubeconfig, and gone with it."""

    file: Path

    def has(self, node: str, image: BuiltImage) -> bool:
        return self._read().get(f"{node} {image.reference}") == image.image_id

    def add(self, nodes: Iterable[str], image: BuiltImage) -> None:
        record = self._read() | {f"{node} {image.reference}": image.image_id for node in nodes}
        self.file.write_text(json.dumps(record))

    def _read(self) -> dict[str, str]:
        if not self.file.exists():
            return {}
        record: dict[str, str] = json.loads(self.file.read_text())
        return record


def deploy(
    programs: Iterable[str], progress: Progress, nodes: Sequence[str] = ("cpu",)
) -> Deployment:
    """Cluster, images and charts; what is there and unchanged is left as it is.

    `programs` are names of example images, loaded onto `nodes`. Raises ClusterError.
    """
    cluster = choose()
    cluster.up(progress)
    kubectl = Kubectl(cluster.kubeconfig)
    deployment = Deployment(cluster, kubectl, progress)
    with progress.step("images of the operator, the runtime and the programs"):
        images = build(["operator", "runtime", *programs], progress)
    deployment.load(images["operator"], ["cpu"])
    for name in ("runtime", *programs):
        deployment.load(images[name], nodes)
    install(deployment, images["operator"], images["runtime"])
    return deployment


def install(deployment: Deployment, operator: BuiltImage, runtime: BuiltImage) -> None:
    """Both charts, as anybody would install them; returns once the operator's pods are ready."""
    values = {
        "image": _image_value(operator),
        "runtimeImage": _image_value(runtime),
        # The tag is the same after each build, so this is what makes Helm roll the pods.
        "podAnnotations": {"jaxop.dev/image-id": operator.image_id},
    }
    with deployment.progress.step("helm installs the CRDs and the operator"):
        _helm(deployment, "jax-operator-crds", {})
        _helm(deployment, RELEASE, values)


def _image_value(image: BuiltImage) -> dict[str, str]:
    repository, _, tag = image.reference.rpartition(":")
    return {"repository": repository, "tag": tag}


def _helm(deployment: Deployment, chart: str, values: Mapping[str, object]) -> None:
    helm = binaries.ensure(["helm"], deployment.progress)["helm"]
    argv = [
        *DIES_WITH_US,
        str(helm),
        *("upgrade", "--install", chart, str(CHARTS / chart)),
        *("--namespace", NAMESPACE, "--create-namespace", "--values", "-"),
        *("--wait", "--timeout", ROLLOUT, "--kubeconfig", str(deployment.cluster.kubeconfig)),
    ]
    done = subprocess.run(argv, input=json.dumps(values), capture_output=True, text=True)
    if done.returncode != 0:
        pods = deployment.kubectl.attempt("describe", "pods", f"--namespace={NAMESPACE}").stdout
        raise ClusterError(f"helm cannot install {chart}: {done.stderr.strip()}\n{pods[-4000:]}")
