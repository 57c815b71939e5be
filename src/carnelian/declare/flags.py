"""Command flags, key flags and ACL categories: the bits and the names Redis shows for them.

Plain integers with fixed values, so that the compiled dispatcher can mirror them. Owns no state;
anyone from the engine upwards may read it.
"""

from __future__ import annotations

# --- command flags -----------------------------------------------------------------------------
WRITES = 1 << 0
READS = 1 << 1
DENY_OOM = 1 << 2
MODULE = 1 << 3
ADMIN = 1 << 4
PUBSUB = 1 << 5
NOSCRIPT = 1 << 6
BLOCKING = 1 << 7
LOADING = 1 << 8
STALE = 1 << 9
SKIP_MONITOR = 1 << 10
SKIP_SLOWLOG = 1 << 11
ASKING = 1 << 12
FAST = 1 << 13
NO_AUTH = 1 << 14
NO_MANDATORY_KEYS = 1 << 15
NO_ASYNC_LOADING = 1 << 16
NO_MULTI = 1 << 17
MOVABLE_KEYS = 1 << 18  # computed from the key specs, never declared
ALLOW_BUSY = 1 << 19

# Flags that steer the engine but that Redis does not show in COMMAND INFO.
MAY_REPLICATE = 1 << 20
PROTECTED = 1 << 21
TOUCHES_ARBITRARY_KEYS = 1 << 22

