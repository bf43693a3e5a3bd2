"""The second part: a JaxService that embeds sentences, asked through its Service."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles

from e2e.cluster.errors import ClusterError
from e2e.cluster.port_forward import forwarded
from e2e.demo.embeddings import Client, cosine
from e2e.demo.stage import EXAMPLES, NAMESPACE, Seen, Stage

NAME = "minilm"
MANIFEST = EXAMPLES / "minilm" / "jaxservice.yaml"
TIMEOUT_SECONDS = 300.0
REQUESTS = 50
FIGURES_WITHIN_SECONDS = 20.0
"""The operator asks replicas every 5 s, and writes figures every 10 s."""


@dataclass(frozen=True)
class Triple:
    """A sentence, one that means about the same, and one that does not."""

    sentence: str
    like: str
    unlike: str


TRIPLES = (
    Triple("How do I reset my password?", "I forgot my login.", "The train leaves at noon."),
    Triple("A cat sleeps on the sofa.", "The kitten naps on a couch.", "Interest rates rose."),
    Triple("It rained all day.", "The weather was wet.", "She plays the violin well."),
)


def play(stage: Stage) -> bool:
    """Whether like sentences are nearer than unlike ones, and nothing was compiled for a request.

    Raises ClusterError where it does not become ready, or does not answer.
    """
    stage.apply(MANIFEST)
    service = stage.follow("jaxservice", NAME, _told, _settled, TIMEOUT_SECONDS)
    if service["status"]["state"] != "Ready":
        said = stage.explained("jaxservice", NAME)
        raise ClusterError(f"the JaxService does not become ready:\n{said}")
    stage.progress.say(f"embedding sentences at {service['status']['url']}, by a port-forward")
    with forwarded(stage.kubectl, NAMESPACE, f"service/{NAME}", 80) as port, Client(port) as client:
        nearer = [_compare(client, triple) for triple in TRIPLES]
        seconds = [_seconds(client, TRIPLES[n % len(TRIPLES)].sentence) for n in range(REQUESTS)]
        compiled = int(client.status()["compilesAfterReady"])
    _wait_for_figures(stage)
    print()
    _print_story(stage, seconds)
    verdict = "nearer than unlike ones, as wanted" if all(nearer) else "NOT nearer than unlike ones"
    print(f"Like sentences are {verdict}; {compiled} compilations since the replica was ready.\n")
    return all(nearer) and compiled == 0


def _told(status: Seen) -> str:
    buckets = status.get("buckets")
    loaded = f" (buckets {buckets['ready']} of {buckets['total']})" if buckets else ""
    return f"{status['state']:16} {status['message']}{loaded}"


def _settled(service: Seen) -> bool:
    """It serves what was applied, or gets nowhere without somebody's help."""
    status = service["status"]
    if status.get("observedGeneration") != service["metadata"]["generation"]:
        return False
    conditions = status.get("conditions", [])
    stalled = any(c["type"] == "Stalled" and c["status"] == "True" for c in conditions)
    return stalled or status["state"] == "Ready"


def _compare(client: Client, triple: Triple) -> bool:
    sentence, like, unlike = client.embed([triple.sentence, triple.like, triple.unlike])
    near, far = cosine(sentence, like), cosine(sentence, unlike)
    print(f"\n{triple.sentence}")
    print(f"    {near:6.3f}  {triple.like}")
    print(f"    {far:6.3f}  {triple.unlike}")
    return near > far


def _seconds(client: Client, text: str) -> float:
    began = time.monotonic()
    client.embed([text])
    return time.monotonic() - began


def _wait_for_figures(stage: Stage) -> None:
    """Until the status has latencies; a demo is no worse without."""
    deadline = time.monotonic() + FIGURES_WITHIN_SECONDS
    while time.monotonic() < deadline:
        found = stage.kubectl.get("jaxservice", NAME, f"--namespace={NAMESPACE}")
        if found["status"].get("latency"):
            return
        time.sleep(1.0)


def _print_story(stage: Stage, seconds: Sequence[float]) -> None:
    stage.show("get", "jaxservices")
    stage.show("get", "pods", f"--selector=jaxop.dev/jaxservice={NAME}")
    print(f"$ jaxop explain jaxservice {NAME}")
    print(stage.explained("jaxservice", NAME))
    p50, p95 = (1000 * quantiles(seconds, n=20)[at] for at in (9, 18))
    print(f"{len(seconds)} requests, one after the other, through the port-forward:")
    print(f"    p50 {p50:.1f} ms, p95 {p95:.1f} ms")
