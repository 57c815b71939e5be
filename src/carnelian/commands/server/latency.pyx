"""LATENCY: when the server was slow, and how long commands take."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, LOADING, NOSCRIPT, STALE, Command, registry
from carnelian.engine.replies cimport help_lines, reply_structure
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
    return reply_text(call, doctor(call.engine.latency))


cdef int latency_graph(Call call) except -1:
    event = word(call, 2)
    if event not in call.engine.latency.events:
        raise error(b"No samples available for event '%b'" % call.bytes(2))
    return reply_text(call, graph(event, call.engine.latency.events[event]))


cdef int latency_help(Call call) except -1:
    return help_lines(call, (
        "DOCTOR",
        "    Say what was slow and what may help.",
        "GRAPH <event>",
        "    Draw the samples of an event.",
        "HISTOGRAM [COMMAND ...]",
        "    Return how many runs of commands took how many microseconds at most.",
        "HISTORY <event>",
        "    Return unix time and milliseconds of the samples of an event.",
        "LATEST",
        "    Return the last and the highest sample of every event.",
        "RESET [<event> ...]",
        "    Forget the samples of these events, or of all.",
    ))


def with_subcommands(Command one):
    return [one, *(one.subcommands or {}).values()]


def chosen(list names):
    """The commands that ran and that these names stand for; a container for what is in it."""
    cdef Command one
    cdef bytes name
    found = {}
    for text in names:
        name = text.lower()
        one = registry.by_name.get(name.partition(b"|")[0])
        if one is None:
            continue
        if b"|" in name:
            one = (one.subcommands or {}).get(name.partition(b"|")[2])
            found[one] = None
        else:
            found.update(dict.fromkeys(with_subcommands(one)))
    return [one for one in found if one is not None and (<Command>one).histogram is not None]


cdef int latency_histogram(Call call) except -1:
    cdef Command one
    cdef bytes name
    shown = chosen(call.words(2) if call.argc > 2 else list(registry.by_name))
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
    reply_structure(call.reply, call.engine.latency.history(word(call, 2)))
    return 0


cdef int latency_latest(Call call) except -1:
    reply_structure(call.reply, call.engine.latency.latest())
    return 0


cdef int latency_reset(Call call) except -1:
    events = [word(call, i) for i in range(2, call.argc)]
    reply_int(call.reply, call.engine.latency.reset(events))
    return 0


command(0, "LATENCY", container=True, since="2.8.13", cost="Depends on subcommand.",
        about="Commands about delays and how long commands take.")
command(handler(latency_doctor), "LATENCY DOCTOR", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Say in words what was slow.")
command(handler(latency_graph), "LATENCY GRAPH event", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Draw the samples of an event with characters.")
command(handler(latency_help), "LATENCY HELP", LOADING | STALE, since="2.8.13", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(latency_histogram), "LATENCY HISTOGRAM [command [command ...]]", USUAL,
        since="7.0.0", cost="O(N) where N is the number of commands with latency information",
        tips=BY_NODE, about="Return how long the runs of commands took, in doubling buckets.")
command(handler(latency_history), "LATENCY HISTORY event", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Return the samples of an event.")
command(handler(latency_latest), "LATENCY LATEST", USUAL, since="2.8.13", cost="O(1)",
        tips=BY_NODE, about="Return the last sample of every event.")
command(handler(latency_reset), "LATENCY RESET [event [event ...]]", USUAL, since="2.8.13",
        cost="O(1)", tips=(*TO_ALL, "response_policy:agg_sum"), about="Forget samples.")