# In the order in which COMMAND INFO lists them.
FLAG_NAMES: tuple[tuple[int, str], ...] = (
    (WRITES, "write"),
    (READS, "readonly"),
    (DENY_OOM, "denyoom"),
    (MODULE, "module"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NOSCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_MONITOR, "skip_monitor"),
    (SKIP_SLOWLOG, "skip_slowlog"),
    (ASKING, "asking"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (MOVABLE_KEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
)

# --- documentation flags -----------------------------------------------------------------------
DEPRECATED = 1 << 0
SYSCMD = 1 << 1

DOC_FLAG_NAMES: tuple[tuple[int, str], ...] = ((DEPRECATED, "deprecated"), (SYSCMD, "syscmd"))

# --- what a command does to a key --------------------------------------------------------------
KEY_RO = 1 << 0  # reads the value
KEY_RW = 1 << 1  # modifies the value
KEY_OW = 1 << 2  # overwrites the value without reading it
KEY_RM = 1 << 3  # deletes the key
KEY_ACCESS = 1 << 4  # returns or copies user data
KEY_UPDATE = 1 << 5  # changes user data
KEY_INSERT = 1 << 6  # adds data, never changes what is there
KEY_DELETE = 1 << 7  # deletes some of the content
KEY_NOT_KEY = 1 << 8  # routed like a key, but names no key (sharded channels)
KEY_INCOMPLETE = 1 << 9  # the spec may miss keys
KEY_VARIABLE_FLAGS = 1 << 10  # the arguments decide what is done to the key

# What commands usually do, for `key_flags=` in a declaration.
KEYS_INSPECTED = KEY_RO  # STRLEN, TYPE: not a byte of user data is returned
KEYS_UPDATED = KEY_RW | KEY_UPDATE  # HSET, EXPIRE
KEYS_CHANGED = KEY_RW | KEY_ACCESS | KEY_UPDATE  # INCR, GETSET: the old value shows in the reply
KEYS_EXTENDED = KEY_RW | KEY_INSERT  # LPUSH, SADD
KEYS_REDUCED = KEY_RW | KEY_DELETE  # HDEL, LTRIM
KEYS_TAKEN = KEY_RW | KEY_ACCESS | KEY_DELETE  # LPOP, GETDEL
KEYS_REPLACED = KEY_OW | KEY_UPDATE  # SETEX, MSET
KEYS_CREATED = KEY_OW | KEY_INSERT  # SETNX
KEYS_DELETED = KEY_RM | KEY_DELETE  # DEL

KEY_FLAG_NAMES: tuple[tuple[int, str], ...] = (
    (KEY_RO, "RO"),
    (KEY_RW, "RW"),
    (KEY_OW, "OW"),
    (KEY_RM, "RM"),
    (KEY_ACCESS, "access"),
    (KEY_UPDATE, "update"),
    (KEY_INSERT, "insert"),
    (KEY_DELETE, "delete"),
    (KEY_NOT_KEY, "not_key"),
    (KEY_INCOMPLETE, "incomplete"),
    (KEY_VARIABLE_FLAGS, "variable_flags"),
)

# --- ACL categories ----------------------------------------------------------------------------
ACL_KEYSPACE = 1 << 0
ACL_READ = 1 << 1
ACL_WRITE = 1 << 2
ACL_SET = 1 << 3
ACL_SORTEDSET = 1 << 4
ACL_LIST = 1 << 5
ACL_HASH = 1 << 6
ACL_STRING = 1 << 7
ACL_BITMAP = 1 << 8
ACL_HYPERLOGLOG = 1 << 9
ACL_GEO = 1 << 10
ACL_STREAM = 1 << 11
ACL_PUBSUB = 1 << 12
ACL_ADMIN = 1 << 13
ACL_FAST = 1 << 14
ACL_SLOW = 1 << 15
ACL_BLOCKING = 1 << 16
ACL_DANGEROUS = 1 << 17
ACL_CONNECTION = 1 << 18
ACL_TRANSACTION = 1 << 19
ACL_SCRIPTING = 1 << 20
ACL_ARRAY = 1 << 21

# In the order in which ACL CAT and COMMAND INFO list them.
ACL_CATEGORY_NAMES: tuple[tuple[int, str], ...] = (
    (ACL_KEYSPACE, "keyspace"),
    (ACL_READ, "read"),
    (ACL_WRITE, "write"),
    (ACL_SET, "set"),
    (ACL_SORTEDSET, "sortedset"),
    (ACL_LIST, "list"),
    (ACL_HASH, "hash"),
    (ACL_STRING, "string"),
    (ACL_BITMAP, "bitmap"),
    (ACL_HYPERLOGLOG, "hyperloglog"),
    (ACL_GEO, "geo"),
    (ACL_STREAM, "stream"),
    (ACL_PUBSUB, "pubsub"),
    (ACL_ADMIN, "admin"),
    (ACL_FAST, "fast"),
    (ACL_SLOW, "slow"),
    (ACL_BLOCKING, "blocking"),
    (ACL_DANGEROUS, "dangerous"),
    (ACL_CONNECTION, "connection"),
    (ACL_TRANSACTION, "transaction"),
    (ACL_SCRIPTING, "scripting"),
    (ACL_ARRAY, "array"),
)

# The category a command has because of its documentation group; the groups not named have none.
GROUP_CATEGORIES: dict[str, int] = {
    "generic": ACL_KEYSPACE,
    "string": ACL_STRING,
    "list": ACL_LIST,
    "set": ACL_SET,
    "sorted-set": ACL_SORTEDSET,
    "hash": ACL_HASH,
    "array": ACL_ARRAY,
    "bitmap": ACL_BITMAP,
    "hyperloglog": ACL_HYPERLOGLOG,
    "geo": ACL_GEO,
    "stream": ACL_STREAM,
    "connection": ACL_CONNECTION,
    "transactions": ACL_TRANSACTION,
    "scripting": ACL_SCRIPTING,
}


def names_of(bits: int, table: tuple[tuple[int, str], ...]) -> list[str]:
    """The names of the bits that are set, in the order of the table."""
    return [name for bit, name in table if bits & bit]


def bits_of(names: str, table: tuple[tuple[int, str], ...]) -> int:
    """The bits of space-separated names; an unknown name is a ValueError."""
    bits = 0
    for wanted in names.split():
        for bit, name in table:
            if name == wanted:
                bits |= bit
                break
        else:
            raise ValueError(f"unknown flag or category {wanted!r}")
    return bits


def acl_categories(flags: int, explicit: int) -> int:
    """The ACL categories of a command: the explicit ones and those its flags imply."""
    bits = explicit
    if flags & WRITES:
        bits |= ACL_WRITE
    # EVAL_RO and its kin are read-only, yet Redis keeps scripts out of @read.
    if flags & READS and not bits & ACL_SCRIPTING:
        bits |= ACL_READ
    if flags & ADMIN:
        bits |= ACL_ADMIN | ACL_DANGEROUS
    if flags & PUBSUB:
        bits |= ACL_PUBSUB
    if flags & FAST:
        bits |= ACL_FAST
    if flags & BLOCKING:
        bits |= ACL_BLOCKING
    if not bits & ACL_FAST:
        bits |= ACL_SLOW
    return bits
