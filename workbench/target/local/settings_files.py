"""Writing servers' settings files: Java properties, postgresql.conf, redis.conf."""

from __future__ import annotations

from collections.abc import Mapping


def java_properties(settings: Mapping[str, str]) -> str:
    """Return a Java properties file (java.util.Properties: backslash escapes, Latin-1)."""
    return "".join(f"{_escaped(key)}={_escaped(value)}\n" for key, value in settings.items())


def postgres_conf(settings: Mapping[str, str]) -> str:
    """Return postgresql.conf lines; a quote inside a value is doubled (PostgreSQL 14 manual, 20.1.2)."""
    return "".join(
        "{} = '{}'\n".format(key, value.replace("\\", "\\\\").replace("'", "''")) for key, value in settings.items()
    )


def redis_conf(settings: Mapping[str, str]) -> str:
    """Return redis.conf lines. A directive of several words keeps them apart; `dir` is one word, spaces or not."""
    lines = []
    for key, value in settings.items():
        one_word = key == "dir" or not value
        text = '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"')) if one_word else value
        lines.append(f"{key} {text}\n")
    return "".join(lines)


def _escaped(text: str) -> str:
    plain = text.replace("\\", "\\\\")
    if plain.startswith(" "):
        plain = "\\" + plain
    return "".join(
        character if character.isascii() and character.isprintable() else _unicode_escapes(character)
        for character in plain
    )


def _unicode_escapes(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[index : index + 2]):04x}" for index in range(0, len(units), 2))
