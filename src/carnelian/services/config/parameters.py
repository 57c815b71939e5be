"""Every parameter, declared once: the file, the command line, CONFIG and the docs read this table.

Names, ranges and defaults are Redis's 7.2 (with newer ones and a few of Valkey's marked so).
`effect=False`: accepted and shown because clients and files expect it, but nothing acts on it.
"""

from __future__ import annotations

from carnelian.services.config import check
from carnelian.services.config.parameter import (
    Bool,
    Enum,
    Flags,
    Integer,
    Memory,
    MemoryOrPercent,
    Octal,
    Parameter,
    Text,
)
from carnelian.services.config.special import (
    Bind,
    ClientOutputBufferLimit,
    Directory,
    NotifyKeyspaceEvents,
    OomScoreAdjValues,
    Percentiles,
    ReplicaOf,
    Save,
)

_INT = 2**31 - 1
_UINT = 2**32 - 1
_LONG = 2**63 - 1
_ULONG = 2**64 - 1
_MB = 1024**2
_PROTECTED_ACTION = "no yes local"
_SHUTDOWN = "default save nosave now force"

_NETWORK: list[Parameter] = [
    Bind(
        "bind", ("*", "-::*"), "Addresses to listen on; - in front: may be missing.", volatile=True
    ),
    Text("bind-source-addr", "", "Address to connect to a master from.", nullable=True),
    Integer("port", 6379, 0, 65535, "TCP port; 0 listens on none."),
    Text(
        "announce-port-file",
        "",
        "When port is 0, listen on any free port and write its number to this file.",
        nullable=True,
        immutable=True,
        hidden=True,  # scripts set again what CONFIG GET * shows, but for what they know of Redis
    ),
    Text("unixsocket", "", "Path of a Unix socket to listen on.", nullable=True, immutable=True),
    Octal("unixsocketperm", 0, 0, 0o777, "Mode of the Unix socket.", immutable=True),
    Text("unixsocketgroup", "", "Group of the Unix socket.", nullable=True, immutable=True),
    Integer("tcp-backlog", 511, 0, _INT, "Length of the listen queue.", immutable=True),
    Integer("tcp-keepalive", 300, 0, _INT, "Keepalive of client sockets; 0: off.", unit="s"),
    Integer("timeout", 0, 0, _INT, "Close clients idle for so long; 0: never.", unit="s"),
    Integer("maxclients", 10000, 1, _UINT, "How many clients may be connected."),
    Integer(
        "max-new-connections-per-cycle", 10, 1, 1000, "Connections accepted per loop turn (8.0)."
    ),
    Integer(
        "max-new-tls-connections-per-cycle", 1, 1, 1000, "The same for TLS (8.0).", effect=False
    ),
    Integer("socket-mark-id", 0, 0, _UINT, "SO_MARK of listening sockets.", immutable=True),
    Bool("protected-mode", True, "Without a password serve local clients only."),
    Enum(
        "io-backend",
        "auto",
        "auto epoll poll",
        "System call the event loop waits with; auto: the best there is.",
        immutable=True,
        hidden=True,
    ),
    Integer("io-threads", 1, 1, 128, "Threads for reads and writes.", immutable=True, effect=False),
    Bool(
        "io-threads-do-reads",
        False,
        "Reads on I/O threads too.",
        immutable=True,
        hidden=True,
        effect=False,
    ),
    Memory("proto-max-bulk-len", 512 * _MB, _MB, _LONG, "Longest argument of a command."),
    Memory("client-query-buffer-limit", 1024 * _MB, _MB, _LONG, "Longest unparsed input."),
    ClientOutputBufferLimit(
        "client-output-buffer-limit",
        ((0, 0, 0), (256 * _MB, 64 * _MB, 60), (32 * _MB, 8 * _MB, 60)),
        "Per class: bytes that close a client at once, and bytes that do after so many seconds.",
    ),
    Integer("tracking-table-max-keys", 1000000, 0, _LONG, "Keys tracked for client side caches."),
    Enum(
        "propagation-error-behavior",
        "ignore",
        "ignore panic panic-on-replicas",
        "What to do when a propagated command fails.",
    ),
]

