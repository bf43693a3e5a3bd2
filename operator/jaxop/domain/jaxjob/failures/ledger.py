"""status.restartLedger: the operator's own account of restarts, joined with the gang's.

Who counts what:
    restarts   the gang, one for each epoch that is followed by another; the operator, one for each
               new attempt, whose gang is told the sum when it starts
    charges    the gang for its programs, the operator for lost pods and for gangs that ended
    last       whoever judged last
"""

from typing import Final, TypedDict

from jaxop.api.v1alpha1.jaxjob_status import JaxJobStatus, RestartLedger
from jaxop.domain.jaxjob.failures.pod_cause import last_words, parting_words
from jaxop.domain.jaxjob.failures.restart_policy import merged
from jaxop.domain.jaxjob.snapshot import Snapshot

EMPTY: Final = RestartLedger()


class Counted(TypedDict):
    """Two fields of the status."""

    restart_ledger: RestartLedger | None
    restarts: int


def as_told(counted: RestartLedger | None, old: JaxJobStatus) -> Counted:
    """`counted` None: nothing has happened, or nobody has told."""
    restarts = old.restarts if counted is None else counted.restarts
    return {"restart_ledger": counted, "restarts": restarts}


def ours(snapshot: Snapshot) -> RestartLedger:
    return snapshot.jaxjob.status.restart_ledger or EMPTY


def known(snapshot: Snapshot) -> RestartLedger:
    """Joined with all that the current attempt's launchers say, or said when they ended."""
    found, report = ours(snapshot), snapshot.current_report
    said = [report.ledger if report is not None else None]
    for pod in snapshot.current_pods:
        words = last_words(pod) if pod.failed else parting_words(pod)
        said.append(words.ledger if words is not None else None)
    for ledger in said:
        found = merged(found, ledger) if ledger is not None else found
    return found


def told(snapshot: Snapshot) -> RestartLedger | None:
    """What status.restartLedger is in the end; None as long as nothing has happened."""
    found = known(snapshot)
    return snapshot.jaxjob.status.restart_ledger if found == EMPTY else found
