"""The network, TLS, the process, and who may come in. See `parameters`."""

from __future__ import annotations

from carnelian.services.config import check
from carnelian.services.config.parameter import Bool, Enum, Flags, Integer, Memory, Octal, Text
from carnelian.services.config.special import (
    Bind,
    ClientOutputBufferLimit,
    Directory,
    OomScoreAdjValues,
)

_INT = 2**31 - 1
_UINT = 2**32 - 1
_LONG = 2**63 - 1
_MB = 1024**2
_PROTECTED_ACTION = "no yes local"
_SHUTDOWN = "default save nosave now force"
_NO_TLS = "there is no TLS yet: nothing would be encrypted"
_NO_USERS = "there are no users but `default` yet"


class Network:
    bind = Bind(("*", "-::*"), "Addresses to listen on; - in front: may be missing.", volatile=True)
    bind_source_addr = Text("", "Address to connect to a master from.", nullable=True)
    port = Integer(6379, 0, 65535, "TCP port; 0 listens on none.")
    # hidden: scripts set again what CONFIG GET * shows, but for what they know of Redis
    announce_port_file = Text(
        "",
        "When port is 0, listen on any free port and write its number to this file.",
        nullable=True,
        immutable=True,
        hidden=True,
    )
    unixsocket = Text("", "Path of a Unix socket to listen on.", nullable=True, immutable=True)
    unixsocketperm = Octal(0, 0, 0o777, "Mode of the Unix socket.", immutable=True)
    unixsocketgroup = Text("", "Group of the Unix socket.", nullable=True, immutable=True)
    tcp_backlog = Integer(511, 0, _INT, "Length of the listen queue.", immutable=True)
    tcp_keepalive = Integer(300, 0, _INT, "Keepalive of client sockets; 0: off.", unit="s")
    timeout = Integer(0, 0, _INT, "Close clients idle for so long; 0: never.", unit="s")
    maxclients = Integer(10000, 1, _UINT, "How many clients may be connected.")
    max_new_connections_per_cycle = Integer(
        10, 1, 1000, "Connections accepted per loop turn (8.0)."
    )
    max_new_tls_connections_per_cycle = Integer(
        1, 1, 1000, "The same for TLS (8.0).", without_effect="there is no TLS yet"
    )
    socket_mark_id = Integer(
        0,
        0,
        _UINT,
        "SO_MARK of listening sockets.",
        immutable=True,
        without_effect="no socket is marked",
    )
    protected_mode = Bool(True, "Without a password serve local clients only.")
    io_backend = Enum(
        "auto",
        "auto epoll poll",
        "System call the event loop waits with; auto: the best there is.",
        immutable=True,
        hidden=True,
    )
    io_threads = Integer(
        1,
        1,
        128,
        "Threads for reads and writes.",
        immutable=True,
        without_effect="one thread reads and writes",
    )
    io_threads_do_reads = Bool(
        False,
        "Reads on I/O threads too.",
        immutable=True,
        hidden=True,
        without_effect="one thread reads and writes",
    )
    proto_max_bulk_len = Memory(512 * _MB, _MB, _LONG, "Longest argument of a command.")
    client_query_buffer_limit = Memory(1024 * _MB, _MB, _LONG, "Longest unparsed input.")
    client_output_buffer_limit = ClientOutputBufferLimit(
        ((0, 0, 0), (256 * _MB, 64 * _MB, 60), (32 * _MB, 8 * _MB, 60)),
        "Per class: bytes that close a client at once, and bytes that do after so many seconds.",
    )
    tracking_table_max_keys = Integer(
        1000000,
        0,
        _LONG,
        "Keys tracked for client side caches.",
        without_effect="there is no client-side caching yet",
    )
    propagation_error_behavior = Enum(
        "ignore",
        "ignore panic panic-on-replicas",
        "What to do when a propagated command fails.",
        without_effect="an error of a propagated command is logged, and all goes on",
    )


class Tls:
    tls_port = Integer(0, 0, 65535, "TCP port for TLS; 0: none.", refused=_NO_TLS)
    tls_cert_file = Text("", "Certificate.", nullable=True, volatile=True, refused=_NO_TLS)
    tls_key_file = Text("", "Its private key.", nullable=True, volatile=True, refused=_NO_TLS)
    tls_key_file_pass = Text(
        "", "The key's passphrase.", nullable=True, sensitive=True, refused=_NO_TLS
    )
    tls_client_cert_file = Text(
        "", "Certificate as a client.", nullable=True, volatile=True, refused=_NO_TLS
    )
    tls_client_key_file = Text(
        "", "Its private key.", nullable=True, volatile=True, refused=_NO_TLS
    )
    tls_client_key_file_pass = Text(
        "", "Its passphrase.", nullable=True, sensitive=True, refused=_NO_TLS
    )
    tls_dh_params_file = Text(
        "", "Diffie-Hellman parameters.", nullable=True, volatile=True, refused=_NO_TLS
    )
    tls_ca_cert_file = Text(
        "", "Trusted authorities, a file.", nullable=True, volatile=True, refused=_NO_TLS
    )
    tls_ca_cert_dir = Text(
        "", "Trusted authorities, a directory.", nullable=True, volatile=True, refused=_NO_TLS
    )
    tls_protocols = Text("", "TLS versions to accept.", nullable=True, refused=_NO_TLS)
    tls_ciphers = Text("", "Ciphers up to TLS 1.2.", nullable=True, refused=_NO_TLS)
    tls_ciphersuites = Text("", "Ciphers of TLS 1.3.", nullable=True, refused=_NO_TLS)
    tls_prefer_server_ciphers = Bool(False, "The server's cipher order wins.", refused=_NO_TLS)
    tls_session_caching = Bool(True, "Resume TLS sessions.", refused=_NO_TLS)
    tls_session_cache_size = Integer(20480, 0, _INT, "Sessions kept.", refused=_NO_TLS)
    tls_session_cache_timeout = Integer(300, 0, _INT, "For how long.", unit="s", refused=_NO_TLS)
    tls_auth_clients = Enum(
        "yes", "no yes optional", "Ask clients for a certificate.", refused=_NO_TLS
    )
    tls_replication = Bool(False, "TLS to the master.", refused=_NO_TLS)
    tls_cluster = Bool(False, "TLS on the cluster bus.", refused=_NO_TLS)


