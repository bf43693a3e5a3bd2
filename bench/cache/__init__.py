"""What the compile cache saves on real pods, with the bytegpt example.

    python -m bench.cache                   # cold, restarted, warm, and four jobs at once in 3 ways
    python -m bench.cache --ways ours       # four at once only with a CompileCache
    python -m bench.cache --sizes 2 4 8 12  # cold and again, by the program's size

    __main__   options, and the order of things
    jobs       bytegpt as a JaxJob: without a cache, with JAX's own on a shared volume, with ours
    starts     following jobs to their first step, and ending or killing them there
    herd       several jobs at once on an empty cache
    cpu        CPU seconds of pods, from their cgroups on this machine
    measured   what came out; the tables, ratios and goals

Needs the local cluster (`e2e.cluster`): programs are ended where they run, launchers are asked at
their pods' addresses, and cgroups are read.
"""
