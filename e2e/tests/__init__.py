"""End-to-end tests: real JAX in real pods, under the operator as its chart installs it.

Each test has a namespace of its own and says what a user would see: the JaxJob's status, its
events, its pods and their logs. They must not know how the operator decides, and import nothing
of it: what they check is what anybody could, with kubectl.

    conftest     the cluster with the operator, and a namespace for each test
    namespace    kubectl in one namespace, and waiting for what must come
    jaxjobs      one builder for all JaxJobs
    compile_caches   CompileCaches, Warmups, and harm to a cache's volume
    programs/    what runs in the pods; they reach them by a ConfigMap
    operator     which of the operator's processes leads, and how it dies

Accelerators are played by the nodes `tpu` and `gpu` (`e2e.cluster.accelerators`). The network
plugin of the local cluster does not enforce NetworkPolicies, so none is tested here.
"""
