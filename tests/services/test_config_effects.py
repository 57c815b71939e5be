"""Every parameter is read by something, or says why nothing reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from carnelian.services import log
from carnelian.services.config import effects
from carnelian.services.config.config import Config
from carnelian.services.config.parameter import ConfigError
from carnelian.services.config.parameters import PARAMETERS

SOURCE = Path(__file__).resolve().parent.parent.parent / "src" / "carnelian"
REFUSED = {p.name for p in PARAMETERS if p.refused}


def product() -> str:
    """The text of all files but the declarations."""
    declarations = SOURCE / "services" / "config" / "declared"
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(SOURCE.rglob("*"))
        if path.suffix in (".py", ".pyx") and declarations not in path.parents
    )


def test_every_parameter_has_a_reader_or_a_reason() -> None:
    text = product()
    unread, needless = [], []
    for parameter in PARAMETERS:
        attribute = re.escape(parameter.attribute)
        read = re.search(rf'(config|configuration|self)\.{attribute}\b|"{parameter.name}"', text)
        if not read and not parameter.refused and not parameter.without_effect:
            unread.append(parameter.name)
        if read and parameter.without_effect:
            needless.append(parameter.name)
    assert not unread
    assert not needless


def test_what_would_protect_is_refused() -> None:
    assert {"aclfile", "maxmemory", "cluster-enabled", "tls-port", "tls-replication"} <= REFUSED


@pytest.mark.parametrize(
    ("name", "value"), [("maxmemory", "1gb"), ("tls-port", "6380"), ("tls-auth-clients", "no")]
)
def test_refusals(name: str, value: str) -> None:
    config = Config()
    effects.attach(config)
    default = config.get([name])
    with pytest.raises(ConfigError, match=f"'{name}'.*only the default is accepted"):
        config.set([(name, value)])
    assert config.get([name]) == default
    config.set(default)
    effects.refuse(config)
    config.load_line([name, value])
    with pytest.raises(ConfigError, match=f"{name}: .* only the default is accepted"):
        effects.refuse(config)


def test_a_warning_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(log, "warning", said.append)
    config = Config()
    effects.attach(config)
    config.apply_all()
    assert said == []
    config.set([("dynamic-hz", "yes"), ("maxmemory-samples", "10")])
    assert said == ["The setting maxmemory-samples has no effect: nothing is evicted yet."]
    config.set([("maxmemory-samples", "5")])
    assert len(said) == 1
