"""What a person can do about each reason of a JaxService's state."""

from collections.abc import Mapping
from typing import Final

FOR_REASON: Final[Mapping[str, str]] = {}


def service_advice(reason: str, *, name: str, namespace: str) -> str:
    """ "" where there is nothing to do."""
    return FOR_REASON.get(reason, "").format(name=name, namespace=namespace)
