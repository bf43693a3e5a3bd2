"""What the launcher is told by its environment, read once, refused with the variable's name."""

import json
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from jaxrun import contract
from jaxrun.cache.settings import CacheSettings
from jaxrun.contract import PreflightMode, SuccessPolicy, WarmupMode
from jaxrun.restart_policy import Ledger, RestartPolicy, read_ledger, read_policy

T = TypeVar("T")
Choice = TypeVar("Choice", bound=Enum)
_NAMESPACE = re.compile("[0-9a-f]{16}")


class BadSettingError(ValueError):
    """A variable is missing or senseless; the message names it and what would be right."""


@dataclass(frozen=True)
class Timing:
    """Seconds, all of them; the defaults are for real pods, tests shorten them."""

    heartbeat_interval: float = 2.0
    heartbeat_timeout: float = 10.0
    kill_after: float = 0.3
    """Between SIGTERM and SIGKILL of a program whose epoch is over."""
    evidence_window: float = 0.2
    """How long deaths are collected before the first real one is called the cause."""
    start_timeout: float = 290.0
    """From the first process in jax.distributed.initialize to the last; JAX gives up after 300."""
    exit_grace: float = 30.0
    """How long the others may go on after one left JAX's world by exiting 0 without shutdown."""
    barrier_grace: float = 240.0
    """How long one may wait for the others in JAX's shutdown barrier; JAX aborts after 300."""
    quiet: float = 5.0
    """Without report(): no compilation for so long means that steps are being run."""
    warm_quiet: float = 30.0
    """The same before a Warmup's program is stopped: what it would compile later stays cold."""
    grace: float = 30.0
    """Between SIGTERM from outside and SIGKILL."""
    rejoin: float = 600.0
    """How long a launcher whose process 0 is lost looks for the next one."""


@dataclass(frozen=True)
class Preflight:
    """`spec.preflight` of the JaxJob; None where nothing is expected."""

    mode: PreflightMode = PreflightMode.OFF
    jax: str | None = None
    jaxlib: str | None = None
    free_memory_percent: int | None = None


