"""The operator process: `python -m jaxop.app`.

For: putting the parts together and keeping them running: settings, logs, login, kopf, the loop,
leader election, probes and metrics; and ending well, on SIGTERM or with a message that says what
to do. Must not know: what any kind wants. Adding a kind adds a function to `kinds`.

    settings    environment and flags
    main        exit codes
    process     what runs, and in which order it stops
    kinds       the controller of each kind, and what runs beside it
    own_kinds   kopf: login, and the events of our own kinds
    preflight   can we do our work here at all? no API server, no CRDs, no RBAC
    probes      /healthz, /readyz and /metrics
    metrics     objects by state and what caches hold, read from memory when scraped
    logs        JSON or text
"""
