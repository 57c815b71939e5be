"""Publish and subscribe: channels, patterns, shard channels."""

from libc.stdint cimport int64_t

from carnelian.base.glob cimport glob_match
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport (
    FAST, LOADING, MAY_REPLICATE, NOSCRIPT, PUBSUB, STALE, SUBSCRIBED_TOO,
)
from carnelian.engine.propagation cimport for_replicas_only
from carnelian.engine.pubsub cimport PubSub
from carnelian.engine.replies cimport container_help
from carnelian.engine.session cimport IN_MULTI, NO_BLOCKING, Session, Subscriptions
from carnelian.resp.reply cimport (
    Reply, reply_array, reply_bulk, reply_bulk_text, reply_int, reply_null, reply_push,
)

from carnelian.engine.command import family
from carnelian.engine.errors import bad_subcommand, error


command = family("pubsub")

cdef enum:
    LISTENING = PUBSUB | NOSCRIPT | LOADING | STALE | SUBSCRIBED_TOO
    ASKING_FLAGS = PUBSUB | LOADING | STALE

cdef enum Kind:
    CHANNEL
    PATTERN
    SHARD


cdef int64_t count(Session session, Kind kind):
    """What the replies to subscribe and unsubscribe tell: subscriptions of that sort left."""
    channels, patterns, shard_channels = session.subscription_counts()
    return shard_channels if kind == SHARD else channels + patterns


cdef void tell(Reply *reply, const char *what, bytes name, int64_t left):
    reply_push(reply, 3)
    reply_bulk_text(reply, what)
    if name is None:
        reply_null(reply)
    else:
        reply_bulk(reply, name, len(name))
    reply_int(reply, left)


cdef int start_listening(Call call, Kind kind, const char *what) except -1:
    cdef Session session = call.session
    cdef PubSub pubsub = call.engine.pubsub
    cdef bytes name
    cdef int i
    if session.flags & NO_BLOCKING and not session.flags & IN_MULTI:
        raise error(f"{call.command.name.upper()} isn't allowed for a DENY BLOCKING client")
    for i in range(1, call.argc):
        name = call.bytes(i)
        if kind == CHANNEL:
            pubsub.subscribe(session, name)
        elif kind == PATTERN:
            pubsub.subscribe_pattern(session, name)
        else:
            pubsub.subscribe_shard(session, name)
        tell(call.reply, what, name, count(session, kind))
    return 0


cdef int stop_listening(Call call, Kind kind, const char *what) except -1:
    cdef Session session = call.session
    cdef PubSub pubsub = call.engine.pubsub
    cdef Subscriptions subscribed = session.listening()
    cdef dict own = subscribed.channels
    cdef list names = call.words(1)
    cdef bytes name
    if kind == PATTERN:
        own = subscribed.patterns
    elif kind == SHARD:
        own = subscribed.shard_channels
    if not names:
        names = list(own)
    if not names:
        tell(call.reply, what, None, count(session, kind))
    for item in names:
        name = item
        if kind == CHANNEL:
            pubsub.unsubscribe(session, name)
        elif kind == PATTERN:
            pubsub.unsubscribe_pattern(session, name)
        else:
            pubsub.unsubscribe_shard(session, name)
        tell(call.reply, what, name, count(session, kind))
    return 0


cdef int subscribe(Call call) except -1:
    return start_listening(call, CHANNEL, b"subscribe")


cdef int psubscribe(Call call) except -1:
    return start_listening(call, PATTERN, b"psubscribe")


cdef int ssubscribe(Call call) except -1:
    return start_listening(call, SHARD, b"ssubscribe")


cdef int unsubscribe(Call call) except -1:
    return stop_listening(call, CHANNEL, b"unsubscribe")


cdef int punsubscribe(Call call) except -1:
    return stop_listening(call, PATTERN, b"punsubscribe")


cdef int sunsubscribe(Call call) except -1:
    return stop_listening(call, SHARD, b"sunsubscribe")


command(handler(subscribe), "SUBSCRIBE channel [channel ...]", LISTENING, since="2.0.0",
        cost="O(N) where N is the number of channels to subscribe to.",
        about="Listen to channels.")
command(handler(unsubscribe), "UNSUBSCRIBE [channel [channel ...]]", LISTENING, since="2.0.0",
        cost="O(N) where N is the number of channels to unsubscribe.",
        about="Stop listening to some channels, or to all.")
command(handler(psubscribe), "PSUBSCRIBE pattern [pattern ...]", LISTENING, since="2.0.0",
        cost="O(N) where N is the number of patterns to subscribe to.",
        about="Listen to all channels that match a pattern.")
command(handler(punsubscribe), "PUNSUBSCRIBE [pattern [pattern ...]]", LISTENING, since="2.0.0",
        cost="O(N) where N is the number of patterns to unsubscribe.",
        about="Stop listening to some patterns, or to all.")
