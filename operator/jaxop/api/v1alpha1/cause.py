"""Why an attempt of a job ended, in the words of the in-pod contract."""

from typing import Literal

Cause = Literal[
    "ProgramError",
    "DeviceOutOfMemory",
    "HostOutOfMemory",
    "PeerLost",
    "NodeLost",
    "Preempted",
    "DeviceMismatch",
    "NumericalError",
    "CompileFailed",
    "ImagePull",
    "Unschedulable",
    "Deadline",
]
