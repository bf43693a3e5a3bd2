"""The one error of this package: its text is for the person at the terminal."""


class ClusterError(RuntimeError):
    """Says what happened, to which part, and what to do about it."""