_TLS: list[Parameter] = [
    Integer("tls-port", 0, 0, 65535, "TCP port for TLS; 0: none."),
    Text("tls-cert-file", "", "Certificate.", nullable=True, volatile=True),
    Text("tls-key-file", "", "Its private key.", nullable=True, volatile=True),
    Text("tls-key-file-pass", "", "The key's passphrase.", nullable=True, sensitive=True),
    Text("tls-client-cert-file", "", "Certificate as a client.", nullable=True, volatile=True),
    Text("tls-client-key-file", "", "Its private key.", nullable=True, volatile=True),
    Text("tls-client-key-file-pass", "", "Its passphrase.", nullable=True, sensitive=True),
    Text("tls-dh-params-file", "", "Diffie-Hellman parameters.", nullable=True, volatile=True),
    Text("tls-ca-cert-file", "", "Trusted authorities, a file.", nullable=True, volatile=True),
    Text("tls-ca-cert-dir", "", "Trusted authorities, a directory.", nullable=True, volatile=True),
    Text("tls-protocols", "", "TLS versions to accept.", nullable=True),
    Text("tls-ciphers", "", "Ciphers up to TLS 1.2.", nullable=True),
    Text("tls-ciphersuites", "", "Ciphers of TLS 1.3.", nullable=True),
    Bool("tls-prefer-server-ciphers", False, "The server's cipher order wins."),
    Bool("tls-session-caching", True, "Resume TLS sessions."),
    Integer("tls-session-cache-size", 20480, 0, _INT, "Sessions kept."),
    Integer("tls-session-cache-timeout", 300, 0, _INT, "For how long.", unit="s"),
    Enum("tls-auth-clients", "yes", "no yes optional", "Ask clients for a certificate."),
    Bool("tls-replication", False, "TLS to the master."),
    Bool("tls-cluster", False, "TLS on the cluster bus."),
]

_PROCESS: list[Parameter] = [
    Bool("daemonize", False, "Run in the background.", immutable=True),
    Enum(
        "supervised",
        "no",
        "upstart systemd auto no",
        "Tell a supervisor of our state.",
        immutable=True,
    ),
    Text("pidfile", "", "File for the process id.", nullable=True, immutable=True),
    Enum("loglevel", "notice", "debug verbose notice warning nothing", "Least level to log."),
    Text("logfile", "", "File to log to; empty: standard output.", immutable=True),
    Bool("syslog-enabled", False, "Log to syslog too.", immutable=True),
    Text("syslog-ident", "carnelian", "Name in syslog.", immutable=True),
    Enum(
        "syslog-facility",
        "local0",
        "user local0 local1 local2 local3 local4 local5 local6 local7",
        "Facility in syslog.",
        immutable=True,
    ),
    Bool("crash-log-enabled", True, "Log a traceback when the process crashes."),
    Bool("crash-memcheck-enabled", True, "Test memory after a crash.", effect=False),
    Bool("use-exit-on-panic", False, "Exit rather than abort.", hidden=True, effect=False),
    Bool("always-show-logo", False, "Show the banner in log files too.", immutable=True),
    Bool("hide-user-data-from-log", False, "Keep keys and values out of logs (8.0)."),
    Bool("set-proc-title", True, "Set the process title.", immutable=True, effect=False),
    Text(
        "proc-title-template",
        "{title} {listen-addr} {server-mode}",
        "What the process title says.",
        check=check.proc_title_template,
        effect=False,
    ),
    Directory(
        "dir", "", "Working directory, of data files too.", protected=True, deny_loading=True
    ),
    Integer("databases", 16, 1, _INT, "Number of databases.", immutable=True),
    Integer("hz", 10, 0, _INT, "Background rounds per second.", floor=1, ceiling=500),
    Bool("dynamic-hz", True, "More rounds with more clients."),
    Integer("shutdown-timeout", 10, 0, _INT, "Wait so long for replicas at exit.", unit="s"),
    Flags("shutdown-on-sigint", "default", _SHUTDOWN, "What SIGINT does.", check=check.shutdown),
    Flags("shutdown-on-sigterm", "default", _SHUTDOWN, "What SIGTERM does.", check=check.shutdown),
    Enum(
        "oom-score-adj",
        "no",
        "no yes relative absolute",
        "Set the kernel's out of memory score.",
        same={"relative": "yes"},
    ),
    OomScoreAdjValues(
        "oom-score-adj-values", (0, 200, 800), "Its values: master, replica, background child."
    ),
    Bool("disable-thp", True, "Switch transparent huge pages off.", immutable=True),
    Text(
        "server-cpulist",
        "",
        "CPUs of the main thread.",
        nullable=True,
        immutable=True,
        aliases=("server_cpulist",),
    ),
    Text(
        "bio-cpulist",
        "",
        "CPUs of background threads.",
        nullable=True,
        immutable=True,
        aliases=("bio_cpulist",),
    ),
    Text(
        "aof-rewrite-cpulist",
        "",
        "CPUs of an AOF rewrite.",
        nullable=True,
        immutable=True,
        aliases=("aof_rewrite_cpulist",),
    ),
    Text(
        "bgsave-cpulist",
        "",
        "CPUs of a background save.",
        nullable=True,
        immutable=True,
        aliases=("bgsave_cpulist",),
    ),
    Text("ignore-warnings", "", "Names of start-up warnings to ignore."),
    Text("locale-collate", "", "Locale of SORT ALPHA.", effect=False),
    Text("availability-zone", "", "Where this server is, for INFO (Valkey 8.1)."),
    Integer(
        "watchdog-period", 0, 0, _INT, "Log slow loop turns.", unit="ms", hidden=True, effect=False
    ),
]

