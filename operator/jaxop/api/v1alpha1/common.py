"""What all kinds share: naming, times, quantities, object metadata, conditions."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

GROUP = "jaxop.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


def rfc3339(time: datetime) -> str:
    """`2026-11-21T12:00:00Z`: how Kubernetes writes a metav1.Time, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(time: datetime) -> str:
    """`2026-11-21T12:00:00.000000Z`: how Kubernetes writes a metav1.MicroTime."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Time = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
MicroTime = Annotated[
    AwareDatetime, PlainSerializer(rfc3339_micro, return_type=str, when_used="json")
]

Quantity = Annotated[
    str,
    Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$", max_length=32),
]
"""A Kubernetes resource quantity that is not negative, such as `16Gi`."""

DnsSubdomain = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253
    ),
]
VersionPrefix = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9A-Za-z+]+)*$", max_length=64)]

LabelKey = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        max_length=317,
    ),
]
LabelValue = Annotated[
    str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)
]


class KubeModel(BaseModel):
    """A part of a Kubernetes object: immutable, camelCase outside and snake_case inside.

    Fields that it does not know are ignored: the API server prunes or refuses them long before.
    A field's docstring is its description in the CRD, so it is written for the user.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def to_manifest(self) -> dict[str, Any]:
        """JSON as the API server has it: camelCase, times as strings, nothing that is None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def replace(self, **changes: Any) -> Self:
        """A copy with the named fields changed; the new values are trusted, not validated."""
        return self.model_copy(update=changes)


class ObjectMeta(KubeModel):
    """The part of metav1.ObjectMeta that somebody reads."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Condition(KubeModel):
    """One observation of the object's state, as in metav1.Condition."""

    type: Annotated[str, Field(max_length=316, min_length=1)]
    """Which condition this is, in CamelCase."""

    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""

    reason: Annotated[
        str, Field(max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ]
    """Why, as one CamelCase word that programs can compare."""

    message: Annotated[str, Field(max_length=32768)] = ""
    """Why, as a sentence for people."""

    last_transition_time: Time
    """When `status` last changed."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The `metadata.generation` that this was observed for."""
