"""JAX Operator: JAX jobs on Kubernetes that start warm, restart fast and explain themselves.

The packages, from the bottom up; an arrow never points the other way (import-linter holds it):

    api          the kinds as pydantic models, and the Plan that deciders hand to the executor
    domain       pure decisions: no I/O, no clock, no randomness
    kube         the only package that talks to the API server
    controllers  one file per kind: read a snapshot, ask domain, hand the plan to kube
    app, cli     the operator process, and the command line
"""

__version__ = "0.1.0"
