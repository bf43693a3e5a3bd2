"""How N launchers act as one: join, start together, fail together, finish together.

Launcher 0 runs the server; every launcher, launcher 0 included, is a member with one
authenticated connection to it. Decisions are pure and take `now`: `epoch` holds one run of the
program on all processes, `state` the gang around it. `protocol` says what travels, `wire` how,
`handshake` who may speak; `server` and `member` do the I/O and decide nothing. A restart in place
is another `Epoch` in the same `Gang`.

Nothing here knows about processes, JAX or Kubernetes: deaths arrive as `jaxrun.evidence`.
"""
