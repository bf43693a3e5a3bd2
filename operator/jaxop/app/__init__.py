"""The operator process: `python -m jaxop.app`.

For: putting the parts together and keeping them running: settings, logs, login, kopf, the loop,
leader election, probes and metrics; and ending well, on SIGTERM or with a message that says what
to do. Must not know: what any kind wants. Adding a kind adds a line to `process`.

    settings    environment and flags
    main        exit codes
    process     what runs, and in which order it stops
    own_kinds   kopf: login, and the events of our own kinds
    preflight   can we do our work here at all? no API server, no CRDs, no RBAC
    probes      /healthz, /readyz and /metrics
    metrics     jaxop_jaxjobs by state, read from memory when scraped
    logs        JSON or text
"""
