"""What an admin can set: every setting is an environment variable, and a flag that wins over it."""

import argparse
import os
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from jaxop import __version__

PREFIX = "JAXOP_"


def _setting(default: Any, text: str, *, env: tuple[str, ...] = (), **more: Any) -> Any:
    """`env` are further variables to look at when ours is not set."""
    if callable(default):
        return field(default_factory=default, metadata={"help": text, "env": env, **more})
    return field(default=default, metadata={"help": text, "env": env, **more})


def _unique_name() -> str:
    return socket.gethostname()


def _log_format() -> str:
    return "text" if sys.stderr.isatty() else "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    runtime_image: str = _setting(
        "", "image that holds jaxrun; its init container installs it into every pod (required)"
    )
    namespace: str = _setting(
        "default", "the operator's own namespace, where its Lease is", env=("POD_NAMESPACE",)
    )
    watch_namespace: str = _setting("", "only look after this namespace; all, if empty")
    identity: str = _setting(_unique_name, "name in the Lease", env=("POD_NAME",))
    leader_election: bool = _setting(True, "hold a Lease while working, so that replicas can wait")
    lease_name: str = _setting("jax-operator", "name of the Lease")
    workers: int = _setting(16, "passes that run side by side")
    kueue_external_framework: bool = _setting(
        False, "JaxJob is among integrations.externalFrameworks of Kueue's configuration"
    )
    status_interval_seconds: float = _setting(
        2.0, "progress of one job is written to its status at most this often"
    )
    kubeconfig: str = _setting("", "path of a kubeconfig; else $KUBECONFIG, else the pod's own")
    context: str = _setting("", "context in the kubeconfig")
    metrics_port: int = _setting(
        8080, "port of /metrics; 0 takes a free one on the loopback, -1 none"
    )
    health_port: int = _setting(
        8081, "port of /healthz and /readyz; 0 takes a free one on the loopback, -1 none"
    )
    log_format: str = _setting(_log_format, "json or text", choices=("json", "text"))
    log_level: str = _setting(
        "info", "debug, info, warning or error", choices=("debug", "info", "warning", "error")
    )

    @property
    def process_identity(self) -> str:
        """Of this process alone: a restarted one must not be taken for the one before."""
        return f"{self.identity}_{secrets.token_hex(4)}"


class SettingsError(Exception):
    """A setting is wrong; the message names it and says what would be right."""


def read_settings(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Settings:
    """Raises SettingsError, or SystemExit for --help, --version and unknown flags."""
    environment = os.environ if environment is None else environment
    given = vars(_parser().parse_args(argv))
    values: dict[str, Any] = {}
    for each in fields(Settings):
        raw, where = _raw(each.name, each.metadata, given, environment)
        if raw is not None:
            values[each.name] = _convert(raw, each.type, where, each.metadata.get("choices"))
    settings = Settings(**values)
    if not settings.runtime_image:
        raise SettingsError(
            "no runtime image: set JAXOP_RUNTIME_IMAGE or --runtime-image to the image that "
            "holds jaxrun"
        )
    return settings


def _raw(
    name: str,
    metadata: Mapping[str, Any],
    given: Mapping[str, str | None],
    environment: Mapping[str, str],
) -> tuple[str | None, str]:
    flag = f"--{name.replace('_', '-')}"
    if (value := given[name]) is not None:
        return value, flag
    for variable in (PREFIX + name.upper(), *metadata["env"]):
        if environment.get(variable):
            return environment[variable], variable
    return None, ""


def _convert(raw: str, kind: Any, where: str, choices: Sequence[str] | None) -> Any:
    if choices and raw not in choices:
        raise SettingsError(f"{where} is {raw!r}: use one of {', '.join(choices)}")
    if kind is bool:
        words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        if raw.lower() not in words:
            raise SettingsError(f"{where} is {raw!r}: use true or false")
        return words[raw.lower()]
    try:
        return kind(raw)
    except ValueError:
        raise SettingsError(f"{where} is {raw!r}: use a number") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jaxop.app",
        description="The JAX operator. Each flag is also an environment variable: "
        "--runtime-image is JAXOP_RUNTIME_IMAGE.",
    )
    parser.add_argument("--version", action="version", version=f"jax-operator {__version__}")
    for each in fields(Settings):
        parser.add_argument(f"--{each.name.replace('_', '-')}", help=each.metadata["help"])
    return parser
