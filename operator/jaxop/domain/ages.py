"""How long something that was made may still be waited for."""

from datetime import datetime, timedelta

from jaxop.api.v1alpha1.common import ObjectMeta


def seconds_left(made: ObjectMeta, patience: timedelta, now: datetime) -> float:
    """Of `patience`, which counts from its creation; 0 or less when it is over."""
    return ((made.creation_timestamp or now) + patience - now).total_seconds()