@dataclass(frozen=True)
class Settings:
    """One launcher's place in its gang."""

    job: str
    attempt: int
    process_id: int
    num_processes: int
    gang_address: str
    token: str
    host: str
    platform: str = "cpu"
    local_devices: int = 0
    """Chips of this host; 0 where nobody said."""
    devices_per_chip: int = 1
    gang_port: int = contract.GANG_PORT
    http_port: int = contract.HTTP_PORT
    coordinator_port_base: int = contract.COORDINATOR_PORT_BASE
    coordinator_port_count: int = contract.COORDINATOR_PORT_COUNT
    termination_log: str = contract.TERMINATION_LOG
    hosts_per_slice: int = 1
    policy: RestartPolicy = RestartPolicy()
    ledger: Ledger = Ledger()
    success: SuccessPolicy = SuccessPolicy.ALL_PROCESSES
    preflight: Preflight = Preflight()
    cache: CacheSettings | None = None
    warmup: WarmupMode | None = None
    serves: bool = False
    """Whether the program is a model server."""
    timing: Timing = Timing()

    @property
    def leads(self) -> bool:
        """Whether this launcher runs the gang server."""
        return self.process_id == 0


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the contract's environment; outside of a JaxJob it describes a gang of one.

    Raises:
        BadSettingError: a variable is missing or out of range.
    """
    env = _Environment(environ)
    num_processes = env.integer(contract.NUM_PROCESSES, 1, least=1)
    process_id = env.integer(contract.PROCESS_BASE, 0) + env.integer(contract.COMPLETION_INDEX, 0)
    if process_id >= num_processes:
        raise BadSettingError(
            f"{contract.PROCESS_BASE} + {contract.COMPLETION_INDEX} is {process_id}, but process "
            f"ids end at {contract.NUM_PROCESSES} - 1 = {num_processes - 1}"
        )
    gang_address = environ.get(contract.GANG_ADDRESS, "")
    token = environ.get(contract.TOKEN, "")
    if num_processes > 1:
        for name, value in ((contract.GANG_ADDRESS, gang_address), (contract.TOKEN, token)):
            if not value:
                raise BadSettingError(f"{name} is not set, and a gang of {num_processes} needs it")
    defaults = Timing()
    timing = Timing(
        heartbeat_interval=env.seconds("JAXRUN_HEARTBEAT_SECONDS", defaults.heartbeat_interval),
        heartbeat_timeout=env.seconds(
            "JAXRUN_HEARTBEAT_TIMEOUT_SECONDS", defaults.heartbeat_timeout
        ),
        kill_after=env.seconds("JAXRUN_KILL_SECONDS", defaults.kill_after),
        evidence_window=env.seconds("JAXRUN_EVIDENCE_SECONDS", defaults.evidence_window),
        start_timeout=env.seconds("JAXRUN_START_TIMEOUT_SECONDS", defaults.start_timeout),
        exit_grace=env.seconds("JAXRUN_EXIT_GRACE_SECONDS", defaults.exit_grace),
        barrier_grace=env.seconds("JAXRUN_BARRIER_GRACE_SECONDS", defaults.barrier_grace),
        quiet=env.seconds("JAXRUN_QUIET_SECONDS", defaults.quiet),
        warm_quiet=env.seconds("JAXRUN_WARM_QUIET_SECONDS", defaults.warm_quiet),
        grace=env.seconds(contract.GRACE_SECONDS, defaults.grace),
        rejoin=env.seconds("JAXRUN_REJOIN_SECONDS", defaults.rejoin),
    )
    if timing.heartbeat_timeout < 2 * timing.heartbeat_interval:
        raise BadSettingError(
            f"JAXRUN_HEARTBEAT_TIMEOUT_SECONDS is {timing.heartbeat_timeout:g}, less than two "
            f"intervals of {timing.heartbeat_interval:g} s: one late heartbeat would end the job"
        )
    host = environ.get("JAXRUN_HOST") or socket.gethostname()
    return Settings(
        job=environ.get(contract.JOB, "local"),
        attempt=env.integer(contract.ATTEMPT, 0),
        process_id=process_id,
        num_processes=num_processes,
        gang_address=gang_address or "127.0.0.1",
        token=token,
        host=host,
        platform=environ.get(contract.PLATFORM, "cpu"),
        local_devices=env.integer(contract.LOCAL_DEVICES, 0),
        devices_per_chip=env.integer(contract.DEVICES_PER_CHIP, 1, least=1),
        gang_port=env.integer("JAXRUN_GANG_PORT", contract.GANG_PORT),
        http_port=env.integer("JAXRUN_HTTP_PORT", contract.HTTP_PORT),
        coordinator_port_base=env.integer(
            "JAXRUN_COORDINATOR_PORT_BASE", contract.COORDINATOR_PORT_BASE
        ),
        coordinator_port_count=env.integer(
            "JAXRUN_COORDINATOR_PORT_COUNT", contract.COORDINATOR_PORT_COUNT, least=1
        ),
        termination_log=environ.get("JAXRUN_TERMINATION_LOG", contract.TERMINATION_LOG),
        hosts_per_slice=env.integer(contract.HOSTS_PER_SLICE, num_processes, least=1),
        policy=env.json(contract.RESTART_POLICY, read_policy, RestartPolicy()),
        ledger=env.json(contract.LEDGER, read_ledger, Ledger()),
        success=env.choice(contract.SUCCESS_POLICY, SuccessPolicy) or SuccessPolicy.ALL_PROCESSES,
        preflight=env.json(contract.PREFLIGHT, _read_preflight, Preflight()),
        cache=_read_cache(environ, host),
        warmup=env.choice(contract.WARMUP, WarmupMode),
        serves=contract.SERVE in environ,
        timing=timing,
    )


def _read_cache(environ: Mapping[str, str], host: str) -> CacheSettings:
    namespace = environ.get(contract.CACHE_NAMESPACE) or None
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise BadSettingError(
            f"{contract.CACHE_NAMESPACE} is {namespace[:200]!r}, not 16 hexadecimal digits"
        )
    offers = environ.get(contract.CACHE_OFFERS) == "true"
    staging = Path(environ.get("JAXRUN_CACHE_STAGING", contract.CACHE_STAGING))
    return CacheSettings(
        namespace=namespace,
        published=Path(environ.get("JAXRUN_CACHE_PUBLISHED", contract.CACHE_PUBLISHED)),
        staging=staging if offers and namespace is not None else None,
        local=Path(environ.get("JAXRUN_CACHE_LOCAL", contract.CACHE_LOCAL)),
        host=host,
    )


def _read_preflight(data: Mapping[str, Any]) -> Preflight:
    percent = data.get("freeMemoryPercent")
    return Preflight(
        PreflightMode(data["mode"]),
        jax=data.get("jax"),
        jaxlib=data.get("jaxlib"),
        free_memory_percent=int(percent) if percent is not None else None,
    )


@dataclass(frozen=True)
class _Environment:
    environ: Mapping[str, str]

    def json(self, name: str, read: Callable[[Mapping[str, Any]], T], default: T) -> T:
        text = self.environ.get(name, "")
        if not text:
            return default
        try:
            return read(json.loads(text))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            shown = text if len(text) <= 200 else text[:200] + "..."
            raise BadSettingError(
                f"{name} is {shown!r}, not what the operator writes: {why}"
            ) from None

    def choice(self, name: str, kind: type[Choice]) -> Choice | None:
        text = self.environ.get(name, "")
        try:
            return kind(text) if text else None
        except ValueError:
            known = " or ".join(str(each.value) for each in kind)
            raise BadSettingError(f"{name} is {text!r}, not {known}") from None

    def integer(self, name: str, default: int, least: int = 0) -> int:
        text = self.environ.get(name, "")
        if not text:
            return default
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise BadSettingError(f"{name} is {text!r}, not an integer of at least {least}")
        return value

    def seconds(self, name: str, default: float) -> float:
        text = self.environ.get(name, "")
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < 1e9:
            raise BadSettingError(f"{name} is {text!r}, not a number of seconds")
        return value


def launcher_environment() -> Settings:
    """This process's own settings."""
    return read_settings(os.environ)
