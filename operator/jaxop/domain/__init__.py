"""Decisions, and nothing but decisions.

For: turning what was seen (a frozen snapshot) into what is wanted (a `Plan` of `jaxop.api`).
Must not know: the API server, the clock, randomness, the network. `now` is an argument, what
others hold is in the snapshot, and the same arguments always give the same plan.

    devices/     a class of accelerators and a request -> the layout of one slice, or what is wrong
    runtime/     a JaxRuntime and what pods found in its image -> Plan
    jaxjob/      a JaxJob, its children and its gang's report -> Plan
    service/     a JaxService, its children and its replicas' reports -> Plan
    cache/       a CompileCache, its children, its readers and its keeper's report -> Plan
    warmup/      a Warmup, its jobs and what is published -> Plan
    conditions   the conditions of a status, as kstatus reads them
    json_values  values out of what others wrote
    quantity     sizes as Kubernetes writes them
    contract     the names that the operator and the in-pod runtime share
    labels       the labels that tie children to their owners
    problem      a fault in a manifest: field, fault, remedy
"""
