"""The kinds of jaxop.dev/v1alpha1 as pydantic models, one file each: the only source of the CRDs.

`Kind.model_validate(manifest)` reads an object, `.to_manifest()` writes one. The models hold shape
and defaults and decide nothing; what an OpenAPI schema cannot say is a CEL rule
(`jaxop.api.crds`), and what needs a second object is decided in `domain`.
"""

from .accelerator_class import AcceleratorClass
from .compile_cache import CompileCache
from .jax_runtime import JaxRuntime
from .jaxjob import JaxJob
from .jaxservice import JaxService
from .warmup import Warmup

__all__ = ["AcceleratorClass", "CompileCache", "JaxJob", "JaxRuntime", "JaxService", "Warmup"]
