"""What `jaxrun inspect` has the image's own Python run: it tells its findings one by one."""

from typing import Final

MARK: Final = "jaxrun-inspection: "

PROGRAM: Final = f"""
import importlib.metadata as metadata, importlib.util, json, platform, re, sys

def tell(**found):
    print({MARK!r} + json.dumps(found), flush=True)

def compression():
    for module in ("compression.zstd", "zstandard"):
        try:
            __import__(module)
            return "zstandard"
        except ImportError:
            pass
    return "zlib"

def packages():
    known = re.compile("libtpu(-nightly)?|jax-(cuda|rocm)[0-9]+-plugin|"
                       "nvidia-(cudnn|nccl|cuda-runtime)(-cu[0-9]+)?")
    found = ((d.metadata["Name"] or "", d.version) for d in metadata.distributions())
    return {{name: version for name, version in found if known.fullmatch(name)}}

try:
    tell(python=platform.python_version(), compression=compression(), packages=packages())
    import jax, jaxlib.version
    tell(jax=jax.__version__, jaxlib=jaxlib.version.__version__)
    import jax.extend.backend
    backend = jax.extend.backend.get_backend()
    devices = jax.local_devices()
    tell(platform=jax.default_backend(), platformVersion=backend.platform_version,
         device=devices[0].device_kind if devices else "", devices=len(devices))
except AssertionError as error:
    # Without a device to be seen, JAX_PLATFORMS=cuda ends in one without a word.
    chosen = jax.config.jax_platforms or ""
    tell(error=str(error) or "JAX has no backend for JAX_PLATFORMS=" + chosen)
    sys.exit(1)
except Exception as error:
    tell(error=type(error).__name__ + ": " + str(error))
    sys.exit(1)
"""