_SECURITY: list[Parameter] = [
    Text("requirepass", "", "Password of the default user.", nullable=True, sensitive=True),
    Text("aclfile", "", "File with the users.", immutable=True),
    Integer("acllog-max-len", 128, 0, _LONG, "Entries in ACL LOG."),
    Enum(
        "acl-pubsub-default",
        "resetchannels",
        "allchannels resetchannels",
        "Channels of a new user.",
    ),
    Enum(
        "enable-protected-configs",
        "no",
        _PROTECTED_ACTION,
        "Who may set dir and dbfilename.",
        immutable=True,
    ),
    Enum("enable-debug-command", "no", _PROTECTED_ACTION, "Who may use DEBUG.", immutable=True),
    Enum("enable-module-command", "no", _PROTECTED_ACTION, "Who may use MODULE.", immutable=True),
    Enum("sanitize-dump-payload", "no", "no yes clients", "Check the inside of RESTORE payloads."),
]

_PERSISTENCE: list[Parameter] = [
    Save("save", ((3600, 1), (300, 100), (60, 10000)), "Save after so many seconds and changes."),
    Text("dbfilename", "dump.rdb", "Snapshot file.", protected=True, check=check.dbfilename),
    Bool("rdbcompression", True, "Compress strings in snapshots."),
    Bool("rdbchecksum", True, "Checksum snapshots.", immutable=True),
    Bool("rdb-save-incremental-fsync", True, "Flush snapshots to disk in steps."),
    Bool("rdb-del-sync-files", False, "Delete snapshots that served replication only."),
    Enum(
        "rdb-version-check",
        "strict",
        "strict relaxed",
        "Refuse snapshots of newer versions, or try (Valkey 8.1).",
    ),
    Integer(
        "rdb-key-save-delay",
        0,
        -_INT - 1,
        _INT,
        "For tests: slow saving down.",
        unit="us",
        hidden=True,
    ),
    Integer(
        "key-load-delay",
        0,
        -_INT - 1,
        _INT,
        "For tests: slow loading down.",
        unit="us",
        hidden=True,
    ),
    Integer(
        "loading-process-events-interval-bytes",
        2 * _MB,
        1024,
        _INT,
        "Serve clients this often while loading.",
        hidden=True,
    ),
    Bool("stop-writes-on-bgsave-error", True, "Refuse writes while saving fails."),
    Bool("appendonly", False, "Log every write."),
    Text(
        "appendfilename",
        "appendonly.aof",
        "Base name of the logs.",
        immutable=True,
        check=check.appendfilename,
    ),
    Text(
        "appenddirname",
        "appendonlydir",
        "Directory of the logs.",
        immutable=True,
        check=check.appenddirname,
    ),
    Enum("appendfsync", "everysec", "everysec always no", "When to flush the log to disk."),
    Bool("no-appendfsync-on-rewrite", False, "Do not flush while a child writes."),
    Integer(
        "auto-aof-rewrite-percentage", 100, 0, _INT, "Rewrite when grown by so much.", unit="%"
    ),
    Memory("auto-aof-rewrite-min-size", 64 * _MB, 0, _LONG, "But not below this size."),
    Bool("aof-load-truncated", True, "Load a log cut off at its end."),
    Bool("aof-use-rdb-preamble", True, "Rewritten logs begin with a snapshot."),
    Bool("aof-timestamp-enabled", False, "Annotate the log with times."),
    Bool("aof-rewrite-incremental-fsync", True, "Flush rewritten logs in steps."),
    Bool("aof-disable-auto-gc", False, "Keep superseded log files.", hidden=True),
]

