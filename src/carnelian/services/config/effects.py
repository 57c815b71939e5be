"""Settings that do nothing: those that would protect are refused, others are warned of.

What is refused, and what has no effect, the declarations say, with the reason.
"""

from __future__ import annotations

from carnelian.services import log
from carnelian.services.config.parameter import ConfigError
from carnelian.services.config.parameters import PARAMETERS

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.config.parameter import Parameter


NO_USERS = "there are no users but `default` yet, whose password is `requirepass`"


def refuse(config: Config) -> None:
    """At start, before anything is done. ConfigError names the setting and says why."""
    for directive in config.directives:
        if directive.words[0] == "user":
            raise ConfigError(f"user ({directive.origin.place()}): {NO_USERS}")
    for parameter in PARAMETERS:
        if parameter.refused:
            try:
                check(parameter, getattr(config, parameter.attribute))
            except ConfigError as refused:
                raise ConfigError(f"{parameter.name}: {refused}") from None


def check(parameter: Parameter[Any], value: Any) -> None:
    if value != parameter.default:
        raise ConfigError(f"{parameter.refused}; only the default is accepted")


def warn(parameter: Parameter[Any], value: Any) -> None:
    if value != parameter.default:
        log.warning(f"The setting {parameter.name} has no effect: {parameter.without_effect}.")


def attach(config: Config) -> None:
    """From now on CONFIG SET refuses and warns; apply_all() does so for what is set already."""

    def bound(
        act: Callable[[Parameter[Any], Any], None], parameter: Parameter[Any]
    ) -> Callable[[Any], None]:
        return lambda value: act(parameter, value)

    for parameter in PARAMETERS:
        if parameter.refused:
            config.on_change(parameter.name, bound(check, parameter))
        elif parameter.without_effect:
            config.on_change(parameter.name, bound(warn, parameter))
