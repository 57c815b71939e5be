"""Replication and the cluster. See `parameters`."""

from __future__ import annotations

from carnelian.services.config import check
from carnelian.services.config.parameter import Bool, Enum, Integer, Memory, Text
from carnelian.services.config.special import ReplicaOf

_INT = 2**31 - 1
_LONG = 2**63 - 1
_ULONG = 2**64 - 1
_MB = 1024**2
_NO_EVICTION = "nothing is evicted yet"
_NO_CLUSTER = "there is no cluster yet"


class Replication:
    replicaof = ReplicaOf((), "Master to follow.", immutable=True, aliases=("slaveof",))
    masterauth = Text(
        "", "Password for the master.", nullable=True, sensitive=True, aliases=("primaryauth",)
    )
    masteruser = Text(
        "", "User for the master.", nullable=True, sensitive=True, aliases=("primaryuser",)
    )
    replica_serve_stale_data = Bool(
        True, "Answer without a link to the master.", aliases=("slave-serve-stale-data",)
    )
    replica_read_only = Bool(True, "Replicas refuse writes.", aliases=("slave-read-only",))
    replica_lazy_flush = Bool(
        False, "Free the old data in the background.", aliases=("slave-lazy-flush",)
    )
    replica_ignore_maxmemory = Bool(
        True,
        "Replicas leave eviction to the master.",
        aliases=("slave-ignore-maxmemory",),
        without_effect=_NO_EVICTION,
    )
    replica_ignore_disk_write_errors = Bool(False, "Replicas go on when saving fails.")
    replica_announced = Bool(True, "Be visible to Sentinel.")
    replica_announce_ip = Text(
        "", "Address told to the master.", nullable=True, aliases=("slave-announce-ip",)
    )
    replica_announce_port = Integer(
        0, 0, 65535, "Port told to the master.", aliases=("slave-announce-port",)
    )
    replica_priority = Integer(
        100, 0, _INT, "Order of promotion by Sentinel.", aliases=("slave-priority",)
    )
    repl_diskless_sync = Bool(True, "Send snapshots without a file.")
    repl_diskless_sync_delay = Integer(5, 0, _INT, "Wait for more replicas.", unit="s")
    repl_diskless_sync_max_replicas = Integer(0, 0, _INT, "Start at once with so many.")
    repl_diskless_load = Enum(
        "disabled",
        "disabled on-empty-db swapdb flush-before-load",
        "Load snapshots without a file.",
        deny_loading=True,
    )
    repl_disable_tcp_nodelay = Bool(False, "Fewer packets, more delay.")
    repl_timeout = Integer(60, 1, _INT, "Give a link up after.", unit="s")
    repl_ping_replica_period = Integer(
        10, 1, _INT, "Ping replicas every.", unit="s", aliases=("repl-ping-slave-period",)
    )
    repl_backlog_size = Memory(
        _MB, 1, _LONG, "Stream kept for partial resynchronisation.", floor=16 * 1024
    )
    repl_backlog_ttl = Integer(3600, 0, _LONG, "Free it so long after the last replica.", unit="s")
    dual_channel_replication_enabled = Bool(
        False,
        "Snapshot and stream at once (Valkey 8.0).",
        without_effect="the snapshot and the stream share a connection",
    )
    min_replicas_to_write = Integer(
        0, 0, _INT, "Refuse writes with fewer replicas.", aliases=("min-slaves-to-write",)
    )
    min_replicas_max_lag = Integer(
        10, 0, _INT, "Replicas counted for that.", unit="s", aliases=("min-slaves-max-lag",)
    )
    import_mode = Bool(
        False,
        "Let a migration tool decide on expiry (Valkey 8.1).",
        without_effect="there is no import mode",
    )


class Cluster:
    cluster_enabled = Bool(
        False, "Be a cluster node.", immutable=True, refused="there is no cluster yet"
    )
    cluster_config_file = Text(
        "nodes.conf", "Where the node keeps its state.", immutable=True, without_effect=_NO_CLUSTER
    )
    cluster_node_timeout = Integer(
        15000, 0, _LONG, "Nodes silent for so long failed.", unit="ms", without_effect=_NO_CLUSTER
    )
    cluster_ping_interval = Integer(
        0,
        0,
        _LONG,
        "For tests: ping this often.",
        unit="ms",
        hidden=True,
        without_effect=_NO_CLUSTER,
    )
    cluster_port = Integer(
        0, 0, 65535, "Port of the bus; 0: port + 10000.", immutable=True, without_effect=_NO_CLUSTER
    )
    cluster_announce_ip = Text(
        "", "Address told to others.", nullable=True, without_effect=_NO_CLUSTER
    )
    cluster_announce_port = Integer(0, 0, 65535, "Port told to others.", without_effect=_NO_CLUSTER)
    cluster_announce_tls_port = Integer(
        0, 0, 65535, "TLS port told to others.", without_effect=_NO_CLUSTER
    )
    cluster_announce_bus_port = Integer(
        0, 0, 65535, "Bus port told to others.", without_effect=_NO_CLUSTER
    )
    cluster_announce_hostname = Text(
        "",
        "Host name told to others.",
        nullable=True,
        check=check.hostname,
        without_effect=_NO_CLUSTER,
    )
    cluster_announce_human_nodename = Text(
        "", "Name for logs.", nullable=True, check=check.nodename, without_effect=_NO_CLUSTER
    )
    cluster_preferred_endpoint_type = Enum(
        "ip",
        "ip hostname unknown-endpoint",
        "How redirections name a node.",
        without_effect=_NO_CLUSTER,
    )
    cluster_replica_validity_factor = Integer(
        10,
        0,
        _INT,
        "How stale a promoted one may be.",
        aliases=("cluster-slave-validity-factor",),
        without_effect=_NO_CLUSTER,
    )
    cluster_replica_no_failover = Bool(
        False,
        "Never be promoted on one's own.",
        aliases=("cluster-slave-no-failover",),
        without_effect=_NO_CLUSTER,
    )
    cluster_migration_barrier = Integer(
        1, 0, _INT, "Replicas a master keeps.", without_effect=_NO_CLUSTER
    )
    cluster_allow_replica_migration = Bool(
        True, "Replicas may change masters.", without_effect=_NO_CLUSTER
    )
    cluster_require_full_coverage = Bool(
        True, "Stop when slots are not served.", without_effect=_NO_CLUSTER
    )
    cluster_allow_reads_when_down = Bool(
        False, "Answer reads when stopped.", without_effect=_NO_CLUSTER
    )
    cluster_allow_pubsubshard_when_down = Bool(
        True, "Serve sharded channels when stopped.", without_effect=_NO_CLUSTER
    )
    cluster_link_sendbuf_limit = Memory(
        0, 0, _ULONG, "Drop a link beyond; 0: never.", without_effect=_NO_CLUSTER
    )
