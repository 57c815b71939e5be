"""What the usage lines of the core commands cannot say: the overrides their declarations need.

The test of the grammar declares every command of `command_facts.json` with these and nothing else,
and fails when one is missing, wrong or no longer needed.
"""

from __future__ import annotations

from typing import Any

from carnelian.declare.flags import (
    KEY_ACCESS,
    KEY_DELETE,
    KEY_INSERT,
    KEY_RO,
    KEY_RW,
    KEY_UPDATE,
    KEY_VARIABLE_FLAGS,
    KEYS_CHANGED,
    KEYS_CREATED,
    KEYS_DELETED,
    KEYS_EXTENDED,
    KEYS_INSPECTED,
    KEYS_REPLACED,
    KEYS_TAKEN,
    KEYS_UPDATED,
)

# A usage line counts words; these accept fewer or more calls than it says.
ARITY = {
    "CLIENT|KILL": -3,
    "CLUSTER|MIGRATION": -4,
    "CLUSTER|MIGRATESLOTS": -4,
    "COMMAND": -1,
    "DEBUG": -2,
    "HOTKEYS|START": -2,
    "PSYNC": -3,
    "QUIT": -1,
    "REPLCONF": -1,
}

KEYS: dict[str, tuple[str, ...]] = {
    "CLUSTER|KEYSLOT": (),
    "CLUSTERSCAN": ("1 not_key",),
    "MIGRATE": ("3 RW access delete", "KEYS@-2..-1 RW access delete incomplete"),
    "PUBSUB|SHARDNUMSUB": (),
    "SORT": ("1 RO access", "? RO access", "? OW update"),
    "SORT_RO": ("1 RO access", "? RO access"),
}

FINDERS = {name: name.lower() for name in ("BITFIELD", "MIGRATE", "SET", "SORT", "SORT_RO")}

# Not needed: READS -> RO access; WRITES -> RW delete, with DENY_OOM RW update, with BLOCKING
# RW access delete; a destination -> OW update, what is stored there -> RO access; from `source` to
# `destination` -> RW access delete, RW insert; from `key` to `newkey` -> RW access delete,
# OW update; a script's keys -> RW access update.
_KEY_FLAGS: tuple[tuple[str, int], ...] = (
    (
        "EXISTS HEXISTS HLEN HSTRLEN LLEN MEMORY|USAGE OBJECT|ENCODING OBJECT|FREQ"
        " OBJECT|IDLETIME OBJECT|REFCOUNT SCARD SISMEMBER STRLEN TOUCH TYPE XLEN ZCARD",
        KEYS_INSPECTED,
    ),
    (
        "APPEND HSETNX LINSERT LPUSH LPUSHX PFADD RPUSH RPUSHX SADD XGROUP|CREATE"
        " XGROUP|CREATECONSUMER",
        KEYS_EXTENDED,
    ),
    (
        "ARSEEK EXPIRE EXPIREAT HPERSIST PERSIST PEXPIRE PEXPIREAT XACK XCFGSET XCLAIM"
        " XGROUP|SETID XNACK",
        KEYS_UPDATED,
    ),
    ("GETDEL HGETDEL LMPOP LPOP RPOP SPOP ZMPOP ZPOPMAX ZPOPMIN", KEYS_TAKEN),
    (
        "DECR DECRBY GETEX GETSET HGETEX HINCRBY HINCRBYFLOAT INCR INCRBY INCRBYFLOAT INCREX MOVE"
        " SETBIT ZINCRBY",
        KEYS_CHANGED,
    ),
    ("HIMPORT|SET MSET MSETEX PSETEX RESTORE RESTORE-ASKING SETEX", KEYS_REPLACED),
    ("MSETNX SETNX", KEYS_CREATED),
    ("DEL DELIFEQ UNLINK", KEYS_DELETED),
    ("BITFIELD SET", KEYS_CHANGED | KEY_VARIABLE_FLAGS),
    ("PFCOUNT PFDEBUG", KEY_RW | KEY_ACCESS),
    ("XACKDEL", KEY_RW | KEY_UPDATE | KEY_DELETE),
    ("XREADGROUP", KEY_RO | KEY_ACCESS),
)
KEY_FLAGS: dict[str, int | tuple[int, ...]] = {
    name: bits for names, bits in _KEY_FLAGS for name in names.split()
}
KEY_FLAGS["COPY"] = (KEY_RO | KEY_ACCESS, KEYS_REPLACED)
KEY_FLAGS["PFMERGE"] = (KEY_RW | KEY_ACCESS | KEY_INSERT,)
KEY_FLAGS["RENAMENX"] = (0, KEYS_CREATED)

_ACL = (
    (
        "ASKING COMMAND COMMAND|COUNT COMMAND|DOCS COMMAND|GETKEYS COMMAND|GETKEYSANDFLAGS"
        " COMMAND|HELP COMMAND|INFO COMMAND|LIST READONLY READWRITE WAIT WAITAOF",
        "connection",
    ),
    ("CLUSTER|FLUSHSLOT CLUSTERSCAN DBSIZE", "keyspace"),
    ("FLUSHALL FLUSHDB RESTORE-ASKING SWAPDB", "keyspace dangerous"),
    ("LASTSAVE ROLE", "admin dangerous"),
    ("SORT SORT_RO", "set sortedset list dangerous"),
    ("INFO KEYS MIGRATE RESTORE", "+dangerous"),
    ("HOTKEYS|HELP", "admin"),
)
ACL = {name: text for names, text in _ACL for name in names.split()}

_TYPES: tuple[tuple[str, dict[str, str]], ...] = (
    ("CLIENT|PAUSE MIGRATE WAIT WAITAOF", {"timeout": "integer"}),
    ("CLUSTER|KEYSLOT", {"key": "string"}),
    ("HINCRBYFLOAT INCRBYFLOAT", {"increment": "double"}),
    ("BITFIELD SETBIT", {"value": "integer"}),
    ("ARGREP XAUTOCLAIM XRANGE XREVRANGE", {"start": "string", "end": "string"}),
    ("XPENDING", {"start": "string", "end": "string", "min-idle-time": "integer"}),
    ("XREADGROUP", {"min-idle-time": "integer"}),
    ("ZRANGE", {"start": "string", "stop": "string"}),
    (
        "ZLEXCOUNT ZRANGEBYLEX ZRANGESTORE ZREMRANGEBYLEX ZREVRANGEBYLEX",
        {"min": "string", "max": "string"},
    ),
    ("CLUSTERSCAN", {"match-pattern": "pattern"}),
)
TYPES = {name: types for names, types in _TYPES for name in names.split()}


def overrides_of(name: str) -> dict[str, Any]:
    """The keyword arguments that the declaration of a command needs besides the usual ones."""
    tables: dict[str, dict[str, Any]] = {
        "arity": ARITY,
        "keys": KEYS,
        "key_finder": FINDERS,
        "key_flags": KEY_FLAGS,
        "acl": ACL,
        "types": TYPES,
    }
    return {kwarg: table[name] for kwarg, table in tables.items() if name in table}
