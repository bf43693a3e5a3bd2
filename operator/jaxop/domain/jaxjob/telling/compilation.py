"""status.compilation: what process 0 compiled, whether it started warm, and if not, why.

It is of the current epoch. Between two epochs, and after the end, what was told last stays.
"""

from typing import Literal

from jaxop.api.v1alpha1.jaxjob_status import Compilation
from jaxop.domain.jaxjob.failures.pod_cause import words_of_process_zero
from jaxop.domain.jaxjob.snapshot import Snapshot
from jaxop.domain.jaxjob.telling.never_kept import never_kept
from jaxop.domain.jaxjob.views import CompilationReport

Start = Literal["Warm", "Partial", "Cold"]


def compilation(snapshot: Snapshot, attempt: int) -> Compilation | None:
    """`attempt` is that of the status to be written: a new one has compiled nothing."""
    status = snapshot.jaxjob.status
    if attempt != status.attempt:
        return None
    old, told = status.compilation, _told(snapshot)
    if told is None or (old is not None and not told.says_anything):
        return old
    return _in_status(told, old)


def _in_status(told: CompilationReport, old: Compilation | None) -> Compilation:
    start = start_of(told)
    again, last = told.recompilations, told.last_recompilation
    if again is None and old is not None:
        again, last = old.recompilations, old.last_recompilation
    return Compilation(
        cache_namespace=told.namespace,
        problem=why_not_warm(told, start) or _why_without(told, old),
        requests=told.requests,
        hits=told.hits,
        summary=f"{told.hits}/{told.requests}" if told.requests else None,
        read_errors=told.read_errors,
        not_loadable=told.not_loadable,
        offered=told.offered,
        offered_bytes=told.offered_bytes,
        seconds=round(told.compile_seconds, 3),
        saved_seconds=round(told.saved_seconds, 3),
        first_step_seconds=_rounded(told.first_step_seconds),
        start=start,
        first_step=_in_words(told, start),
        recompilations=again or 0,
        last_recompilation=last,
        never_kept=told.never_kept,
        never_kept_functions=told.never_kept_functions,
    )


def _why_without(told: CompilationReport, old: Compilation | None) -> str | None:
    """What the operator has said when the pods were made, which their launchers do not know."""
    return old.problem if old is not None and told.namespace is None else None


def start_of(told: CompilationReport) -> Start | None:
    """None before the first step, and where nothing asked a cache."""
    requests, hits = told.first_step_requests, told.first_step_hits or 0
    if not requests:
        return None
    if hits >= requests:
        return "Warm"
    return "Partial" if hits else "Cold"


def why_not_warm(told: CompilationReport, start: Start | None) -> str | None:
    """As one sentence; None where all is well, or nobody asked for a cache."""
    if told.problem is not None:
        return told.problem
    if told.namespace is None or start in (None, "Warm"):
        return None
    if told.refused:
        entries = (
            "1 published entry was"
            if told.refused == 1
            else f"{told.refused} published entries were"
        )
        return f"{entries} refused: what they contain is not what was published"
    if told.read_errors:
        entries = "1 entry" if told.read_errors == 1 else f"{told.read_errors} entries"
        return f"{entries} of the cache could not be read, and what they held was compiled anew"
    requests, hits = told.first_step_requests or 0, told.first_step_hits or 0
    never = never_kept(told.first_step_never_kept or 0, told.never_kept_functions)
    unfound = requests - hits - told.not_loadable - (told.first_step_never_kept or 0)
    if unfound <= 0 and told.not_loadable:
        entries = "1 entry" if told.not_loadable == 1 else f"{told.not_loadable} entries"
        return f"{entries} found for devices that are not there, which alone can load them"
    if unfound <= 0:
        return f"{hits} of {requests} compilations were found in the cache; {never}"
    if not told.linked:
        return f"cache namespace {told.namespace} had no entries when the program started"
    if start == "Cold" and not told.not_loadable:
        return (
            f"none of the {told.linked} published entries is of this program: it, its shapes or "
            "its options differ"
        )
    why = f"{unfound} of {requests} compilations were not among the published entries"
    return f"{why}; {never}" if told.first_step_never_kept else why


def _in_words(told: CompilationReport, start: Start | None) -> str | None:
    """`4.6s (warm; cold was 12.1s)`"""
    took = told.first_step_seconds
    if took is None:
        return None
    match start:
        case None:
            return f"{took:.1f}s"
        case "Cold":
            return f"{took:.1f}s (cold)"
        case "Partial":
            return f"{took:.1f}s (partly warm)"
    saved = told.first_step_saved_seconds or 0.0
    if saved <= 0:
        return f"{took:.1f}s (warm)"
    cold = took + saved - (told.first_step_retrieval_seconds or 0.0)
    return f"{took:.1f}s (warm; cold was {cold:.1f}s)" if cold > took else f"{took:.1f}s (warm)"


def _told(snapshot: Snapshot) -> CompilationReport | None:
    """The latest word: of an epoch's report and process 0's last words, the latter."""
    report = snapshot.current_report
    told = [(report.epoch, report.compilation)] if report is not None else []
    last = words_of_process_zero(snapshot.current_pods)
    told += [(words.epoch, words.compilation) for words in last]
    said = [(epoch, words) for epoch, words in told if words is not None]
    return sorted(said, key=lambda each: each[0])[-1][1] if said else None


def _rounded(seconds: float | None) -> float | None:
    return round(seconds, 3) if seconds is not None else None
