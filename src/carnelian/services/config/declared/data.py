"""Files, memory, encodings of data types, and what is measured. See `parameters`."""

from __future__ import annotations

from carnelian.services.config import check
from carnelian.services.config.parameter import Bool, Enum, Integer, Memory, MemoryOrPercent, Text
from carnelian.services.config.special import NotifyKeyspaceEvents, Percentiles, Save

_INT = 2**31 - 1
_LONG = 2**63 - 1
_ULONG = 2**64 - 1
_MB = 1024**2
_NO_EVICTION = "nothing is evicted yet"
_NO_DEFRAG = "values never move here, and freed memory is reused by size class"


class Persistence:
    save = Save(((3600, 1), (300, 100), (60, 10000)), "Save after so many seconds and changes.")
    dbfilename = Text("dump.rdb", "Snapshot file.", protected=True, check=check.dbfilename)
    rdbcompression = Bool(True, "Compress strings in snapshots.")
    rdbchecksum = Bool(True, "Checksum snapshots.", immutable=True)
    rdb_save_incremental_fsync = Bool(True, "Flush snapshots to disk in steps.")
    rdb_del_sync_files = Bool(False, "Delete snapshots that served replication only.")
    rdb_version_check = Enum(
        "strict",
        "strict relaxed",
        "Refuse snapshots of newer versions, or try (Valkey 8.1).",
        without_effect="snapshots of newer versions are refused",
    )
    rdb_key_save_delay = Integer(
        0, -_INT - 1, _INT, "For tests: slow saving down.", unit="us", hidden=True
    )
    key_load_delay = Integer(
        0, -_INT - 1, _INT, "For tests: slow loading down.", unit="us", hidden=True
    )
    loading_process_events_interval_bytes = Integer(
        2 * _MB,
        1024,
        _INT,
        "Serve clients this often while loading.",
        hidden=True,
    )
    stop_writes_on_bgsave_error = Bool(True, "Refuse writes while saving fails.")
    appendonly = Bool(False, "Log every write.")
    appendfilename = Text(
        "appendonly.aof", "Base name of the logs.", immutable=True, check=check.appendfilename
    )
    appenddirname = Text(
        "appendonlydir", "Directory of the logs.", immutable=True, check=check.appenddirname
    )
    appendfsync = Enum("everysec", "everysec always no", "When to flush the log to disk.")
    no_appendfsync_on_rewrite = Bool(False, "Do not flush while a child writes.")
    auto_aof_rewrite_percentage = Integer(100, 0, _INT, "Rewrite when grown by so much.", unit="%")
    auto_aof_rewrite_min_size = Memory(64 * _MB, 0, _LONG, "But not below this size.")
    aof_load_truncated = Bool(True, "Load a log cut off at its end.")
    aof_use_rdb_preamble = Bool(True, "Rewritten logs begin with a snapshot.")
    aof_timestamp_enabled = Bool(False, "Annotate the log with times.")
    aof_rewrite_incremental_fsync = Bool(True, "Flush rewritten logs in steps.")
    aof_disable_auto_gc = Bool(False, "Keep superseded log files.", hidden=True)


class MemoryUse:
    maxmemory = Memory(
        0,
        0,
        _ULONG,
        "Memory limit; 0: none.",
        refused="nothing is evicted or refused yet at a limit",
    )
    maxmemory_policy = Enum(
        "noeviction",
        "volatile-lru volatile-lfu volatile-random volatile-ttl"
        " allkeys-lru allkeys-lfu allkeys-random noeviction",
        "What to evict at the limit.",
    )
    maxmemory_samples = Integer(
        5, 1, 64, "Keys compared per eviction.", without_effect=_NO_EVICTION
    )
    maxmemory_eviction_tenacity = Integer(
        10, 0, 100, "How hard eviction tries.", without_effect=_NO_EVICTION
    )
    maxmemory_clients = MemoryOrPercent(
        0,
        -100,
        _LONG,
        "Limit of all clients' buffers; negative here: percent of maxmemory.",
        without_effect="clients are not evicted yet",
    )
    lfu_log_factor = Integer(10, 0, _INT, "Accesses it takes to look busy.")
    lfu_decay_time = Integer(1, 0, _INT, "Minutes to look less busy.", unit="min")
    active_expire_effort = Integer(
        1,
        1,
        10,
        "How hard to look for expired keys.",
        without_effect="the wheel knows what is due: there is nothing to look for",
    )
    lazyfree_lazy_eviction = Bool(
        False, "Free evicted values in the background.", without_effect=_NO_EVICTION
    )
    lazyfree_lazy_expire = Bool(False, "Free expired values in the background.")
    lazyfree_lazy_server_del = Bool(False, "Free overwritten values in the background.")
    lazyfree_lazy_user_del = Bool(
        False,
        "DEL works as UNLINK.",
        without_effect="DEL frees big values in the background anyway",
    )
    lazyfree_lazy_user_flush = Bool(False, "FLUSHALL and FLUSHDB are ASYNC.")
    activerehashing = Bool(
        True, "Rehash in idle time.", without_effect="tables grow in place, without rehashing"
    )
    jemalloc_bg_thread = Bool(
        True, "Allocator's own thread.", without_effect="the allocator is our own"
    )
    activedefrag = Bool(
        False,
        "Move values to defragment memory.",
        check=check.activedefrag,
        refused=_NO_DEFRAG,
    )
    active_defrag_ignore_bytes = Memory(
        100 * _MB, 1, _LONG, "Waste to tolerate.", without_effect=_NO_DEFRAG
    )
    active_defrag_threshold_lower = Integer(
        10, 0, 1000, "Waste to start at.", unit="%", without_effect=_NO_DEFRAG
    )
    active_defrag_threshold_upper = Integer(
        100, 0, 1000, "Waste for full effort.", unit="%", without_effect=_NO_DEFRAG
    )
    active_defrag_cycle_min = Integer(
        1, 1, 99, "Least CPU to use.", unit="%", without_effect=_NO_DEFRAG
    )
    active_defrag_cycle_max = Integer(
        25, 1, 99, "Most CPU to use.", unit="%", without_effect=_NO_DEFRAG
    )
    active_defrag_max_scan_fields = Integer(
        1000, 1, _LONG, "Larger values are put off.", without_effect=_NO_DEFRAG
    )


