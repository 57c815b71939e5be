"""INFO: the server's state as text, section by section, with the fields of Redis 7.2."""

import os
import sys

from carnelian.base.memory cimport heap_committed, heap_peak, heap_used
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport LOADING, STALE, Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.host cimport Configuration
from carnelian.engine.session cimport BLOCKED, SUBSCRIBED, Session
from carnelian.resp.reply cimport reply_verbatim

from carnelian import __version__
from carnelian.base import resident
from carnelian.commands.server.memory import overhead_bytes, overhead_total
from carnelian.engine.command import family
from carnelian.engine.timing import to_us
from carnelian.version import REDIS_VERSION, SERVER_NAME

command = family("server")

cdef extern from *:
    """
    #if defined(__GNUC__) && !defined(__clang__)
    static const int cn_gcc_version[3] = {__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__};
    #else
    static const int cn_gcc_version[3] = {0, 0, 0};
    #endif
    """
    const int gcc_version "cn_gcc_version"[3]

UNITS = ((1 << 50, "P"), (1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))


def human(amount):
    """1048576 as 1.00M."""
    for size, letter in UNITS:
        if amount >= size:
            return f"{amount / size:.2f}{letter}"
    return f"{amount}B"


def ratio(a, b):
    return f"{a / b:.2f}" if b else "0.00"


def listener_lines(listeners):
    """listener0:name=tcp,bind=127.0.0.1,bind=-::1,port=6379"""
    return {
        f"listener{number}": ",".join([
            f"name={kind}", *[f"bind={address}" for address in addresses],
            *([f"port={port}"] if port else [])])
        for number, (kind, addresses, port) in enumerate(listeners)
    }


def about_server(Engine engine):
    up = (engine.steady_ms - engine.started_ms) // 1000
    cdef Configuration config = engine.host.configuration
    process = engine.host.process
    system = os.uname() if hasattr(os, "uname") else None
    return {
        "redis_version": REDIS_VERSION,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": "0",
        "redis_mode": engine.host.process.mode,
        "carnelian_version": __version__,
        "server_name": SERVER_NAME,
        "os": f"{system.sysname} {system.release} {system.machine}" if system else sys.platform,
        "arch_bits": 64 if sys.maxsize > 2**32 else 32,
        "monotonic_clock": "POSIX clock_gettime",
        "multiplexing_api": process.loop_figures()["poller"] or "none",
        "atomicvar_api": "c11-builtin",
        "gcc_version": f"{gcc_version[0]}.{gcc_version[1]}.{gcc_version[2]}",
        "python_version": sys.version.split()[0],
        "process_id": os.getpid(),
        "process_supervised": "no",
        "run_id": engine.run_id,
        "tcp_port": config.port,
        "server_time_usec": engine.now_ms * 1000,
        "uptime_in_seconds": up,
        "uptime_in_days": up // 86400,
        "hz": config.hz,
        "configured_hz": config.hz,
        "lru_clock": engine.now_ms // 1000 & 0xFFFFFF,
        "executable": sys.executable,
        "config_file": config.file,
        "io_threads_active": 0,
        **listener_lines(process.listeners()),
        **process.shutdown_figures(),
    }


def about_clients(Engine engine):
    cdef Session session
    cdef int blocked = 0
    cdef int listening = 0
    cdef int replicas = engine.host.replication.replica_count()
    for item in engine.sessions.values():
        session = <Session>item
        blocked += session.flags & BLOCKED != 0
        listening += session.flags & SUBSCRIBED != 0
    blocking_keys, keys_on_deletion = engine.blocking.key_counts()
    return {
        "connected_clients": len(engine.sessions) - replicas,
        "cluster_connections": 0,
        "maxclients": engine.host.configuration.maxclients,
        "client_recent_max_input_buffer": 0,
        "client_recent_max_output_buffer": 0,
        "blocked_clients": blocked,
        "tracking_clients": 0,
        "pubsub_clients": listening,
        "watching_clients": sum(
            1 for s in engine.sessions.values() if (<Session>s).watches),
        "clients_in_timeout_table": len(engine.blocking.deadlines),
        "total_watched_keys": len(engine.watches),
        "total_blocking_keys": blocking_keys,
        "total_blocking_keys_on_nokey": keys_on_deletion,
    }


