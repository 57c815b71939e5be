"""Big files go to disk while they are written, so that the fsync at the end is short, and nobody
else waits for it. No state; anyone may call it, on any thread.
"""

cdef extern from *:
    """
    #if defined(__linux__)
    extern int sync_file_range(int fd, long from, long size, unsigned flags);
    #define cn_start_write_back(fd) ((void)sync_file_range(fd, 0, 0, 2))
    #else
    #define cn_start_write_back(fd) ((void)(fd))
    #endif
    """
    # Have what was written so far go to disk, without waiting.
    void start_write_back "cn_start_write_back"(int fd) nogil

cdef enum:
    WRITE_BACK_STEP = 4 << 20      # bytes after which it is worth asking


cdef inline void write_back_after(int fd, size_t before, size_t now) noexcept nogil:
    """`now` bytes are in the file, `before` were: ask at each step."""
    if now // WRITE_BACK_STEP != before // WRITE_BACK_STEP:
        start_write_back(fd)
