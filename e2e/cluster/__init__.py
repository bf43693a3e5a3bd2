"""A real Kubernetes for demos, tests and benchmarks.

Three providers, tried in this order (`provider.py`): the cluster that `JAXOP_KUBECONFIG` names;
kind, where it and a container engine work; else `local.py`, a whole cluster on this machine.

The local one lives in network, mount and process namespaces of its own (`sandbox.py`), held by one
init process: when that ends, the kernel takes every process, mount, bridge, address and firewall
rule with it, whatever state they were in. `lite.py` is the API server and etcd alone, as plain
child processes, for tests that need no kubelet.

Binaries come from pinned Go modules (`binaries.py`), containerd, runc and the CNI plugins from the
distribution (`packages.py`). Nothing here knows of JAX Operator, but for `accelerators.py`, which
says what accelerators the nodes play.
"""
