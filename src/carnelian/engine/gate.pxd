"""Why dispatch must look closer at every command: the bits of an engine's `gate` word.

The engine owns the word; a noun that sets a bit of it (Monitors, Pause, Refusals) is given its
address. Zero means that nothing about the engine is unusual.
"""

cdef enum:
    GATE_LOADING = 1
    GATE_PAUSED = 2
    GATE_MONITORS = 4
    GATE_WRITES = 8               # writes may be refused: `engine.refusals` say why
    GATE_MAXMEMORY = 16
    GATE_STALE = 32
    GATE_READ_ONLY = 64           # a replica that only its primary may write to
    GATE_WRITABLE_REPLICA = 128   # a replica with replica-read-only no
    GATE_ASYNC_LOADING = 256      # data that will replace ours is being loaded aside
