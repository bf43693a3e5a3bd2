"""What happens when the program or a host fails, as the user wants it."""

from typing import Annotated, Literal

from pydantic import Field

from .cause import Cause
from .common import KubeModel

Action = Literal["Restart", "RestartInPlace", "Fail", "Ignore"]

MAX_RULES = 20
MAX_RESTARTS = 100

ExitCode = Annotated[int, Field(ge=1, le=255)]


class RestartRule(KubeModel):
    """What to do about some failures. The first rule that matches a failure decides."""

    on_causes: Annotated[tuple[Cause, ...], Field(max_length=12)] = ()
    """Causes that it is for; empty for all. With onExitCodes, both must match."""

    on_exit_codes: Annotated[tuple[ExitCode, ...], Field(max_length=64)] = ()
    """Exit codes of the program that it is for, 1 to 255; empty for all."""

    action: Action
    """RestartInPlace starts the programs again in the same pods; Restart makes all pods anew; Fail
    ends the job; Ignore restarts without counting it."""


class Backoff(KubeModel):
    """How long to wait before a restart that follows a failure of the same cause at the same step.
    The first restart never waits."""

    initial_seconds: Annotated[int, Field(ge=0, le=3600)] = 10
    """Before the second restart at the same step; doubled for each further one."""

    max_seconds: Annotated[int, Field(ge=0, le=86400)] = 300
    """The longest wait."""


class RestartPolicy(KubeModel):
    """What happens when the program or a host fails. A failure of the program with the same cause
    at the same step ends the job the third time, whatever is left of the budget."""

    max_restarts: Annotated[int, Field(ge=0, le=MAX_RESTARTS)] = 3
    """How often the programs may start again within windowSeconds before the job is Failed."""

    window_seconds: Annotated[int, Field(ge=60, le=315360000)] = 86400
    """Restarts longer ago than this no longer count, so that a job of many weeks is not ended by
    the failures of all of them."""

    in_place: bool = True
    """Whether programs start again in the pods that are still there, which takes seconds. If false,
    every restart makes all pods anew."""

    exempt_causes: Annotated[tuple[Cause, ...], Field(max_length=12)] = ("Preempted", "NodeLost")
    """Causes that are not the program's fault: restarts for them do not count."""

    backoff: Backoff = Backoff()
    """How long to wait before restarting what fails again and again at the same step."""

    rules: Annotated[tuple[RestartRule, ...], Field(max_length=MAX_RULES)] = ()
    """Exceptions by cause and exit code."""