_REPLICATION: list[Parameter] = [
    ReplicaOf("replicaof", (), "Master to follow.", immutable=True, aliases=("slaveof",)),
    Text(
        "masterauth",
        "",
        "Password for the master.",
        nullable=True,
        sensitive=True,
        aliases=("primaryauth",),
    ),
    Text(
        "masteruser",
        "",
        "User for the master.",
        nullable=True,
        sensitive=True,
        aliases=("primaryuser",),
    ),
    Bool(
        "replica-serve-stale-data",
        True,
        "Answer without a link to the master.",
        aliases=("slave-serve-stale-data",),
    ),
    Bool("replica-read-only", True, "Replicas refuse writes.", aliases=("slave-read-only",)),
    Bool(
        "replica-lazy-flush",
        False,
        "Free the old data in the background.",
        aliases=("slave-lazy-flush",),
    ),
    Bool(
        "replica-ignore-maxmemory",
        True,
        "Replicas leave eviction to the master.",
        aliases=("slave-ignore-maxmemory",),
    ),
    Bool("replica-ignore-disk-write-errors", False, "Replicas go on when saving fails."),
    Bool("replica-announced", True, "Be visible to Sentinel."),
    Text(
        "replica-announce-ip",
        "",
        "Address told to the master.",
        nullable=True,
        aliases=("slave-announce-ip",),
    ),
    Integer(
        "replica-announce-port",
        0,
        0,
        65535,
        "Port told to the master.",
        aliases=("slave-announce-port",),
    ),
    Integer(
        "replica-priority",
        100,
        0,
        _INT,
        "Order of promotion by Sentinel.",
        aliases=("slave-priority",),
    ),
    Bool("repl-diskless-sync", True, "Send snapshots without a file."),
    Integer("repl-diskless-sync-delay", 5, 0, _INT, "Wait for more replicas.", unit="s"),
    Integer("repl-diskless-sync-max-replicas", 0, 0, _INT, "Start at once with so many."),
    Enum(
        "repl-diskless-load",
        "disabled",
        "disabled on-empty-db swapdb flush-before-load",
        "Load snapshots without a file.",
        deny_loading=True,
    ),
    Bool("repl-disable-tcp-nodelay", False, "Fewer packets, more delay."),
    Integer("repl-timeout", 60, 1, _INT, "Give a link up after.", unit="s"),
    Integer(
        "repl-ping-replica-period",
        10,
        1,
        _INT,
        "Ping replicas every.",
        unit="s",
        aliases=("repl-ping-slave-period",),
    ),
    Memory(
        "repl-backlog-size",
        _MB,
        1,
        _LONG,
        "Stream kept for partial resynchronisation.",
        floor=16 * 1024,
    ),
    Integer(
        "repl-backlog-ttl", 3600, 0, _LONG, "Free it so long after the last replica.", unit="s"
    ),
    Bool(
        "dual-channel-replication-enabled",
        False,
        "Snapshot and stream at once (Valkey 8.0).",
        effect=False,
    ),
    Integer(
        "min-replicas-to-write",
        0,
        0,
        _INT,
        "Refuse writes with fewer replicas.",
        aliases=("min-slaves-to-write",),
    ),
    Integer(
        "min-replicas-max-lag",
        10,
        0,
        _INT,
        "Replicas counted for that.",
        unit="s",
        aliases=("min-slaves-max-lag",),
    ),
    Bool("import-mode", False, "Let a migration tool decide on expiry (Valkey 8.1)."),
]

