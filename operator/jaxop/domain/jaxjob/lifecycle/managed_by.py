"""managedBy: a job that another controller acts on, such as MultiKueue, is none of our business."""

from jaxop.api.v1alpha1.jaxjob import MANAGER, JaxJob


def is_ours(jaxjob: JaxJob) -> bool:
    """If not, nothing is created or written for it, its status least of all."""
    return jaxjob.spec.managed_by == MANAGER
