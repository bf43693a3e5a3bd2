"""One package for each kind: what wakes it, what it sees, and whom it asks what to do.

For: turning stores into a snapshot for `domain`, and its answer into what `kube` carries out.
Must not know: how a request is sent, or why a decision is what it is. `observe`, `decide` and
`refused` do no I/O; what has to be fetched (a gang's report, a namespace's token, the nodes) is
fetched by a task of its own, which wakes the key when it has something new.

What several kinds share stands beside the packages:

trimming         what is kept in memory of our own objects, Jobs, Pods and Services
deployments      the same of Deployments
parse_cache      objects parsed once for each version of them
compile_objects  what is named by those that compile
node_facts       the nodes, only while something cannot be scheduled, or may be on a dead one
status_turns     whose turn it is to be asked for its /status
status_page      the asking
"""
