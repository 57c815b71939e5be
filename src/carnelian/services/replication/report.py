"""What INFO and ROLE say of replication."""

from __future__ import annotations

from carnelian.services.replication.replica_link import ONLINE

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any


def section(state: Any) -> dict[str, object]:
    """INFO replication."""
    config = state.config
    kept, first, _ = state.backlog_figures()
    fields: dict[str, object] = {"role": state.role}
    if state.replica is not None and state.role == "slave":
        fields |= state.replica.info()
    fields["connected_slaves"] = len(state.replica_links)
    if state.primary is not None and config.min_replicas_to_write and config.min_replicas_max_lag:
        fields["min_slaves_good_slaves"] = state.primary.good
    fields |= {f"slave{i}": link.info_line() for i, link in enumerate(state.replica_links)}
    failover = state.failover
    return fields | {
        "master_failover_state": "no-failover" if failover is None else failover.stage,
        "master_replid": state.replid,
        "master_replid2": state.replid2,
        "master_repl_offset": state.offset,
        "second_repl_offset": state.second_offset,
        "repl_backlog_active": int(state.has_backlog),
        "repl_backlog_size": config.repl_backlog_size,
        "repl_backlog_first_byte_offset": first,
        "repl_backlog_histlen": kept,
    }


def counts(state: Any) -> dict[str, object]:
    """The fields of INFO stats that are about replication."""
    primary = state.primary
    if primary is None:
        return dict.fromkeys(("sync_full", "sync_partial_ok", "sync_partial_err"), 0)
    return {
        "sync_full": primary.full_syncs,
        "sync_partial_ok": primary.partial_syncs,
        "sync_partial_err": primary.partial_refusals,
    }


def role(state: Any) -> list[object]:
    """ROLE."""
    if state.role == "slave" and state.replica is not None:
        answer: list[object] = state.replica.role_reply()
        return answer
    online = [link for link in state.replica_links if link.stage == ONLINE]
    return [
        "master",
        state.offset,
        [[link.host(), str(link.listening_port), str(link.ack_offset)] for link in online],
    ]
