"""CLUSTER and its kin, of a server that is no part of a cluster: tools probe with them."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, FAST, LOADING, NOSCRIPT, STALE

from carnelian.engine.command import family
from carnelian.engine.errors import error

command = family("cluster")

DISABLED = error("This instance has cluster support disabled")
VARIES = ("nondeterministic_output",)


cdef int refuse(Call call) except -1:
    raise DISABLED


command(handler(refuse), "ASKING", FAST, since="3.0.0", cost="O(1)", acl="connection",
        about="Say that the next command follows an ASK redirection.")
command(handler(refuse), "READONLY", LOADING | STALE | FAST, since="3.0.0", cost="O(1)",
        acl="connection", about="Allow the connection to read from a replica of a cluster.")
command(handler(refuse), "READWRITE", LOADING | STALE | FAST, since="3.0.0", cost="O(1)",
        acl="connection", about="Take READONLY back.")

command(0, "CLUSTER", container=True, since="3.0.0", cost="Depends on subcommand.",
        about="Commands about the cluster.")
command(handler(refuse), "CLUSTER COUNTKEYSINSLOT slot", STALE, since="3.0.0", cost="O(1)",
        about="Count the keys in a slot.")
command(handler(refuse), "CLUSTER GETKEYSINSLOT slot count", STALE, since="3.0.0",
        cost="O(N) where N is the number of requested keys", tips=VARIES,
        about="Return keys of a slot.")
command(handler(refuse), "CLUSTER HELP", LOADING | STALE, since="5.0.0", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(refuse), "CLUSTER INFO", STALE, since="3.0.0", cost="O(1)", tips=VARIES,
        about="Describe the state of the cluster.")
command(handler(refuse), "CLUSTER KEYSLOT key", STALE, since="3.0.0",
        cost="O(N) where N is the number of bytes in the key", keys=(), types={"key": "string"},
        about="Return the slot of a key.")
command(handler(refuse), "CLUSTER LINKS", STALE, since="7.0.0", tips=VARIES,
        cost="O(N) where N is the number of nodes", about="List the connections between nodes.")
command(handler(refuse), "CLUSTER MYID", STALE, since="3.0.0", cost="O(1)",
        about="Return the ID of the node.")
command(handler(refuse), "CLUSTER MYSHARDID", STALE, since="7.2.0", cost="O(1)", tips=VARIES,
        about="Return the ID of the shard.")
command(handler(refuse), "CLUSTER NODES", STALE, since="3.0.0", tips=VARIES,
        cost="O(N) where N is the number of nodes", about="Describe the nodes of the cluster.")
command(handler(refuse), "CLUSTER REPLICAS node-id", ADMIN | STALE, since="5.0.0", tips=VARIES,
        cost="O(N) where N is the number of replicas", about="Describe the replicas of a node.")
command(handler(refuse), "CLUSTER RESET [HARD | SOFT]", ADMIN | STALE | NOSCRIPT, since="3.0.0",
        cost="O(N) where N is the number of known nodes", about="Forget the cluster.")
command(handler(refuse), "CLUSTER SHARDS", LOADING | STALE, since="7.0.0", tips=VARIES,
        cost="O(N) where N is the number of nodes", about="Describe the shards of the cluster.")
command(handler(refuse), "CLUSTER SLOTS", LOADING | STALE, since="3.0.0", tips=VARIES,
        deprecated_since="7.0.0", replaced_by="`CLUSTER SHARDS`",
        cost="O(N) where N is the number of nodes", about="Tell which nodes serve which slots.")
