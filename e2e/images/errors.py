"""The error of this package: its text is for the person at the terminal."""

from e2e.cluster.errors import ClusterError


class ImageError(ClusterError):
    """Says which image could not be built, why, and what to do about it."""
