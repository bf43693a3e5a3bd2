"""Can JAX fill its compile cache for a TPU that is not there? What it does, and what that proves.

    pip install 'jax[tpu]'                          # libtpu compiles without a TPU
    python -m bench.ahead_of_time                   # v5e:2x2, and others to compare with
    python -m bench.ahead_of_time v5p:2x2x1

    python -m bench.ahead_of_time.warmup            # a whole Warmup of it; see there

    __main__   one process after another on the same cache, and what they tell
    program    one of them: compiles a small train step for a topology, prints what it saw as JSON
    warmup     fill and verification by real launchers, with a real keeper between them
    warm_program    what they run

Needs no cluster and no accelerator; only `warmup` needs more of this repository than these files.
libtpu and JAX are 1.3 GB once installed, too much for a test of every day.
"""
