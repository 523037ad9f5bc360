"""Contains all the data models used in inputs/outputs"""

from .context import Context
from .core_stats import CoreStats
from .image import Image
from .instance_stats import InstanceStats
from .max_cores import MaxCores
from .max_ram import MaxRam
from .new_desktop_app import NewDesktopApp
from .new_session import NewSession
from .public_session import PublicSession
from .ram_stats import RamStats
from .resource_limits import ResourceLimits
from .session import Session
from .session_action import SessionAction
from .session_kind import SessionKind
from .session_status import SessionStatus
from .stats import Stats

__all__ = (
    "Context",
    "CoreStats",
    "Image",
    "InstanceStats",
    "MaxCores",
    "MaxRam",
    "NewDesktopApp",
    "NewSession",
    "PublicSession",
    "RamStats",
    "ResourceLimits",
    "Session",
    "SessionAction",
    "SessionKind",
    "SessionStatus",
    "Stats",
)
