"""What one turn of the loop fills; see frame.pxd."""

from libc.string cimport memcpy

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport Table, table_prefetch, table_prefetch_entry
from carnelian.resp.parser cimport (
    PARSE_DONE, ParseState, Parser, parse_command, parser_free, parser_init,
)


cdef int plan_batch(
    Batch *batch, Parser *parser, ParseState *parse, Table *keys, const char *p, size_t n,
    size_t *at
) noexcept nogil:
    cdef Planned *planned
    cdef size_t used = 0
    cdef int result = PARSE_DONE
    cdef int i
    batch.count = 0
    batch.used = 0
    while at[0] < n and batch.count < BATCH_MAX:
        result = parse_command(parser, parse, p + at[0], n - at[0], &used)
        if result != PARSE_DONE:
            break
        at[0] += used
        if parser.argc == 0:
            continue
        planned = &batch.commands[batch.count]
        planned.argc = parser.argc
        planned.end = at[0]
        batch.count += 1
        if unlikely(parser.is_inline or parser.argc > BATCH_ARGS_MAX - batch.used):
            planned.first = -1
            break
        planned.first = batch.used
        memcpy(&batch.args[batch.used], parser.argv, parser.argc * sizeof(Slice))
        batch.used += parser.argc
        if parser.argc > 1:
            planned.hash = hash_bytes(parser.argv[1].ptr, parser.argv[1].len)
            table_prefetch(keys, planned.hash)
        if unlikely(not parser.authenticated):
            break
    if batch.count > 1:
        for i in range(batch.count):
            if batch.commands[i].argc > 1 and batch.commands[i].first >= 0:
                table_prefetch_entry(keys, batch.commands[i].hash)
    return result


cdef class Frame:
    def __cinit__(self, int depth):
        self.depth = depth
        self.read_buffer = <char *>mem_alloc(READ_SIZE)
        parser_init(&self.parser)

    def __dealloc__(self):
        parser_free(&self.parser)
        mem_free(self.read_buffer)