command(handler(ssubscribe), "SSUBSCRIBE shardchannel [shardchannel ...]", LISTENING,
        since="7.0.0", cost="O(N) where N is the number of shard channels to subscribe to.",
        about="Listen to shard channels.")
command(handler(sunsubscribe), "SUNSUBSCRIBE [shardchannel [shardchannel ...]]", LISTENING,
        since="7.0.0", cost="O(N) where N is the number of shard channels to unsubscribe.",
        about="Stop listening to some shard channels, or to all.")


cdef void tell_replicas(Call call):
    """Those who listen at a replica hear it too."""
    call.engine.propagation.add_slices(
        for_replicas_only(call.session.db.id), call.argv, call.argc)


cdef int publish(Call call) except -1:
    tell_replicas(call)
    reply_int(call.reply, call.engine.pubsub.publish(call.bytes(1), call.bytes(2)))
    return 0


command(handler(publish), "PUBLISH channel message",
        PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, since="2.0.0",
        cost="O(N+M) where N is the number of listeners of the channel and M is the number of"
             " patterns anyone listens to.",
        about="Send a message to all who listen to a channel.")


cdef int spublish(Call call) except -1:
    tell_replicas(call)
    reply_int(call.reply, call.engine.pubsub.publish_shard(call.bytes(1), call.bytes(2)))
    return 0


command(handler(spublish), "SPUBLISH shardchannel message",
        PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE, since="7.0.0",
        cost="O(N) where N is the number of listeners of the shard channel.",
        about="Send a message to all who listen to a shard channel.")


# --- PUBSUB ---

cdef int list_channels(Call call, dict register) except -1:
    cdef list found = []
    cdef bytes text
    if call.argc > 3:
        raise bad_subcommand(call.bytes(0), call.bytes(1))
    for name in register:
        text = <bytes>name
        if call.argc == 2 or glob_match(
                call.argv[2].ptr, call.argv[2].len, text, len(text), False):
            found.append(text)
    reply_array(call.reply, len(found))
    for name in found:
        text = <bytes>name
        reply_bulk(call.reply, text, len(text))
    return 0


cdef int count_listeners(Call call, dict register) except -1:
    cdef int i
    reply_array(call.reply, (call.argc - 2) * 2)
    for i in range(2, call.argc):
        reply_bulk(call.reply, call.argv[i].ptr, call.argv[i].len)
        reply_int(call.reply, len(register.get(call.bytes(i), ())))
    return 0


cdef int channels(Call call) except -1:
    return list_channels(call, call.engine.pubsub.channels)


cdef int shard_channels(Call call) except -1:
    return list_channels(call, call.engine.pubsub.shard_channels)


cdef int numsub(Call call) except -1:
    return count_listeners(call, call.engine.pubsub.channels)


cdef int shard_numsub(Call call) except -1:
    return count_listeners(call, call.engine.pubsub.shard_channels)


cdef int numpat(Call call) except -1:
    reply_int(call.reply, len(call.engine.pubsub.patterns))
    return 0


command(0, "PUBSUB", container=True, since="2.8.0", cost="Depends on subcommand.",
        about="Commands about channels and who listens to them.")
command(handler(channels), "PUBSUB CHANNELS [pattern]", ASKING_FLAGS, since="2.8.0",
        cost="O(N) where N is the number of channels somebody listens to.",
        about="List the channels somebody listens to.",
        help=("    Return the currently active channels matching a <pattern> (default: '*').",))
command(handler(container_help), "PUBSUB HELP", LOADING | STALE, since="6.2.0", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(numpat), "PUBSUB NUMPAT", ASKING_FLAGS, since="2.8.0", cost="O(1)",
        about="Count the different patterns clients listen to.",
        help=("    Return number of subscriptions to patterns.",))
command(handler(numsub), "PUBSUB NUMSUB [channel [channel ...]]", ASKING_FLAGS, since="2.8.0",
        cost="O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        about="Count the listeners of channels.",
        help=("    Return the number of subscribers for the specified channels, excluding",
              "    pattern subscriptions(default: no channels)."))
command(handler(shard_channels), "PUBSUB SHARDCHANNELS [pattern]", ASKING_FLAGS, since="7.0.0",
        cost="O(N) where N is the number of shard channels somebody listens to.",
        about="List the shard channels somebody listens to.",
        help=("    Return the currently active shard level channels matching a <pattern>"
              " (default: '*').",))
command(handler(shard_numsub), "PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]",
        ASKING_FLAGS, since="7.0.0", keys=(),
        cost="O(N) where N is the number of requested shard channels",
        about="Count the listeners of shard channels.",
        help=("    Return the number of subscribers for the specified shard level channel(s)",))