_MEMORY: list[Parameter] = [
    Memory("maxmemory", 0, 0, _ULONG, "Memory limit; 0: none."),
    Enum(
        "maxmemory-policy",
        "noeviction",
        "volatile-lru volatile-lfu volatile-random volatile-ttl"
        " allkeys-lru allkeys-lfu allkeys-random noeviction",
        "What to evict at the limit.",
    ),
    Integer("maxmemory-samples", 5, 1, 64, "Keys compared per eviction."),
    Integer("maxmemory-eviction-tenacity", 10, 0, 100, "How hard eviction tries."),
    MemoryOrPercent(
        "maxmemory-clients",
        0,
        -100,
        _LONG,
        "Limit of all clients' buffers; negative here: percent of maxmemory.",
    ),
    Integer("lfu-log-factor", 10, 0, _INT, "Accesses it takes to look busy."),
    Integer("lfu-decay-time", 1, 0, _INT, "Minutes to look less busy.", unit="min"),
    Integer("active-expire-effort", 1, 1, 10, "How hard to look for expired keys."),
    Bool("lazyfree-lazy-eviction", False, "Free evicted values in the background."),
    Bool("lazyfree-lazy-expire", False, "Free expired values in the background."),
    Bool("lazyfree-lazy-server-del", False, "Free overwritten values in the background."),
    Bool("lazyfree-lazy-user-del", False, "DEL works as UNLINK."),
    Bool("lazyfree-lazy-user-flush", False, "FLUSHALL and FLUSHDB are ASYNC."),
    Bool("activerehashing", True, "Rehash in idle time.", effect=False),
    Bool("jemalloc-bg-thread", True, "Allocator's own thread.", effect=False),
    Bool(
        "activedefrag",
        False,
        "Move values to defragment memory.",
        check=check.activedefrag,
        effect=False,
    ),
    Memory("active-defrag-ignore-bytes", 100 * _MB, 1, _LONG, "Waste to tolerate.", effect=False),
    Integer(
        "active-defrag-threshold-lower", 10, 0, 1000, "Waste to start at.", unit="%", effect=False
    ),
    Integer(
        "active-defrag-threshold-upper",
        100,
        0,
        1000,
        "Waste for full effort.",
        unit="%",
        effect=False,
    ),
    Integer("active-defrag-cycle-min", 1, 1, 99, "Least CPU to use.", unit="%", effect=False),
    Integer("active-defrag-cycle-max", 25, 1, 99, "Most CPU to use.", unit="%", effect=False),
    Integer(
        "active-defrag-max-scan-fields", 1000, 1, _LONG, "Larger values are put off.", effect=False
    ),
]

_DATA_TYPES: list[Parameter] = [
    Integer(
        "hash-max-listpack-entries",
        512,
        0,
        _LONG,
        "Larger hashes are tables.",
        aliases=("hash-max-ziplist-entries",),
    ),
    Memory(
        "hash-max-listpack-value",
        64,
        0,
        _LONG,
        "Hashes with longer values are tables.",
        aliases=("hash-max-ziplist-value",),
    ),
    Integer(
        "list-max-listpack-size",
        -2,
        -_INT - 1,
        _INT,
        "Size of a list's nodes: elements, or -1 to -5 for 4 to 64 KiB.",
        aliases=("list-max-ziplist-size",),
    ),
    Integer("list-compress-depth", 0, 0, _INT, "Nodes not compressed at both ends; 0: all."),
    Integer("set-max-intset-entries", 512, 0, _LONG, "Larger sets of integers are tables."),
    Integer("set-max-listpack-entries", 128, 0, _LONG, "Larger sets are tables."),
    Integer("set-max-listpack-value", 64, 0, _LONG, "Sets with longer members are tables."),
    Integer(
        "zset-max-listpack-entries",
        128,
        0,
        _LONG,
        "Larger sorted sets are skip lists.",
        aliases=("zset-max-ziplist-entries",),
    ),
    Memory(
        "zset-max-listpack-value",
        64,
        0,
        _LONG,
        "And those with longer members.",
        aliases=("zset-max-ziplist-value",),
    ),
    Memory("stream-node-max-bytes", 4096, 0, _LONG, "Largest node of a stream."),
    Integer("stream-node-max-entries", 100, 0, _LONG, "Most entries in a stream's node."),
    Integer(
        "stream-idmp-duration", 100, 1, 86400, "For XADD IDMP: how long IDs are known.", unit="s"
    ),
    Integer("stream-idmp-maxsize", 100, 1, 10000, "For XADD IDMP: most IDs known of a producer."),
    Memory("hll-sparse-max-bytes", 3000, 0, _LONG, "Larger HyperLogLogs are dense."),
    NotifyKeyspaceEvents("notify-keyspace-events", "", "Events to publish; empty: none."),
]

