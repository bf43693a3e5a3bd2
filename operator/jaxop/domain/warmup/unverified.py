"""What a Warmup with aheadOfTime proves, and what it does not, in words for its status."""

from jaxop.api.v1alpha1 import Warmup


def what_it_proves(programs: int, who: str) -> str:
    """`who` found the entries again: `a second run found them`."""
    count = "1 program is" if programs == 1 else f"{programs} programs are"
    return (
        f"{count} compiled for devices that were not there; verified: {who} under the same keys; "
        "not verified: that their runtime asks for these keys, loads the entries and runs them"
    )


def compiled_for_its_cpu(warmup: Warmup) -> str:
    """What is found of a program that has compiled nothing for devices that are not there."""
    wanted = warmup.spec.accelerator
    return (
        f"the program compiled for the cpu that it ran on, and nothing for {wanted.class_} "
        f"{wanted.topology}: with aheadOfTime its mesh has to be of jaxrun.devices()"
    )
