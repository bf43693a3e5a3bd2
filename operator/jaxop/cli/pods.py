"""What is wrong with a pod, in a word or two."""

from jaxop.domain.jaxjob.views import PodView


def trouble(pod: PodView) -> str:
    """ "" where nothing is."""
    if pod.terminating:
        return "being deleted"
    if pod.unschedulable is not None and not pod.node:
        return "cannot be scheduled"
    if pod.disruption or pod.reason:
        return pod.disruption or pod.reason
    held = next((w for w in pod.waiting if w.reason), None)
    if held is not None:
        return f"{held.container}: {held.reason}"
    bad = next((end for end in pod.ends if end.exit_code != 0), None)
    return f"{bad.container}: exit code {bad.exit_code}" if bad is not None else ""
