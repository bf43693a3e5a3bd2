import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from bytegpt.phases import Phases

STOPPED = 143  # as if SIGTERM had ended it: unfinished, and worth starting again


def main() -> int:
    phases = Phases()
    with phases("import"):
        import jax

        from bytegpt.parallel import join_processes
        from bytegpt.train import Options, say, train, warm

    defaults = Options()
    parser = argparse.ArgumentParser(prog="bytegpt", description="Learn to write Python.")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--batch", type=int, default=defaults.batch, help="of all processes")
    parser.add_argument("--layers", type=int, default=defaults.layers)
    parser.add_argument("--unroll", action="store_true", help="compile each layer anew")
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--checkpoints", type=Path, help="directory that all processes share")
    parser.add_argument("--checkpoint-every", type=int, default=defaults.checkpoint_every)
    parser.add_argument("--report-every", type=int, default=defaults.report_every)
    parser.add_argument("--warm", action="store_true", help="compile into JAX's cache, and leave")
    chosen = vars(parser.parse_args())
    only_warm = chosen.pop("warm")
    options = Options(**chosen)

    with phases("initialise"):
        join_processes()
    if only_warm:
        warm(options, phases)
        say(f"time: {phases}")
        return 0
    result = train(options, phases)
    say(f"after step {result.step}: {result.bits_per_byte:.3f} bits per byte; it writes:")
    say(result.sample)
    say(f"time: {phases}")
    measured = asdict(result) | {"processes": jax.process_count(), "seconds": phases.rounded()}
    say(f"result: {json.dumps(measured)}")
    return STOPPED if result.stopped else 0


if __name__ == "__main__":
    sys.exit(main())
