"""Every parameter: the file, the command line, CONFIG and the docs read these declarations.

Names, ranges and defaults are Redis's 7.2 (with newer ones and a few of Valkey's marked so). One is
read by what acts on it, or declared `refused` (it would protect, and cannot yet: only its default
is taken) or `without_effect` (clients and files expect it, and nothing acts on it: whoever sets it
is warned). A test looks for the readers.
"""

from __future__ import annotations

from carnelian.services.config.declared.data import DataTypes, MemoryUse, Monitoring, Persistence
from carnelian.services.config.declared.network import Network, Process, Security, Tls
from carnelian.services.config.declared.replication import Cluster, Replication
from carnelian.services.config.parameter import Parameter

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

GROUPS: tuple[type, ...] = (
    Network,
    Tls,
    Process,
    Security,
    Persistence,
    Replication,
    MemoryUse,
    DataTypes,
    Monitoring,
    Cluster,
)


class Parameters(
    Network,
    Tls,
    Process,
    Security,
    Persistence,
    Replication,
    MemoryUse,
    DataTypes,
    Monitoring,
    Cluster,
):
    """All of them, as the attributes they are."""


PARAMETERS: list[Parameter[Any]] = [
    found for group in GROUPS for found in vars(group).values() if isinstance(found, Parameter)
]
BY_NAME: dict[str, Parameter[Any]] = {
    name: parameter for parameter in PARAMETERS for name in (parameter.name, *parameter.aliases)
}
