"""CONFIG: the running configuration, which `host.configuration` keeps."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, LOADING, NOSCRIPT, STALE
from carnelian.engine.gate cimport GATE_ASYNC_LOADING, GATE_LOADING
from carnelian.engine.replies cimport container_help
from carnelian.resp.reply cimport reply_bulk, reply_map, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError

command = family("server")

cdef enum:
    USUAL = ADMIN | NOSCRIPT | LOADING | STALE

TO_ALL = ("request_policy:all_nodes", "response_policy:all_succeeded")


cdef int reply_text(Call call, bytes text) except -1:
    reply_bulk(call.reply, text, len(text))
    return 0


cdef int get(Call call) except -1:
    found = call.engine.host.configuration.answer_get(call.words(2))
    reply_map(call.reply, len(found))
    for name, value in found:
        reply_text(call, name)
        reply_text(call, value)
    return 0


cdef int set_(Call call) except -1:
    cdef bytes failure
    cdef bint loading = call.engine.gate & (GATE_LOADING | GATE_ASYNC_LOADING) != 0
    if call.argc % 2:
        raise SYNTAX
    words = call.words(2)
    pairs = [(words[i], words[i + 1]) for i in range(0, len(words), 2)]
    failure = call.engine.host.configuration.answer_set(
        pairs, call.session.is_local(), loading)
    if failure:
        raise CommandError(failure)
    reply_ok(call.reply)
    return 0


cdef int rewrite(Call call) except -1:
    cdef bytes failure = call.engine.host.configuration.answer_rewrite()
    if failure:
        raise CommandError(failure)
    reply_ok(call.reply)
    return 0


cdef int resetstat(Call call) except -1:
    call.engine.reset_figures()
    call.engine.commands.reset_figures()
    call.engine.host.process.reset_figures()
    call.engine.host.persistence.reset_figures()
    call.engine.host.replication.reset_figures()
    reply_ok(call.reply)
    return 0


command(0, "CONFIG", container=True, since="2.0.0", cost="Depends on subcommand.",
        about="Commands about the configuration.")

command(handler(get), "CONFIG GET parameter [parameter ...]", USUAL, since="2.0.0",
        cost="O(N) where N is the number of parameters",
        about="Return the values of parameters.",
        history=(("7.0.0", "Several parameters in one call."),),
        help=("GET <pattern>",
              "    Return parameters matching the glob-like <pattern> and their values."))

command(handler(container_help), "CONFIG HELP", LOADING | STALE, since="5.0.0", cost="O(1)",
        about="Explain the subcommands.")

command(handler(resetstat), "CONFIG RESETSTAT", USUAL, since="2.0.0", cost="O(1)", tips=TO_ALL,
        about="Set the statistics of INFO back to zero.",
        help=("    Reset statistics reported by the INFO command.",))

command(handler(rewrite), "CONFIG REWRITE", USUAL, since="2.8.0", cost="O(1)", tips=TO_ALL,
        about="Bring the configuration file up to date.",
        help=("    Rewrite the configuration file.",))

command(handler(set_), "CONFIG SET parameter value [parameter value ...]", USUAL, since="2.0.0",
        cost="O(N) where N is the number of parameters", tips=TO_ALL,
        about="Set parameters of the running server.",
        history=(("7.0.0", "Several parameters in one call."),),
        help=("SET <directive> <value>",
              "    Set the configuration <directive> to <value>."))
