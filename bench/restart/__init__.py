"""What a restart takes on real pods, from a death until all programs of the next epoch run.

    python -m bench.restart                 # in place, recreated, and plain JAX without us
    python -m bench.restart --quick         # without plain JAX, whose cases take minutes

    __main__   options, and the order of things
    program    what trains in the pods
    deaths     the four ways to die
    gang       a JaxJob that restarts, in place or in new pods
    plain      the same program as an Indexed Job with JAX's own defaults
    measured   seconds by part; medians, and the table

Needs the local cluster (`e2e.cluster`): processes of pods are killed where they run, and launchers
asked at their pods' addresses.
"""
