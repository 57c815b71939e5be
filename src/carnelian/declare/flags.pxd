"""Command flags, key flags and ACL categories as bits: stated once, for the compiled dispatcher and
for Python alike.

flags.pyx has the names that Redis shows for them. Owns no state; anyone from here upwards may read
it.
"""

cpdef enum:                    # command flags
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
    NO_MANDATORY_KEYS = 1 << 15    # computed from the key specs, never declared
    NO_ASYNC_LOADING = 1 << 16
    NO_MULTI = 1 << 17
    MOVABLE_KEYS = 1 << 18         # computed, too
    ALLOW_BUSY = 1 << 19
    # Redis does not show these in COMMAND INFO; the next ones are ours alone.
    MAY_REPLICATE = 1 << 20
    RUNS_IN_MULTI = 1 << 24        # executed at once inside MULTI, never queued
    RUNS_QUEUE = 1 << 25           # EXEC: does what the queue does
    SUBSCRIBED_TOO = 1 << 26       # allowed in RESP2's subscribe mode
    SHOWN_FLAGS = (1 << 24) - 1

cpdef enum:                    # documentation flags
    DEPRECATED = 1 << 0
    SYSCMD = 1 << 1

cpdef enum:                    # what a command does to a key
    KEY_RO = 1 << 0                # reads the value
    KEY_RW = 1 << 1                # modifies the value
    KEY_OW = 1 << 2                # overwrites the value without reading it
    KEY_RM = 1 << 3                # deletes the key
    KEY_ACCESS = 1 << 4            # returns or copies user data
    KEY_UPDATE = 1 << 5            # changes user data
    KEY_INSERT = 1 << 6            # adds data, never changes what is there
    KEY_DELETE = 1 << 7            # deletes some of the content
    KEY_NOT_KEY = 1 << 8           # routed like a key, but names no key (sharded channels)
    KEY_INCOMPLETE = 1 << 9        # the spec may miss keys
    KEY_VARIABLE_FLAGS = 1 << 10   # the arguments decide what is done to the key
    # What commands usually do, for `key_flags=` in a declaration.
    KEYS_INSPECTED = KEY_RO        # STRLEN, TYPE: not a byte of user data is returned
    KEYS_UPDATED = KEY_RW | KEY_UPDATE                 # HSET, EXPIRE
    KEYS_CHANGED = KEY_RW | KEY_ACCESS | KEY_UPDATE    # INCR, GETSET: the reply shows the old value
    KEYS_EXTENDED = KEY_RW | KEY_INSERT                # LPUSH, SADD
    KEYS_REDUCED = KEY_RW | KEY_DELETE                 # HDEL, LTRIM
    KEYS_TAKEN = KEY_RW | KEY_ACCESS | KEY_DELETE      # LPOP, GETDEL
    KEYS_REPLACED = KEY_OW | KEY_UPDATE                # SETEX, MSET
    KEYS_CREATED = KEY_OW | KEY_INSERT                 # SETNX
    KEYS_DELETED = KEY_RM | KEY_DELETE                 # DEL

cpdef enum:                    # ACL categories
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
