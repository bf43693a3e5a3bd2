"""The pod template and the model's volume of a JaxService: the operator sets more of them."""

from typing import Any

from .pod_template import absent, is_reserved, pod_template
from .rule import Rule, validations

SERVER_TEMPLATE = pod_template(
    is_reserved("self.name"),
    (
        *(
            Rule(
                f"self.name != 'jax' || !has(self.{field})",
                f'the container "jax" runs the model server, with {what}: remove it',
                field=f".{field}",
                reason="FieldValueForbidden",
            )
            for field, what in (
                ("command", "spec.model.entry"),
                ("args", "spec.model.entry"),
                ("livenessProbe", "probes of its own"),
                ("readinessProbe", "probes of its own"),
                ("startupProbe", "probes of its own"),
            )
        ),
    ),
    (
        Rule(
            "!has(self.restartPolicy)",
            "the operator sets it, as it suits one host or several: remove it",
            field=".restartPolicy",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.volumes) || self.volumes.all(v, v.name != 'jaxservice-model')",
            '"jaxservice-model" is taken by the volume of spec.model.volume: rename the volume',
            field=".volumes",
            reason="FieldValueForbidden",
        ),
        absent("terminationGracePeriodSeconds", "it follows from spec.drainSeconds: remove it"),
    ),
)
"""Of a JaxService."""

VOLUME_SOURCE: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"name": {"type": "string", "description": "Not to be set."}},
    **validations(
        Rule(
            "!has(self.name)",
            "it has no name, only its kind, such as persistentVolumeClaim: remove the name",
            field=".name",
            reason="FieldValueForbidden",
        )
    ),
}
"""A Volume without its name."""
