"""What JAX found on this host, told to the launcher, which knows what should be there.

The launcher ends a program that found something else (`jaxrun.expectation`). It must be told
before the first step and without asking JAX for anything that the program would not: so a word
follows the first initialisation of JAX's backends, whoever caused it, and its failure.
"""

import functools
import os
import sys
from types import ModuleType
from typing import Any

from jaxrun.program.reporter import Reporter


def tell_versions(line: Reporter, jax: ModuleType) -> None:
    """Of jax and jaxlib, now that both are imported."""
    jaxlib = sys.modules.get("jaxlib.version") or sys.modules.get("jaxlib")
    versions = {"jax": _version(jax), "jaxlib": _version(jaxlib)}
    line.send("found", versions, urgent=True)


def watch_backends(line: Reporter, bridge: ModuleType) -> None:
    """See jax._src.xla_bridge initialise its backends."""
    backends: Any = bridge.backends
    told = False

    @functools.wraps(backends)
    def watched(*args: Any, **kwargs: Any) -> Any:
        nonlocal told
        if told:
            return backends(*args, **kwargs)
        try:
            result = backends(*args, **kwargs)
        except Exception as error:
            _tell(line, bridge, error)
            raise
        # Before asking for the default one, which comes through here again.
        told = True
        if vars(bridge).get("backends") is watched:
            vars(bridge)["backends"] = backends
        _tell(line, bridge, None)
        return result

    vars(bridge)["backends"] = watched


def _tell(line: Reporter, bridge: ModuleType, error: Exception | None) -> None:
    try:
        found: dict[str, Any] = {"chosen": _chosen()}
        if error is not None:
            # Without a GPU to be seen, JAX_PLATFORMS=cuda ends in an assertion without a word.
            found["error"] = str(error) or f"JAX has no backend for JAX_PLATFORMS={_chosen()}"
        else:
            backend = bridge.get_backend()
            found["platform"] = backend.platform
            found["devices"] = backend.local_device_count()
            kinds = [device.device_kind for device in backend.local_devices()]
            found["device_kind"] = str(kinds[0]) if kinds else ""
        line.send("found", found, urgent=True)
    except Exception:
        return


def _chosen() -> str:
    """The platforms that somebody asked for; JAX takes its variable at import only."""
    config = getattr(sys.modules.get("jax"), "config", None)
    platforms = getattr(config, "jax_platforms", None) or getattr(config, "jax_platform_name", None)
    return str(platforms or os.environ.get("JAX_PLATFORMS") or "")


def _version(module: ModuleType | None) -> str:
    return str(getattr(module, "__version__", ""))
