"""Can this JaxJob be turned into children? Everything that is wrong, at once.

What OpenAPI and CEL can say, the CRD has said already. Here is what needs the AcceleratorClass,
or a look into the pod template, which the CRD passes through.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final

from jaxop.domain.devices import SliceLayout, resolve
from jaxop.domain.jaxjob.pods import gang_scheduling, names
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.validation.template_rules import template_problems
from jaxop.domain.jaxjob.validation.template_shape import shape_problems
from jaxop.domain.problem import Problem

_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def validate(snapshot: Snapshot) -> SliceLayout | tuple[Problem, ...]:
    """The layout of the job's slices, or what is wrong with the job."""
    spec = snapshot.jaxjob.spec
    layout = _layout(snapshot)
    known = layout if isinstance(layout, SliceLayout) else None
    problems = list(_name_problems(snapshot.jaxjob.metadata.name))
    problems += [] if isinstance(layout, SliceLayout) else layout
    misshapen = shape_problems(spec.template)
    problems += _runtime_problems(snapshot)
    problems += misshapen or template_problems(
        spec, known, image_needed=spec.runtime is None or snapshot.runtime is not None
    )
    problems += gang_scheduling.problems(snapshot.jaxjob, snapshot.gangs_served)
    if problems or known is None:
        return tuple(problems)
    return known


def _layout(snapshot: Snapshot) -> SliceLayout | tuple[Problem, ...]:
    request = snapshot.jaxjob.spec.accelerator
    found = snapshot.accelerator_class
    if found is not None:
        return resolve(found.metadata.name, found.spec, request)
    remedy = _what_exists(request.class_, snapshot.class_names) or (
        "there are no AcceleratorClasses: install the chart's catalogue, or apply one"
    )
    fault = f"there is no AcceleratorClass named {request.class_}"
    return (Problem("spec.accelerator.class", fault, remedy),)


def _runtime_problems(snapshot: Snapshot) -> Iterator[Problem]:
    name = snapshot.jaxjob.spec.runtime
    if name is None or snapshot.runtime is not None:
        return
    remedy = _what_exists(name, snapshot.runtime_names) or (
        "there are no JaxRuntimes: apply one, or remove the field"
    )
    yield Problem("spec.runtime", f"there is no JaxRuntime named {name}", remedy)


def _what_exists(wanted: str, names: Sequence[str]) -> str:
    """Empty where nothing does."""
    close = get_close_matches(wanted, names, n=2, cutoff=0.5)
    if close:
        return f"nearest: {', '.join(close)}"
    return f"use one of: {', '.join(names)}" if names else ""


def _name_problems(name: str) -> Iterator[Problem]:
    if len(name) > names.MAX_NAME:
        yield Problem(
            "metadata.name",
            f"has {len(name)} characters, and the pods' host names leave room for {names.MAX_NAME}",
            f"use a name of at most {names.MAX_NAME} characters",
        )
    if not _LABEL.fullmatch(name):
        yield Problem(
            "metadata.name",
            f"{name} cannot be part of a host name",
            "use lower-case letters, digits and dashes, and start with a letter",
        )
