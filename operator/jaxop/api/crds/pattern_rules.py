"""What to say instead of a regular expression when a string is not of the form it should be."""

from collections.abc import Mapping
from typing import Any

from .rule import Rule, validations

TOPOLOGY = r"^[1-9][0-9]*(x[1-9][0-9]*){1,2}$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
PATH = r"^/[^:]*[^:/]$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$"
LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
VERSION_PREFIX = r"^[0-9]+(\.[0-9A-Za-z+]+)*$"
DOMAIN_PATH = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[^\s]+$"
DECIMAL = r"^[0-9]+(\.[0-9]+)?$"
CURRENCY = "^[A-Z]{3}$"
DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
IMAGE_BY_DIGEST = r"^[^\s@]+@sha256:[0-9a-f]{64}$"
FLAG = r"^--[a-z][a-z0-9_]*(=[^\s]*)?$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"

FACTORY = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"

REMEDIES: Mapping[str, str] = {
    TOPOLOGY: "write the chips along each axis with x between them, such as 4x4 or 2x2x4",
    DNS_SUBDOMAIN: "the name of an object has only a-z, 0-9, - and dots between them",
    PATH: "write an absolute path without : and without / at its end, such as /checkpoints",
    QUANTITY: "write a quantity, such as 16Gi",
    LABEL_KEY: "write a label's key, such as cloud.google.com/gke-nodepool",
    VERSION_PREFIX: "write a version or its beginning, such as 0.12 or 0.12.1",
    DOMAIN_PATH: "write a domain and a name, such as kueue.x-k8s.io/multikueue",
    DECIMAL: 'write a decimal number in quotes, such as "1.20"',
    CURRENCY: "write the ISO 4217 code, such as USD",
    DATE: "write the date as year-month-day, such as 2026-11-01",
    IMAGE_BY_DIGEST: "pin the image by its digest, such as registry.example/team/jax@sha256:..., "
    "as a tag may mean another image tomorrow",
    FLAG: "write one flag, such as --xla_cpu_enable_fast_math=false",
    FACTORY: "write the module and the factory in it, such as minilm.serving:model",
    VARIABLE: "write the name of an environment variable, such as HF_HOME",
}


def explained(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its pattern, if it is one of these, as a rule that says what to write."""
    remedy = REMEDIES.get(schema.get("pattern", ""))
    if remedy is None:
        return schema
    return {k: v for k, v in schema.items() if k != "pattern"} | validations(
        Rule(
            f"self.matches(r'{schema['pattern']}')",
            remedy,
        )
    )
