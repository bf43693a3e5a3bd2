"""Before anything starts: can this operator do its work here? If not, say what is missing."""

from collections.abc import Iterable

from jaxop.kube.client import ApiClient
from jaxop.kube.errors import ApiError, FatalError, Forbidden, NotFound, Unauthorized, Unreachable
from jaxop.kube.resources import Resource


def unreachable(server: str, error: Unreachable) -> FatalError:
    return FatalError(
        f"no API server answers at {server} ({error}); check KUBECONFIG or --kubeconfig, "
        "and that the cluster runs"
    )


async def preflight(
    client: ApiClient, server: str, resources: Iterable[Resource], namespace: str | None
) -> None:
    """Lists one object of each kind. Raises FatalError with all that is wrong."""
    problems: list[str] = []
    for resource in resources:
        try:
            await client.list_page(resource, namespace if resource.namespaced else None, limit=1)
        except Unreachable as error:
            raise unreachable(server, error) from error
        except Unauthorized as error:
            raise FatalError(
                f"the API server at {server} does not accept our credentials ({error.message}); "
                "check the kubeconfig, or the pod's service account"
            ) from error
        except NotFound:
            problems.append(
                f"the cluster does not know {resource}; install the chart jax-operator-crds, or "
                "kubectl apply -f crds/"
            )
        except Forbidden as error:
            problems.append(
                f"we may not list {resource} ({error.message}); install the chart with "
                "rbac.create=true, or bind its ClusterRole to our service account"
            )
        except ApiError as error:
            problems.append(f"{resource} cannot be listed: {error}")
    if problems:
        raise FatalError("the operator cannot start: " + " | ".join(problems))
