"""The last step of an attempt whose launchers are gone, from what they left behind.

A running gang is asked every few seconds, so its last report is older than its end.
"""

from jaxop.domain import contract
from jaxop.domain.jaxjob.launcher_reading import read_last_words
from jaxop.domain.jaxjob.snapshot import Snapshot


def last_step(snapshot: Snapshot) -> int | None:
    """None where neither a termination message nor a report tells."""
    left = [
        words.step
        for pod in snapshot.current_pods
        for end in pod.ends
        if end.container == contract.CONTAINER
        and (words := read_last_words(end.message)) is not None
    ]
    report = snapshot.current_report
    told = [*left, report.step if report is not None else None]
    return max((step for step in told if step is not None), default=None)
