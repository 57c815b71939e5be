"""How a removal goes to the append-only file and the replicas, whatever removed the key."""


cdef inline bytes removal_name(bint lazily):
    return b"UNLINK" if lazily else b"DEL"
