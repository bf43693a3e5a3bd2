"""The operator for JaxRuntimes as app/kinds.py builds it, with kopf's events played."""

from jaxop.app.kinds import Kind
from jaxop.controllers.jaxruntime import JaxRuntimeController
from jaxop.controllers.node_facts import NodeFacts
from jaxop.domain.runtime import VerificationSettings
from jaxop.kube.resources import ACCELERATORCLASSES, JAXJOBS, JAXRUNTIMES, WARMUPS
from one_operator import Around, built_with

OWN_KINDS = frozenset({JAXRUNTIMES, ACCELERATORCLASSES, JAXJOBS, WARMUPS})


def _kinds(around: Around) -> list[Kind]:
    nodes = NodeFacts(around.client, around.wake)
    settings = VerificationSettings("registry.test/jaxrun:1", around.namespace)
    return [Kind(JaxRuntimeController(settings, nodes=nodes), (nodes.run,))]


build_runtime_operator = built_with(OWN_KINDS, _kinds)
