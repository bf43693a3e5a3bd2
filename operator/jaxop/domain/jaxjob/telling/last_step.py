"""The last step of an attempt whose launchers are gone, from what they left behind.

A running gang is asked every few seconds, so its last report is older than its end.
"""

from collections.abc import Iterable
from typing import TypedDict

from jaxop.domain.jaxjob.failures.pod_cause import parting_words
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.views import LastWords


def last_step(snapshot: Snapshot) -> int | None:
    """None where neither a termination message nor a report tells."""
    report = snapshot.current_report
    told = [words.step for words in _last_words(snapshot)]
    return _highest([*told, report.step if report is not None else None])


def last_checkpoint(snapshot: Snapshot) -> int | None:
    """The last step that is safe in a checkpoint; None where nobody tells."""
    report = snapshot.current_report
    told = [words.checkpoint_step for words in _last_words(snapshot)]
    return _highest([*told, report.checkpoint_step if report is not None else None])


class Progress(TypedDict):
    """Two fields of the status."""

    step: int | None
    checkpoint_step: int | None


def progress(snapshot: Snapshot) -> Progress:
    """How far the job has come, with what the status knew where nobody tells more."""
    old, step, saved = snapshot.jaxjob.status, last_step(snapshot), last_checkpoint(snapshot)
    return {
        "step": old.step if step is None else step,
        "checkpoint_step": old.checkpoint_step if saved is None else saved,
    }


def lost_steps(step: int | None, saved: int | None) -> int | None:
    """Steps since the last checkpoint; None where the program does not tell of either."""
    return max(0, step - saved) if step is not None and saved is not None else None


def _last_words(snapshot: Snapshot) -> list[LastWords]:
    return [words for pod in snapshot.current_pods if (words := parting_words(pod)) is not None]


def _highest(steps: Iterable[int | None]) -> int | None:
    return max((step for step in steps if step is not None), default=None)
