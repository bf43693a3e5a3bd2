"""Can JAX fill its compile cache for a TPU that is not there? What it does, and what that proves.

    pip install 'jax[tpu]'                          # libtpu compiles without a TPU
    python -m bench.ahead_of_time                   # v5e:2x2, and others to compare with
    python -m bench.ahead_of_time v5p:2x2x1

    __main__   one process after another on the same cache, and what they tell
    program    one of them: compiles a small train step for a topology, prints what it saw as JSON

Needs no cluster, no accelerator, and nothing of this repository but these files.
"""
