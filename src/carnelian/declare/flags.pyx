"""The names that Redis shows for the bits of flags.pxd, and the ACL categories that flags imply."""

# In the order in which COMMAND INFO lists them.
FLAG_NAMES = (
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

DOC_FLAG_NAMES = ((DEPRECATED, "deprecated"), (SYSCMD, "syscmd"))

KEY_FLAG_NAMES = (
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

# In the order in which ACL CAT and COMMAND INFO list them.
ACL_CATEGORY_NAMES = (
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
GROUP_CATEGORIES = {
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


def names_of(bits, table):
    """The names of the bits that are set, in the order of the table."""
    return [name for bit, name in table if bits & bit]


def bits_of(names, table):
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


def acl_categories(flags, explicit):
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