class Process:
    daemonize = Bool(False, "Run in the background.", immutable=True)
    supervised = Enum(
        "no", "upstart systemd auto no", "Tell a supervisor of our state.", immutable=True
    )
    pidfile = Text("", "File for the process id.", nullable=True, immutable=True)
    loglevel = Enum("notice", "debug verbose notice warning nothing", "Least level to log.")
    logfile = Text("", "File to log to; empty: standard output.", immutable=True)
    syslog_enabled = Bool(False, "Log to syslog too.", immutable=True)
    syslog_ident = Text("carnelian", "Name in syslog.", immutable=True)
    syslog_facility = Enum(
        "local0",
        "user local0 local1 local2 local3 local4 local5 local6 local7",
        "Facility in syslog.",
        immutable=True,
    )
    crash_log_enabled = Bool(True, "Log a traceback when the process crashes.")
    crash_memcheck_enabled = Bool(
        True, "Test memory after a crash.", without_effect="memory is not tested after a crash"
    )
    use_exit_on_panic = Bool(
        False,
        "Exit rather than abort.",
        hidden=True,
        without_effect="a crash is left to the system",
    )
    always_show_logo = Bool(False, "Show the banner in log files too.", immutable=True)
    hide_user_data_from_log = Bool(
        False,
        "Keep keys and values out of logs (8.0).",
        without_effect="what a crash or a bug logs may hold keys and values",
    )
    set_proc_title = Bool(True, "Set the process title.", immutable=True)
    proc_title_template = Text(
        "{title} {listen-addr} {server-mode}",
        "What the process title says.",
        check=check.proc_title_template,
    )
    dir = Directory("", "Working directory, of data files too.", protected=True, deny_loading=True)
    databases = Integer(16, 1, _INT, "Number of databases.", immutable=True)
    hz = Integer(10, 0, _INT, "Background rounds per second.", floor=1, ceiling=500)
    dynamic_hz = Bool(
        True,
        "More rounds with more clients.",
        without_effect="the rounds are as many with few clients as with many",
    )
    shutdown_timeout = Integer(10, 0, _INT, "Wait so long for replicas at exit.", unit="s")
    shutdown_on_sigint = Flags("default", _SHUTDOWN, "What SIGINT does.", check=check.shutdown)
    shutdown_on_sigterm = Flags("default", _SHUTDOWN, "What SIGTERM does.", check=check.shutdown)
    oom_score_adj = Enum(
        "no",
        "no yes relative absolute",
        "Set the kernel's out of memory score.",
        same={"relative": "yes"},
    )
    oom_score_adj_values = OomScoreAdjValues(
        (0, 200, 800), "Its values: master, replica, background child."
    )
    disable_thp = Bool(True, "Switch transparent huge pages off.", immutable=True)
    server_cpulist = Text(
        "", "CPUs of the main thread.", nullable=True, immutable=True, aliases=("server_cpulist",)
    )
    bio_cpulist = Text(
        "",
        "CPUs of background threads.",
        nullable=True,
        immutable=True,
        aliases=("bio_cpulist",),
        without_effect="background threads run where the system lets them",
    )
    aof_rewrite_cpulist = Text(
        "",
        "CPUs of an AOF rewrite.",
        nullable=True,
        immutable=True,
        aliases=("aof_rewrite_cpulist",),
    )
    bgsave_cpulist = Text(
        "", "CPUs of a background save.", nullable=True, immutable=True, aliases=("bgsave_cpulist",)
    )
    ignore_warnings = Text(
        "",
        "Names of start-up warnings to ignore.",
        without_effect="no start-up warning can be switched off",
    )
    locale_collate = Text("", "Locale of SORT ALPHA.", without_effect="SORT ALPHA compares bytes")
    availability_zone = Text(
        "", "Where this server is, for INFO (Valkey 8.1).", without_effect="INFO does not show it"
    )
    watchdog_period = Integer(
        0,
        0,
        _INT,
        "Log slow loop turns.",
        unit="ms",
        hidden=True,
        without_effect="LATENCY tells of slow turns",
    )


class Security:
    requirepass = Text("", "Password of the default user.", nullable=True, sensitive=True)
    aclfile = Text(
        "",
        "File with the users.",
        immutable=True,
        refused="there are no users but `default` yet: the file would protect nothing",
    )
    acllog_max_len = Integer(128, 0, _LONG, "Entries in ACL LOG.", without_effect=_NO_USERS)
    acl_pubsub_default = Enum(
        "resetchannels",
        "allchannels resetchannels",
        "Channels of a new user.",
        without_effect=_NO_USERS,
    )
    enable_protected_configs = Enum(
        "no", _PROTECTED_ACTION, "Who may set dir and dbfilename.", immutable=True
    )
    enable_debug_command = Enum("no", _PROTECTED_ACTION, "Who may use DEBUG.", immutable=True)
    enable_module_command = Enum(
        "no",
        _PROTECTED_ACTION,
        "Who may use MODULE.",
        immutable=True,
    )
    sanitize_dump_payload = Enum(
        "no",
        "no yes clients",
        "Check the inside of RESTORE payloads.",
        without_effect="payloads are always checked completely",
    )
