"""FAILOVER: hand over to a replica without losing a write.

    no-failover -> waiting-for-sync -> failover-in-progress -> no-failover
                   writes are held,    we follow the replica,
                   until a replica     with PSYNC ... FAILOVER:
                   has acknowledged    it becomes the primary
                   everything

The link to the new primary tells how the last step ended: `taken` or `refused`. One per server.
"""

from __future__ import annotations

from carnelian.engine.errors import error
from carnelian.services import log
from carnelian.services.replication.replica_link import ONLINE

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

IDLE = "no-failover"
WAITING = "waiting-for-sync"
HANDING_OVER = "failover-in-progress"

NONE_UNDER_WAY = error("No failover in progress.")
UNDER_WAY = error("FAILOVER already in progress.")
ON_REPLICA = error("FAILOVER is not valid when server is a replica.")
NO_REPLICAS = error("FAILOVER requires connected replicas.")
FORCE_NEEDS = error("FAILOVER with force option requires both a timeout and target HOST and IP.")
NOT_A_REPLICA = error("FAILOVER target HOST and PORT is not a replica.")
NOT_ONLINE = error("FAILOVER target replica is not online.")


class Failover:
    def __init__(self, state: Any, engine: Any) -> None:
        self.state = state
        self.engine = engine
        self.clear()

    def clear(self) -> None:
        self.stage = IDLE
        self.target: tuple[str, int] | None = None
        self.deadline_s = 0.0  # monotonic; 0: none
        self.force = False
        self.has_asked = False

    @property
    def is_active(self) -> bool:
        return self.stage != IDLE

    @property
    def is_handing_over(self) -> bool:
        """Whether the link to a primary must ask it to take over."""
        return self.stage == HANDING_OVER

    def find(self, host: str, port: int) -> Any:
        for link in self.state.replica_links:
            if link.listening_port == port and link.host().lower() == host.lower():
                return link
        return None

    def start(self, target: tuple[str, int] | None, force: bool, timeout_ms: int) -> None:
        """CommandError says why it cannot be."""
        if self.is_active:
            raise UNDER_WAY
        if self.state.role == "slave":
            raise ON_REPLICA
        if not self.state.replica_links:
            raise NO_REPLICAS
        if force and (not timeout_ms or target is None):
            raise FORCE_NEEDS
        if target is not None:
            link = self.find(*target)
            if link is None:
                raise NOT_A_REPLICA
            if link.stage != ONLINE:
                raise NOT_ONLINE
        log.notice(f"FAILOVER requested to {target or 'any replica'}.")
        self.target = target
        self.force = force
        self.deadline_s = self.engine.clock.steady_s() + timeout_ms / 1000 if timeout_ms else 0.0
        self.stage = WAITING
        self.engine.pause.hold_writes("failover", True)
        self.state.primary.want_acks()

    def abort(self) -> None:
        if not self.is_active:
            raise NONE_UNDER_WAY
        self.give_up("Failover manually aborted")

    def give_up(self, why: str) -> None:
        log.notice(f"Aborting failover: {why}")
        handing_over = self.is_handing_over
        self.clear()
        if handing_over:
            self.state.replica.promote()
        self.state.primary.want_acks()  # for those in WAIT
        self.engine.pause.hold_writes("failover", False)

    def step(self) -> None:
        """From the timer and with each acknowledgement: is a replica ready?"""
        if self.stage != WAITING:
            return
        if self.deadline_s and self.engine.clock.steady_s() >= self.deadline_s:
            if not self.force:
                self.give_up("Replica never caught up before timeout")
                return
            assert self.target is not None
            log.notice(f"FAILOVER to {self.target} time out exceeded, failing over.")
            self.hand_over(*self.target)
            return
        link = self.ready()
        if link is not None:
            log.notice(f"Failover target is {link.describe()}, failing over.")
            self.hand_over(link.host(), link.listening_port)

    def may_ask(self) -> bool:
        """Whether replicas may be asked for their offset: once. Each question is a part of the
        stream, which the answer does not count; what comes after it a replica tells by itself,
        every second."""
        first = not self.has_asked
        self.has_asked = self.is_active
        return first

    def ready(self) -> Any:
        """The target, or any replica if none was named, once it has everything."""
        if self.target is not None:
            found = self.find(*self.target)
            links = [found] if found is not None else []
        else:
            links = self.state.replica_links
        for link in links:
            if link.ack_offset == self.state.offset and link.stage == ONLINE:
                return link
        return None

    def hand_over(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.stage = HANDING_OVER
        self.state.replica.follow(host, port)

    # --- the link's report ---

    def taken(self) -> None:
        """The target has become the primary."""
        if self.is_active:
            log.notice("Failover succeeded: we follow the new primary")
            self.clear()
            self.engine.pause.hold_writes("failover", False)

    def refused(self, why: str) -> None:
        if self.is_active:
            self.give_up(why)
