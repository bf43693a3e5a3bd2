"""When a Warmup's gang is done: what its first step needs has been compiled. Pure.

    process 0 has reported a step                   its first step was taken
    nothing was compiled for `warm_quiet` seconds   steps are being taken, though nobody says so
    nothing was ever compiled, for ten times that   it is no program to warm, but the requests that
                                                    its record lacks are for others to judge

Only process 0 counts, as only its JAX writes entries. Never while something is being compiled,
whose entry would be written half.
"""

from collections.abc import Sequence

from jaxrun.gang.progress import Track, last, quiet_since

_PATIENCE_WITHOUT_COMPILATION = 10


def why_warm(tracks: Sequence[Track], quiet: float, now: float) -> str | None:
    """None until it is; `quiet` in seconds."""
    if any(track.latest.compiling for track in tracks):
        return None
    if "step" in tracks[0].at:
        return f"process 0 has reported step {tracks[0].latest.step}"
    if any(track.latest.compile_started for track in tracks):
        since = quiet_since(tracks)
        if since is not None and now >= since + quiet:
            return f"nothing was compiled for {quiet:g} s"
        return None
    spawned, patience = last(tracks, "spawned"), _PATIENCE_WITHOUT_COMPILATION * quiet
    if spawned is not None and now >= spawned + patience:
        return f"nothing was compiled at all, in {patience:g} s"
    return None
