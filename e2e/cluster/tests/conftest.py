from e2e.cluster.fixtures import apiserver as apiserver
