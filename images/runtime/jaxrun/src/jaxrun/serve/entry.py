"""MODULE:FACTORY, and what it makes."""

import importlib
from typing import Any

from jaxrun.serve.model import Model


class BadEntryError(ValueError):
    """MODULE:FACTORY is not written so, or does not name what makes a Model."""


def read_entry(entry: str) -> tuple[str, str]:
    """Module and factory. Raises BadEntryError."""
    module, colon, factory = entry.partition(":")
    words = [*module.split("."), *factory.split(".")]
    if not colon or not all(word.isidentifier() for word in words):
        raise BadEntryError(f"{entry!r} is not MODULE:FACTORY, e.g. minilm.serving:model")
    return module, factory


def make_model(entry: str) -> Model:
    """Imports the module and calls the factory.

    Raises BadEntryError, and whatever the user's code raises.
    """
    module, path = read_entry(entry)
    factory: Any = importlib.import_module(module)
    for name in path.split("."):
        try:
            factory = getattr(factory, name)
        except AttributeError:
            raise BadEntryError(f"{entry!r}: module {module} has no {path}") from None
    if not callable(factory):
        raise BadEntryError(f"{entry!r} is {type(factory).__name__}, not a function")
    model = factory()
    if not isinstance(model, Model):
        raise BadEntryError(f"{entry!r} returned {type(model).__name__}, not a jaxrun.serve.Model")
    return model
