"""LATENCY: when the server was slow, and how long commands take."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, LOADING, NOSCRIPT, STALE, Command, CommandTable
from carnelian.engine.replies cimport container_help, reply_structure
from carnelian.resp.reply cimport (
    reply_bulk, reply_int, reply_map, reply_verbatim,
)

from carnelian.commands.server.latency_report import doctor, graph
from carnelian.engine.command import family
from carnelian.engine.errors import error

command = family("server")

cdef enum:
    USUAL = ADMIN | NOSCRIPT | LOADING | STALE

TO_ALL = ("request_policy:all_nodes",)
BY_NODE = ("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")


cdef str word(Call call, int i):
    return call.bytes(i).decode("utf-8", "surrogateescape")


cdef int reply_text(Call call, str report) except -1:
    cdef bytes text = report.encode("utf-8", "surrogateescape")
    reply_verbatim(call.reply, b"txt", text, len(text))
    return 0


cdef int latency_doctor(Call call) except -1:
    return reply_text(call, doctor(call.engine.diagnostics.latency))


cdef int latency_graph(Call call) except -1:
    event = word(call, 2)
    if event not in call.engine.diagnostics.latency.events:
        raise error(b"No samples available for event '%b'" % call.bytes(2))
    return reply_text(call, graph(
        event, call.engine.diagnostics.latency.events[event], call.engine.clock.wall_s()))


def chosen(CommandTable commands, list names):
    """The commands that ran and that these names stand for; a container for what is in it."""
    found = {}
    for name in names:
        one = commands.named(name)
        if one is not None:
            found.update(dict.fromkeys(one.with_subcommands()))
    return [one for one in found if (<Command>one).histogram is not None]


cdef int latency_histogram(Call call) except -1:
    cdef Command one
    cdef bytes name
    cdef CommandTable commands = call.engine.commands
    shown = chosen(commands, call.words(2) if call.argc > 2 else list(commands.by_name))
    reply_map(call.reply, len(shown))
    for each in shown:
        one = <Command>each
        name = one.name.encode()
        buckets = one.histogram.doublings_us()
        reply_bulk(call.reply, name, len(name))
        reply_map(call.reply, 2)
        reply_bulk(call.reply, b"calls", 5)
        reply_int(call.reply, one.histogram.calls)
        reply_bulk(call.reply, b"histogram_usec", 14)
        reply_map(call.reply, len(buckets))
        for time_us, count in buckets:
            reply_int(call.reply, time_us)
            reply_int(call.reply, count)
    return 0


cdef int latency_history(Call call) except -1:
    reply_structure(call.reply, call.engine.diagnostics.latency.history(word(call, 2)))
    return 0


cdef int latency_latest(Call call) except -1:
    reply_structure(call.reply, call.engine.diagnostics.latency.latest())
    return 0


cdef int latency_reset(Call call) except -1:
    events = [word(call, i) for i in range(2, call.argc)]
    reply_int(call.reply, call.engine.diagnostics.latency.reset(events))
    return 0


command(0, "LATENCY", container=True, since="2.8.13", cost="Depends on subcommand.",
        about="Commands about delays and how long commands take.")
command(handler(latency_doctor), "LATENCY DOCTOR", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Say in words what was slow.",
        help=("    Return a human readable latency analysis report.",))
command(handler(latency_graph), "LATENCY GRAPH event", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Draw the samples of an event with characters.",
        help=("    Return an ASCII latency graph for the <event> class.",))
command(handler(container_help), "LATENCY HELP", LOADING | STALE, since="2.8.13", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(latency_histogram), "LATENCY HISTOGRAM [command [command ...]]", USUAL,
        since="7.0.0", cost="O(N) where N is the number of commands with latency information",
        tips=BY_NODE, about="Return how long the runs of commands took, in doubling buckets.",
        help=("HISTOGRAM [COMMAND ...]",
              "    Return a cumulative distribution of latencies in the format of a histogram"
              " for the specified command names.",
              "    If no commands are specified then all histograms are replied."))
command(handler(latency_history), "LATENCY HISTORY event", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Return the samples of an event.",
        help=("    Return time-latency samples for the <event> class.",))
command(handler(latency_latest), "LATENCY LATEST", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Return the last sample of every event.",
        help=("    Return the latest latency samples for all events.",))
command(handler(latency_reset), "LATENCY RESET [event [event ...]]", USUAL, since="2.8.13",
        cost="O(1)", tips=(*TO_ALL, "response_policy:agg_sum"), about="Forget samples.",
        help=("    Reset latency data of one or more <event> classes.",
              "    (default: reset all data for all event classes)"))
