"""The images of this repository, built on this machine from their ordinary Dockerfiles.

    catalogue     which images there are: Dockerfile, context, reference
    dockerfile    what a Dockerfile copies; dockerignore: what its context leaves out
    inputs        one hash over all that an image is made of; unchanged means nothing to do
    engines       docker or podman, where one works and has the base image; else buildah
    buildah       builds without a daemon or a registry, on a base from the distribution's packages
    base          that base; pip_settings: how pip in a build reaches what this machine's pip does
    built         what was built: archives in the cache, one for each hash
    build         all of it in order

Pods name an image as `jaxop/digits:dev`. Archives carry that name as docker writes it, so
`ctr -n k8s.io images import` and `kind load image-archive` both make it an image that kubelet
finds under `imagePullPolicy: IfNotPresent`. Loading archives into a cluster is the cluster's work.
"""

from e2e.images.build import archive_path, build
from e2e.images.built import BuiltImage
from e2e.images.errors import ImageError

__all__ = ["BuiltImage", "ImageError", "archive_path", "build"]
