"""Is a pod template shaped so that the launcher can be injected?

The CRD lets any template through (DESIGN: passed through, not inlined), and the API server judges
it only when the Job is created. What our own code reads must be of the right type before that.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jaxop.domain.problem import Problem

ROOT: Final = "spec.template"

_POD_MAPS = ("nodeSelector", "affinity", "securityContext")
_POD_LISTS = ("initContainers", "volumes", "tolerations")
_CONTAINER_LISTS = ("env", "ports", "volumeMounts")


def shape_problems(template: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Wrong types only; empty means that builders can read the template without looking twice."""
    return tuple(_shape_problems(template))


def _shape_problems(template: Mapping[str, Any]) -> Iterator[Problem]:
    metadata = template.get("metadata")
    yield from _map(f"{ROOT}.metadata", metadata)
    if isinstance(metadata, Mapping):
        yield from _texts(f"{ROOT}.metadata.labels", metadata.get("labels"))
    pod = template.get("spec")
    if not isinstance(pod, Mapping):
        yield Problem(
            f"{ROOT}.spec",
            "is missing" if pod is None else f"is {_kind(pod)}, not an object",
            'give a pod spec with a container named "jax"',
        )
        return
    for name in _POD_MAPS:
        yield from _map(f"{ROOT}.spec.{name}", pod.get(name))
    yield from _texts(f"{ROOT}.spec.nodeSelector", pod.get("nodeSelector"))
    for name in _POD_LISTS:
        yield from _maps(f"{ROOT}.spec.{name}", pod.get(name))
    yield from _affinity(pod.get("affinity"))
    yield from _pod_affinities(pod.get("affinity"))
    seconds = pod.get("terminationGracePeriodSeconds")
    if seconds is not None and (not isinstance(seconds, int) or seconds < 0):
        yield Problem(
            f"{ROOT}.spec.terminationGracePeriodSeconds",
            f"is {seconds!r}, not a number of seconds",
            "give a whole number",
        )
    if not isinstance(pod.get("containers"), list) or not pod["containers"]:
        yield Problem(
            f"{ROOT}.spec.containers",
            "is missing or not a list",
            'give a list with a container named "jax"',
        )
        return
    yield from _maps(f"{ROOT}.spec.containers", pod["containers"])
    for group in ("containers", "initContainers"):
        containers = pod.get(group)
        for index, container in enumerate(containers if isinstance(containers, list) else []):
            if isinstance(container, Mapping):
                yield from _container(f"{ROOT}.spec.{group}[{index}]", container)


def _container(path: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    if not isinstance(container.get("name"), str) or not container["name"]:
        yield Problem(f"{path}.name", "is missing", "name the container")
    for name in _CONTAINER_LISTS:
        yield from _maps(f"{path}.{name}", container.get(name))
    env = container.get("env")
    for index, entry in enumerate(env if isinstance(env, list) else []):
        if isinstance(entry, Mapping) and not isinstance(entry.get("name"), str):
            yield Problem(f"{path}.env[{index}].name", "is missing", "name the variable")
    resources = container.get("resources")
    yield from _map(f"{path}.resources", resources)
    if isinstance(resources, Mapping):
        for kind in ("limits", "requests"):
            yield from _map(f"{path}.resources.{kind}", resources.get(kind))


def _affinity(affinity: object) -> Iterator[Problem]:
    path = f"{ROOT}.spec.affinity.nodeAffinity"
    if not isinstance(affinity, Mapping):
        return
    node_affinity = affinity.get("nodeAffinity")
    yield from _map(path, node_affinity)
    if not isinstance(node_affinity, Mapping):
        return
    path = f"{path}.requiredDuringSchedulingIgnoredDuringExecution"
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    yield from _map(path, required)
    if not isinstance(required, Mapping):
        return
    terms = required.get("nodeSelectorTerms")
    yield from _maps(f"{path}.nodeSelectorTerms", terms)
    for index, term in enumerate(terms if isinstance(terms, list) else []):
        if isinstance(term, Mapping):
            expressions = term.get("matchExpressions")
            yield from _maps(f"{path}.nodeSelectorTerms[{index}].matchExpressions", expressions)


def _pod_affinities(affinity: object) -> Iterator[Problem]:
    if not isinstance(affinity, Mapping):
        return
    for kind in ("podAffinity", "podAntiAffinity"):
        path, terms = f"{ROOT}.spec.affinity.{kind}", affinity.get(kind)
        yield from _map(path, terms)
        if isinstance(terms, Mapping):
            required = "requiredDuringSchedulingIgnoredDuringExecution"
            yield from _maps(f"{path}.{required}", terms.get(required))


def _map(path: str, value: object) -> Iterator[Problem]:
    if value is not None and not isinstance(value, Mapping):
        yield Problem(path, f"is {_kind(value)}, not an object", "write it as key: value pairs")


def _texts(path: str, value: object) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, text in value.items():
            if not isinstance(text, str):
                yield Problem(
                    f"{path}[{key}]", f"is {_kind(text)}, not a string", f'quote it: "{text}"'
                )


def _maps(path: str, value: object) -> Iterator[Problem]:
    if value is None:
        return
    if not isinstance(value, list):
        yield Problem(path, f"is {_kind(value)}, not a list", "write each entry after a dash")
        return
    for index, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            yield Problem(
                f"{path}[{index}]",
                f"is {_kind(entry)}, not an object",
                "write it as key: value pairs",
            )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, Mapping) else "null"