def about_memory(Engine engine):
    used, peak = heap_used(engine.heap), heap_peak(engine.heap)
    committed = heap_committed(engine.heap)
    rss = resident.resident_bytes()
    limit = engine.host.configuration.maxmemory
    total = resident.total_system_bytes()
    figures = {}
    for name, amount in (("used_memory", used), ("used_memory_rss", rss),
                         ("used_memory_peak", peak)):
        figures[name] = amount
        figures[name + "_human"] = human(amount)
    parts = overhead_bytes(engine)
    startup = parts["startup"]
    overhead = overhead_total(engine, parts)
    figures.update({
        "used_memory_peak_perc": f"{used / peak * 100 if peak else 0:.2f}%",
        "used_memory_overhead": overhead,
        "used_memory_startup": startup,
        "used_memory_dataset": used - overhead,
        "used_memory_dataset_perc": (
            f"{(used - overhead) / max(used - startup, 1) * 100:.2f}%"),
        "allocator_allocated": used,
        "allocator_active": max(committed, used),
        "allocator_resident": rss,
        "total_system_memory": total,
        "total_system_memory_human": human(total),
        "used_memory_lua": 0,
        "used_memory_vm_eval": 0,
        "used_memory_lua_human": "0B",
        "used_memory_scripts_eval": 0,
        "number_of_cached_scripts": 0,
        "number_of_functions": 0,
        "number_of_libraries": 0,
        "used_memory_vm_functions": 0,
        "used_memory_vm_total": 0,
        "used_memory_vm_total_human": "0B",
        "used_memory_functions": 0,
        "used_memory_scripts": 0,
        "used_memory_scripts_human": "0B",
        "maxmemory": limit,
        "maxmemory_human": human(limit),
        "maxmemory_policy": engine.host.configuration.maxmemory_policy,
        "allocator_frag_ratio": ratio(max(committed, used), used),
        "allocator_frag_bytes": max(committed - used, 0),
        "allocator_rss_ratio": ratio(rss, max(committed, used)),
        "allocator_rss_bytes": rss - max(committed, used),
        "rss_overhead_ratio": "1.00",
        "rss_overhead_bytes": 0,
        "mem_fragmentation_ratio": ratio(rss, used),
        "mem_fragmentation_bytes": rss - used,
        "mem_not_counted_for_evict": 0,
        "mem_replication_backlog": parts["backlog"],
        "mem_total_replication_buffers": parts["stream"],
        "mem_clients_slaves": parts["replicas"],
        "mem_clients_normal": parts["clients"],
        "mem_cluster_links": 0,
        "mem_aof_buffer": parts["aof"],
        "mem_allocator": "carnelian",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": engine.lazyfree.figures()[0],
        "lazyfreed_objects": engine.lazyfree.figures()[1],
    })
    return figures


def about_persistence(Engine engine):
    return engine.host.persistence.figures()


def command_us(Engine engine):
    """What all commands together took."""
    return to_us(sum([(<Command>one).ticks for one in engine.commands.every()]))


def about_stats(Engine engine):
    rates = engine.host.process.rates()
    loop = engine.host.process.loop_figures()
    fork_us, forks = engine.host.persistence.fork_figures()
    return {
        "total_connections_received": engine.stats.connections,
        "total_commands_processed": engine.stats.commands,
        "instantaneous_ops_per_sec": int(rates["commands"]),
        "total_net_input_bytes": engine.stats.bytes_in,
        "total_net_output_bytes": engine.stats.bytes_out,
        "total_net_repl_input_bytes": engine.stats.replication_bytes_in,
        "total_net_repl_output_bytes": engine.stats.replication_bytes_out,
        "instantaneous_input_kbps": f"{rates['bytes_in'] / 1024:.2f}",
        "instantaneous_output_kbps": f"{rates['bytes_out'] / 1024:.2f}",
        "instantaneous_input_repl_kbps": f"{rates['replication_bytes_in'] / 1024:.2f}",
        "instantaneous_output_repl_kbps": f"{rates['replication_bytes_out'] / 1024:.2f}",
        "rejected_connections": engine.stats.rejected_connections,
        **engine.host.replication.counts(),
        "expired_subkeys": engine.stats.expired_fields,
        "expired_keys": engine.stats.expired_keys,
        "expired_stale_perc": "0.00",
        "expired_time_cap_reached_count": loop["expire_overruns"],
        "expire_cycle_cpu_milliseconds": engine.stats.expire_cycle_us // 1000,
        "evicted_keys": engine.stats.evicted_keys,
        "evicted_clients": 0,
        "evicted_scripts": 0,
        "total_eviction_exceeded_time": 0,
        "current_eviction_exceeded_time": 0,
        "keyspace_hits": engine.stats.hits,
        "keyspace_misses": engine.stats.misses,
        "pubsub_channels": len(engine.pubsub.channels),
        "pubsub_patterns": len(engine.pubsub.patterns),
        "pubsubshard_channels": len(engine.pubsub.shard_channels),
        "latest_fork_usec": fork_us,
        "total_forks": forks,
        "migrate_cached_sockets": 0,
        "slave_expires_tracked_keys": len(engine.expiry.tracked.moments),
        "active_defrag_hits": 0,
        "active_defrag_misses": 0,
        "active_defrag_key_hits": 0,
        "active_defrag_key_misses": 0,
        "total_active_defrag_time": 0,
        "current_active_defrag_time": 0,
        "tracking_total_keys": 0,
        "tracking_total_items": 0,
        "tracking_total_prefixes": 0,
        "internal_errors": engine.stats.internal_errors,
        "total_error_replies": engine.stats.error_replies,
        "dump_payload_sanitizations": 0,
        "total_reads_processed": loop["reads"],
        "total_writes_processed": loop["writes"],
        "io_threaded_reads_processed": 0,
        "io_threaded_writes_processed": 0,
        "client_query_buffer_limit_disconnections": engine.stats.query_limit_disconnections,
        "client_output_buffer_limit_disconnections": engine.stats.output_limit_disconnections,
        "reply_buffer_shrinks": 0,
        "reply_buffer_expands": 0,
        "eventloop_cycles": loop["cycles"],
        "eventloop_duration_sum": loop["busy_us"],
        "eventloop_duration_cmd_sum": command_us(engine),
        "instantaneous_eventloop_cycles_per_sec": int(rates["cycles"]),
        "instantaneous_eventloop_duration_usec": int(
            rates["busy_us"] / rates["cycles"] if rates["cycles"] else 0),
        "acl_access_denied_auth": 0,
        "acl_access_denied_cmd": 0,
        "acl_access_denied_key": 0,
        "acl_access_denied_channel": 0,
    }