class DataTypes:
    hash_max_listpack_entries = Integer(
        512, 0, _LONG, "Larger hashes are tables.", aliases=("hash-max-ziplist-entries",)
    )
    hash_max_listpack_value = Memory(
        64, 0, _LONG, "Hashes with longer values are tables.", aliases=("hash-max-ziplist-value",)
    )
    list_max_listpack_size = Integer(
        -2,
        -_INT - 1,
        _INT,
        "Size of a list's nodes: elements, or -1 to -5 for 4 to 64 KiB.",
        aliases=("list-max-ziplist-size",),
    )
    list_compress_depth = Integer(
        0,
        0,
        _INT,
        "Nodes not compressed at both ends; 0: all.",
        without_effect="nodes are not compressed",
    )
    set_max_intset_entries = Integer(512, 0, _LONG, "Larger sets of integers are tables.")
    set_max_listpack_entries = Integer(128, 0, _LONG, "Larger sets are tables.")
    set_max_listpack_value = Integer(64, 0, _LONG, "Sets with longer members are tables.")
    zset_max_listpack_entries = Integer(
        128, 0, _LONG, "Larger sorted sets are skip lists.", aliases=("zset-max-ziplist-entries",)
    )
    zset_max_listpack_value = Memory(
        64, 0, _LONG, "And those with longer members.", aliases=("zset-max-ziplist-value",)
    )
    stream_node_max_bytes = Memory(4096, 0, _LONG, "Largest node of a stream.")
    stream_node_max_entries = Integer(100, 0, _LONG, "Most entries in a stream's node.")
    stream_idmp_duration = Integer(
        100, 1, 86400, "For XADD IDMP: how long IDs are known.", unit="s"
    )
    stream_idmp_maxsize = Integer(100, 1, 10000, "For XADD IDMP: most IDs known of a producer.")
    hll_sparse_max_bytes = Memory(3000, 0, _LONG, "Larger HyperLogLogs are dense.")
    notify_keyspace_events = NotifyKeyspaceEvents("", "Events to publish; empty: none.")


class Monitoring:
    slowlog_log_slower_than = Integer(
        10000,
        -1,
        _LONG,
        "Slow commands; negative: none.",
        unit="us",
        aliases=("commandlog-execution-slower-than",),
    )
    slowlog_max_len = Integer(
        128, 0, _LONG, "Slow commands kept.", aliases=("commandlog-slow-execution-max-len",)
    )
    commandlog_request_larger_than = Integer(
        _MB, -1, _LONG, "Large requests (COMMANDLOG); negative: none.", unit="bytes"
    )
    commandlog_large_request_max_len = Integer(128, 0, _LONG, "Large requests kept.")
    commandlog_reply_larger_than = Integer(
        _MB, -1, _LONG, "Large replies (COMMANDLOG); negative: none.", unit="bytes"
    )
    commandlog_large_reply_max_len = Integer(128, 0, _LONG, "Large replies kept.")
    latency_monitor_threshold = Integer(0, 0, _LONG, "Events for LATENCY; 0: none.", unit="ms")
    latency_tracking = Bool(True, "Time every command.")
    latency_tracking_info_percentiles = Percentiles(
        (50.0, 99.0, 99.9), "Percentiles in INFO latencystats."
    )
    busy_reply_threshold = Integer(
        5000,
        0,
        _LONG,
        "Answer BUSY during longer scripts.",
        unit="ms",
        aliases=("lua-time-limit",),
        without_effect="there are no scripts yet",
    )
