"""What was measured; tables with ratios within the run, and whether the goals were met."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

GOAL_COMPILE_RATIO = 10.0


@dataclass(frozen=True)
class Start:
    """One start of a program, up to the end of its first step."""

    job: str
    seconds: float
    """Since its JaxJob was applied, or since its program was killed."""
    program_seconds: float
    """Since the launcher spawned the program."""
    compile_seconds: float
    """Reading entries included, tracing and lowering not."""
    requests: int
    hits: int
    problem: str | None = None

    @property
    def compilations(self) -> int:
        return self.requests - self.hits


@dataclass(frozen=True)
class Warming:
    """What the Warmup of a herd took; it is part of the herd's numbers."""

    seconds: float
    """From applying the jobs until the first of their pods was made."""
    cpu_seconds: float
    keeper_cpu_seconds: float
    compile_seconds: float
    compilations: int
    verified: str
    """Hits of requests, of its second run."""
    tries: int = 1


@dataclass(frozen=True)
class Herd:
    """Several jobs with one program, applied at once."""

    way: str
    starts: Sequence[Start]
    wall_seconds: float
    """Until the last of them had made its first step."""
    cpu_seconds: float
    """Of all containers of the namespace."""
    warming: Warming | None = None

    @property
    def compilations(self) -> int:
        warming = self.warming.compilations if self.warming else 0
        return warming + sum(start.compilations for start in self.starts)


@dataclass(frozen=True)
class Measured:
    cold: Start
    restarted: Start
    """The same job in the same pod, after its program was killed."""
    warm: Start | None
    herds: Sequence[Herd]


@dataclass(frozen=True)
class Sized:
    """One program, cold and with all that it compiles in the cache."""

    size: str
    cold: Start
    again: Start

    @property
    def compile_ratio(self) -> float:
        return self.cold.compile_seconds / self.again.compile_seconds


@dataclass(frozen=True)
class Goal:
    what: str
    seen: str
    met: bool


def goals(measured: Measured) -> list[Goal]:
    """Those that this run can tell of."""
    cold, warm, restarted = measured.cold, measured.warm, measured.restarted
    found = []
    for herd in measured.herds:
        if herd.warming is not None:
            met = herd.compilations == cold.compilations
            seen = f"{herd.compilations}, one program's are {cold.compilations}"
            what = f"{len(herd.starts)} jobs at once cost one program's compilations"
            found.append(Goal(what, seen, met))
    if warm is not None:
        ratio = cold.compile_seconds / warm.compile_seconds
        whole = warm.hits == warm.requests > 0
        what = f"a warm first step compiles at least {GOAL_COMPILE_RATIO:.0f}x shorter"
        seen = f"{ratio:.1f}x, {warm.hits}/{warm.requests} hits"
        found.append(Goal(what, seen, whole and ratio >= GOAL_COMPILE_RATIO))
    met = restarted.compilations == 0 and restarted.requests > 0
    seen = f"{restarted.hits}/{restarted.requests} hits"
    found.append(Goal("a restart in place recompiles nothing", seen, met))
    return found


def report(measured: Measured) -> str:
    parts = [starts_table(measured)]
    if measured.herds:
        parts.append(herds_table(measured.herds))
    parts += [_warming(herd.warming) for herd in measured.herds if herd.warming is not None]
    parts.append(
        "\n".join(
            f"goal {'met' if goal.met else 'NOT met'}: {goal.what} ({goal.seen})"
            for goal in goals(measured)
        )
    )
    return "\n\n".join(parts)


def starts_table(measured: Measured) -> str:
    """Markdown; the ratios are cold to it."""
    lines = [
        "| start | first step, s | of it the program, s | of it compiling, s | hits | compiled "
        "| program, ratio | compiling, ratio |",
        f"|{'---|' * 8}",
    ]
    cold = measured.cold
    for name, start in (
        ("cold", cold),
        ("restarted in place", measured.restarted),
        ("warm", measured.warm),
    ):
        if start is not None:
            cells = [
                name,
                _seconds(start.seconds),
                _seconds(start.program_seconds),
                _seconds(start.compile_seconds),
                f"{start.hits}/{start.requests}",
                str(start.compilations),
                _ratio(cold.program_seconds, start.program_seconds),
                _ratio(cold.compile_seconds, start.compile_seconds),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def sizes_table(found: Sequence[Sized]) -> str:
    """Markdown; the ratios are cold to again."""
    lines = [
        "| program | compiling cold, s | again, s | ratio | the program cold, s | again, s | ratio "
        "| hits | goal |",
        f"|{'---|' * 9}",
    ]
    for each in found:
        cold, again = each.cold, each.again
        met = again.hits == again.requests > 0 and each.compile_ratio >= GOAL_COMPILE_RATIO
        cells = [
            each.size,
            _seconds(cold.compile_seconds),
            _seconds(again.compile_seconds),
            _ratio(cold.compile_seconds, again.compile_seconds),
            _seconds(cold.program_seconds),
            _seconds(again.program_seconds),
            _ratio(cold.program_seconds, again.program_seconds),
            f"{again.hits}/{again.requests}",
            "met" if met else "not met",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def herds_table(herds: Sequence[Herd]) -> str:
    """Markdown; the ratios are the first way to it."""
    lines = [
        "| jobs at once | last first step, s | CPU, s | compilations "
        "| compiling in a job, s, median | wall, ratio | CPU, ratio |",
        f"|{'---|' * 7}",
    ]
    first = herds[0]
    for herd in herds:
        compiling = statistics.median(start.compile_seconds for start in herd.starts)
        cells = [
            f"{len(herd.starts)}, {herd.way}",
            _seconds(herd.wall_seconds),
            _seconds(herd.cpu_seconds),
            str(herd.compilations),
            _seconds(compiling),
            _ratio(first.wall_seconds, herd.wall_seconds),
            _ratio(first.cpu_seconds, herd.cpu_seconds),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _warming(warming: Warming) -> str:
    tries = "" if warming.tries == 1 else f" in {warming.tries} tries"
    return (
        f"The Warmup, included above: {_seconds(warming.seconds)} s until the jobs' pods were "
        f"made, {_seconds(warming.cpu_seconds)} CPU seconds, compiling "
        f"{_seconds(warming.compile_seconds)} s, verified {warming.verified}{tries}; its keeper "
        f"{_seconds(warming.keeper_cpu_seconds)} CPU seconds."
    )


def _ratio(first: float, this: float) -> str:
    return f"{first / this:.1f}" if this > 0 else ""


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
