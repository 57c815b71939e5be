"""Settings as they are until a configuration says otherwise; see limits.pxd."""


cdef void limits_init(Limits *limits) noexcept nogil:
    limits.hash_entries_max = 512
    limits.hash_value_max = 64
    limits.list_fill = -2
    limits.set_intset_max = 512
    limits.set_entries_max = 128
    limits.set_value_max = 64
    limits.zset_entries_max = 128
    limits.zset_value_max = 64
    limits.stream.node_bytes_max = 4096
    limits.stream.node_entries_max = 100
    limits.producer_duration_s = 100
    limits.producer_size_max = 100
    limits.lfu_log_factor = 10
    limits.lfu_decay_minutes = 1