_MONITORING: list[Parameter] = [
    Integer(
        "slowlog-log-slower-than",
        10000,
        -1,
        _LONG,
        "Slow commands; negative: none.",
        unit="us",
        aliases=("commandlog-execution-slower-than",),
    ),
    Integer(
        "slowlog-max-len",
        128,
        0,
        _LONG,
        "Slow commands kept.",
        aliases=("commandlog-slow-execution-max-len",),
    ),
    Integer(
        "commandlog-request-larger-than",
        _MB,
        -1,
        _LONG,
        "Large requests (Valkey 8.1).",
        unit="bytes",
    ),
    Integer("commandlog-large-request-max-len", 128, 0, _LONG, "Large requests kept."),
    Integer(
        "commandlog-reply-larger-than", _MB, -1, _LONG, "Large replies (Valkey 8.1).", unit="bytes"
    ),
    Integer("commandlog-large-reply-max-len", 128, 0, _LONG, "Large replies kept."),
    Integer("latency-monitor-threshold", 0, 0, _LONG, "Events for LATENCY; 0: none.", unit="ms"),
    Bool("latency-tracking", True, "Time every command."),
    Percentiles(
        "latency-tracking-info-percentiles", (50.0, 99.0, 99.9), "Percentiles in INFO latencystats."
    ),
    Integer(
        "busy-reply-threshold",
        5000,
        0,
        _LONG,
        "Answer BUSY during longer scripts.",
        unit="ms",
        aliases=("lua-time-limit",),
    ),
]

_CLUSTER: list[Parameter] = [
    Bool("cluster-enabled", False, "Be a cluster node.", immutable=True),
    Text("cluster-config-file", "nodes.conf", "Where the node keeps its state.", immutable=True),
    Integer("cluster-node-timeout", 15000, 0, _LONG, "Nodes silent for so long failed.", unit="ms"),
    Integer(
        "cluster-ping-interval",
        0,
        0,
        _LONG,
        "For tests: ping this often.",
        unit="ms",
        hidden=True,
        effect=False,
    ),
    Integer("cluster-port", 0, 0, 65535, "Port of the bus; 0: port + 10000.", immutable=True),
    Text("cluster-announce-ip", "", "Address told to others.", nullable=True),
    Integer("cluster-announce-port", 0, 0, 65535, "Port told to others."),
    Integer("cluster-announce-tls-port", 0, 0, 65535, "TLS port told to others."),
    Integer("cluster-announce-bus-port", 0, 0, 65535, "Bus port told to others."),
    Text(
        "cluster-announce-hostname",
        "",
        "Host name told to others.",
        nullable=True,
        check=check.hostname,
    ),
    Text(
        "cluster-announce-human-nodename", "", "Name for logs.", nullable=True, check=check.nodename
    ),
    Enum(
        "cluster-preferred-endpoint-type",
        "ip",
        "ip hostname unknown-endpoint",
        "How redirections name a node.",
    ),
    Integer(
        "cluster-replica-validity-factor",
        10,
        0,
        _INT,
        "How stale a promoted one may be.",
        aliases=("cluster-slave-validity-factor",),
    ),
    Bool(
        "cluster-replica-no-failover",
        False,
        "Never be promoted on one's own.",
        aliases=("cluster-slave-no-failover",),
    ),
    Integer("cluster-migration-barrier", 1, 0, _INT, "Replicas a master keeps."),
    Bool("cluster-allow-replica-migration", True, "Replicas may change masters."),
    Bool("cluster-require-full-coverage", True, "Stop when slots are not served."),
    Bool("cluster-allow-reads-when-down", False, "Answer reads when stopped."),
    Bool("cluster-allow-pubsubshard-when-down", True, "Serve sharded channels when stopped."),
    Memory("cluster-link-sendbuf-limit", 0, 0, _ULONG, "Drop a link beyond; 0: never."),
]

PARAMETERS: list[Parameter] = [
    *_NETWORK,
    *_TLS,
    *_PROCESS,
    *_SECURITY,
    *_PERSISTENCE,
    *_REPLICATION,
    *_MEMORY,
    *_DATA_TYPES,
    *_MONITORING,
    *_CLUSTER,
]
