"""The configuration: typed values as attributes, CONFIG GET and SET, and hooks on changes.

`config.maxclients` is plain attribute access, typed by the declaration; the settings that commands
read are fields of `Configuration`. Values change only through `set` (a client's
CONFIG SET), `assign` (the server's own decisions) and the file loader; never by assignment.
Used from the main thread only.
"""

from __future__ import annotations

from carnelian.engine.host import Configuration
from carnelian.services import log
from carnelian.services.config.parameter import ConfigError, Parameter
from carnelian.services.config.parameters import BY_NAME, PARAMETERS, Parameters
from carnelian.services.config.syntax import split_words, to_bytes, to_text

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from carnelian.services.config.directive import Directive

__all__ = ["BY_NAME", "PARAMETERS", "Config", "ConfigError"]


class Config(Configuration, Parameters):
    """The values of all parameters.

    `owns_process` is for a server: setting `dir` then moves the whole process there. An
    embedded engine must not do that to its host.
    """

    def __init__(self, *, owns_process: bool = False) -> None:
        self.owns_process = owns_process
        self.file = ""  # absolute path of the configuration file, when there is one
        self.directives: list[Directive] = []  # user, rename-command: for others to carry out
        self.rewriters: dict[str, Callable[[], list[str]]] = {}  # directive -> its present lines
        self._hooks: dict[str, list[Callable[[], None]]] = {}
        self._loaded: set[str] = set()
        for parameter in PARAMETERS:
            setattr(self, parameter.attribute, parameter.initial())

    # Hooks

    def on_change(self, name: str, callback: Callable[[Any], None]) -> None:
        """Call `callback(value)` after `name` was set, and once from apply_all().

        It may raise ConfigError(text) to veto; then everything set with it is undone and the
        callbacks run again with the old values. As in Redis, setting an equal value is no change.
        """
        attribute = BY_NAME[name].attribute
        hooks = self._hooks.setdefault(BY_NAME[name].name, [])
        hooks.append(lambda: callback(getattr(self, attribute)))

    def on_any_change(self, names: Iterable[str], callback: Callable[[], None]) -> None:
        """Call `callback()` once after a change of one or more of `names`; see on_change."""
        for name in names:
            self._hooks.setdefault(BY_NAME[name].name, []).append(callback)

    def apply_all(self) -> None:
        """Run every hook once, at start. The first veto goes up as ConfigError."""
        done: set[int] = set()
        for name, hooks in list(self._hooks.items()):
            for hook in hooks:
                if id(hook) not in done:
                    done.add(id(hook))
                    try:
                        hook()
                    except ConfigError as error:
                        raise ConfigError(f"{name}: {error}") from None

    # CONFIG GET

    def get(self, patterns: Iterable[str | bytes]) -> list[tuple[str, str]]:
        """(name, value) of what CONFIG GET finds; an exact name comes back as it was spelled.

        Text stands for bytes as in `syntax`: encode it with its to_bytes().
        """
        found: dict[str, tuple[str, str]] = {}
        for spelled in patterns:
            pattern = to_text(spelled)
            lowered = pattern.lower()
            if not any(symbol in pattern for symbol in "[*?"):
                if lowered in BY_NAME:
                    found.setdefault(lowered, (pattern, self.show(lowered)))
                continue
            from carnelian.base.glob import matches

            raw = to_bytes(pattern)
            for name, parameter in BY_NAME.items():
                if not parameter.hidden and matches(raw, name.encode(), True):
                    found.setdefault(name, (name, self.show(name)))
        return list(found.values())

    def show(self, name: str) -> str:
        """The value of one parameter as CONFIG GET shows it."""
        parameter = BY_NAME[name]
        return parameter.show(getattr(self, parameter.attribute))

    # CONFIG SET

    def set(
        self,
        pairs: Iterable[tuple[str | bytes, str | bytes]],
        *,
        local: bool = False,
        loading: bool = False,
    ) -> None:
        """Set several parameters or none: ConfigError carries the complete error reply.

        `local`: the client is on this machine; `loading`: a data set is being loaded.
        """
        changes = self._resolve(pairs, local, loading)
        before = [(p, getattr(self, p.attribute)) for p, _, _ in changes]
        hooks: dict[int, tuple[str, Callable[[], None]]] = {}
        for parameter, name, text in changes:
            words = [text] if not parameter.multiple else text.split(" ") if text else []
            try:
                changed = self._store(
                    parameter, parameter.parse(words, getattr(self, parameter.attribute))
                )
            except ConfigError as error:
                self._restore(before)
                raise _failed(name, str(error)) from None
            if changed:
                for hook in self._hooks.get(parameter.name, ()):
                    hooks.setdefault(id(hook), (name, hook))
        self._run_hooks(list(hooks.values()), before)

    def _resolve(
        self, pairs: Iterable[tuple[str | bytes, str | bytes]], local: bool, loading: bool
    ) -> list[tuple[Parameter[Any], str, str]]:
        """What to set, before anything is: (parameter, name used, text)."""
        changes: list[tuple[Parameter[Any], str, str]] = []
        seen: set[str] = set()
        for raw_name, raw_text in pairs:
            spelled = to_text(raw_name)
            name = spelled.lower()
            parameter = BY_NAME.get(name)
            if parameter is None:
                raise ConfigError(
                    f"ERR Unknown option or number of arguments for CONFIG SET - '{spelled}'"
                )
            if parameter.immutable:
                raise _failed(spelled, "can't set immutable config")
            if parameter.protected and not self._protected_allowed(local):
                raise _failed(spelled, "can't set protected config")
            if parameter.deny_loading and loading:
                raise ConfigError("LOADING Redis is loading the dataset in memory")
            # An alias next to its name is no duplicate in Redis either: the last one wins.
            if name in seen:
                raise _failed(spelled, "duplicate parameter")
            seen.add(name)
            changes.append((parameter, name, to_text(raw_text)))
        return changes

    def _protected_allowed(self, local: bool) -> bool:
        allowed = self.enable_protected_configs
        return allowed == "yes" or (allowed == "local" and local)

    def _store(self, parameter: Parameter[Any], value: Any) -> bool:
        """Store a value; whether that is a change."""
        changed = parameter.volatile or value != getattr(self, parameter.attribute)
        if changed:
            parameter.enter(value, self.owns_process)
            setattr(self, parameter.attribute, value)
        return changed

    def _restore(self, before: list[tuple[Parameter[Any], Any]]) -> None:
        for parameter, value in before:
            try:
                self._store(parameter, value)
            except ConfigError as error:
                log.warning(
                    "Failed restoring failed CONFIG SET command. Error setting "
                    f"{parameter.name} to '{parameter.show(value)}': {error}"
                )

    def _run_hooks(
        self, hooks: list[tuple[str, Callable[[], None]]], before: list[tuple[Parameter[Any], Any]]
    ) -> None:
        for done, (name, hook) in enumerate(hooks):
            try:
                hook()
            except Exception as error:
                log.warning(
                    "Failed applying new configuration. Possibly related to new "
                    f"{name} setting. Restoring previous settings."
                )
                self._restore(before)
                for _, earlier in hooks[: done + 1]:
                    try:
                        earlier()
                    except ConfigError as again:
                        log.warning(f"Failed applying restored failed CONFIG SET command: {again}")
                if isinstance(error, ConfigError):
                    raise _failed(name, str(error)) from None
                raise

    # For commands

    def answer_get(self, patterns: list[bytes]) -> list[tuple[bytes, bytes]]:
        return [(to_bytes(name), to_bytes(value)) for name, value in self.get(patterns)]

    def answer_set(self, pairs: list[tuple[bytes, bytes]], local: bool, loading: bool) -> bytes:
        try:
            self.set(pairs, local=local, loading=loading)
        except ConfigError as error:
            return to_bytes(str(error))
        return b""

    def answer_rewrite(self) -> bytes:
        try:
            self.rewrite()
        except ConfigError as error:
            log.warning(f"CONFIG REWRITE failed: {error}")
            return to_bytes(str(error))
        log.notice("CONFIG REWRITE executed with success.")
        return b""

    # The server's own changes

    def assign(self, name: str, value: Any, *, hooks: bool = False) -> None:
        """Set a typed value directly (REPLICAOF, a clamped limit); immutable ones too."""
        parameter = BY_NAME[name]
        if self._store(parameter, value) and hooks:
            self._run_hooks([(name, hook) for hook in self._hooks.get(parameter.name, ())], [])

    def load_line(self, words: list[str]) -> bool:
        """Take one line of a configuration file; False when it is not about a parameter."""
        parameter = BY_NAME.get(words[0].lower())
        if parameter is None:
            return False
        if parameter.multiple:
            # A single quoted argument may hold them all.
            words = (split_words(words[1]) or []) if len(words) == 2 and words[1] else words[1:]
        elif len(words) != 2:
            raise ConfigError("wrong number of arguments")
        else:
            words = words[1:]
        old = getattr(self, parameter.attribute)
        value = parameter.parse_line(words, old, first=parameter.name not in self._loaded)
        self._loaded.add(parameter.name)
        self._store(parameter, value)
        return True

    def rewrite(self) -> None:
        """Bring the configuration file up to date. ConfigError carries the error reply."""
        from carnelian.services.config.rewrite import rewrite

        if not self.file:
            raise ConfigError("ERR The server is running without a config file")
        options = [(p.name, p.lines(getattr(self, p.attribute))) for p in PARAMETERS]
        for name, present_lines in self.rewriters.items():
            options.append((name, [(line, True) for line in present_lines()]))
        rewrite(self.file, options)


def _failed(name: str, reason: str) -> ConfigError:
    detail = f" - {reason}" if reason else ""
    return ConfigError(f"ERR CONFIG SET failed (possibly related to argument '{name}'){detail}")