def about_replication(Engine engine):
    return engine.host.replication.section()


def about_cpu(Engine engine):
    return {name: f"{seconds:.6f}" for name, seconds in resident.cpu_seconds().items()}


def about_commands(Engine engine):
    cdef Command one
    figures = {}
    for item in engine.commands.every():
        one = <Command>item
        if one.calls or one.rejected or one.failed:
            us = to_us(one.ticks)
            figures["cmdstat_" + one.name] = (
                f"calls={one.calls},usec={us},usec_per_call={ratio(us, one.calls)},"
                f"rejected_calls={one.rejected},failed_calls={one.failed}")
    return figures


def decimal(number):
    return f"{number:f}".rstrip("0").rstrip(".")


def about_latency(Engine engine):
    cdef Command one
    figures = {}
    if not engine.host.configuration.latency_tracking:
        return figures
    wanted = engine.host.configuration.latency_tracking_info_percentiles
    for item in engine.commands.every():
        one = <Command>item
        if one.histogram is not None:
            figures["latency_percentiles_usec_" + one.name] = ",".join(
                f"p{decimal(percent)}={one.histogram.percentile_us(percent):.3f}"
                for percent in wanted)
    return figures


def about_errors(Engine engine):
    return {
        "errorstat_" + code.decode("latin-1"): f"count={count}"
        for code, count in engine.errors.items()
    }


def about_databases(Engine engine):
    return {
        f"db{number}": f"keys={keys},expires={expiring},avg_ttl={ttl_ms},subexpiry={timed}"
        for number, keys, expiring, ttl_ms, timed in engine.sizes()
    }


# Title, function, and whether INFO without arguments shows the section.
SECTIONS = {
    "server": ("Server", about_server, True),
    "clients": ("Clients", about_clients, True),
    "memory": ("Memory", about_memory, True),
    "persistence": ("Persistence", about_persistence, True),
    "stats": ("Stats", about_stats, True),
    "replication": ("Replication", about_replication, True),
    "cpu": ("CPU", about_cpu, True),
    "modules": ("Modules", lambda engine: {}, True),
    "commandstats": ("Commandstats", about_commands, False),
    "errorstats": ("Errorstats", about_errors, True),
    "latencystats": ("Latencystats", about_latency, False),
    "cluster": ("Cluster", lambda engine: {"cluster_enabled": 0}, True),
    "keyspace": ("Keyspace", about_databases, True),
}


def report(Engine engine, wanted):
    """The text for section names in lower case; none: those shown by default."""
    every = "all" in wanted or "everything" in wanted
    usual = not wanted or "default" in wanted
    parts = []
    for name, (title, collect, shown) in SECTIONS.items():
        if name in wanted or usual and shown or every and (
                name != "modules" or "everything" in wanted):
            lines = [f"{key}:{value}\r\n" for key, value in collect(engine).items()]
            parts.append(f"# {title}\r\n" + "".join(lines))
    return "\r\n".join(parts)


cdef int info(Call call) except -1:
    cdef set wanted = {word.lower().decode("latin-1") for word in call.words(1)}
    cdef bytes text = report(call.engine, wanted).encode("utf-8", "surrogateescape")
    reply_verbatim(call.reply, b"txt", text, len(text))
    return 0


command(handler(info), "INFO [section [section ...]]", LOADING | STALE, since="1.0.0",
        cost="O(1)", acl="+dangerous",
        tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
        about="Describe the server's state.",
        history=(("7.0.0", "Added support for taking multiple section arguments."),))
