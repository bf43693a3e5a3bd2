"""The operator for JaxJobs, CompileCaches and Warmups together, as app/kinds.py builds it."""

from cache_operator import compile_caches, played_keepers
from jaxjob_operator import SETTINGS, jaxjobs
from jaxop.app.kinds import Kind
from jaxop.controllers.warmup import WarmupController
from jaxop.kube.resources import ACCELERATORCLASSES, COMPILECACHES, JAXJOBS, WARMUPS
from one_operator import Around, built_with

OWN_KINDS = frozenset({JAXJOBS, COMPILECACHES, WARMUPS, ACCELERATORCLASSES})


def _kinds(around: Around) -> list[Kind]:
    keepers = played_keepers(around.wake, around.gangs)
    return [
        jaxjobs(around.client, around.wake, around.gangs),
        compile_caches(keepers),
        Kind(WarmupController(SETTINGS, keepers=keepers)),
    ]


build_warmup_operator = built_with(OWN_KINDS, _kinds)
