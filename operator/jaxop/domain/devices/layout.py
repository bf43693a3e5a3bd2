"""What one slice looks like: hosts, chips, and where they are found."""

from dataclasses import dataclass

from jaxop.api.v1alpha1.accelerator_class import NodeSelectorTerm, Platform, Toleration


@dataclass(frozen=True, slots=True)
class SliceLayout:
    class_name: str
    platform: Platform
    slices: int
    hosts: int
    """Of one slice; one process runs on each."""
    chips_per_host: int
    """0 on cpu."""
    resource: str | None
    topology: str | None
    node_selector: tuple[tuple[str, str], ...]
    node_selector_terms: tuple[NodeSelectorTerm, ...]
    tolerations: tuple[Toleration, ...]
    slice_label: str | None = None
    """Node label that tells physical slices apart; None where a slice is one host, or none is."""
    devices_per_chip: int = 1
    """JAX devices that one chip shows as."""

    @property
    def processes(self) -> int:
        return self.slices * self.hosts

    @property
    def summary(self) -> str:
        """`tpu-v5e 4x4 x2`, `nvidia-h100 4x8` (hosts x chips), `cpu 2` (hosts)."""
        if self.topology:
            shape = self.topology
        elif self.chips_per_host:
            shape = f"{self.hosts}x{self.chips_per_host}"
        else:
            shape = str(self.hosts)
        return f"{self.class_name} {shape}" + (f" x{self.slices}" if self.slices > 1 else "")
