"""Settings files: what a server reads is what was meant, whatever characters a path has."""

from __future__ import annotations

from workbench.target.local.settings_files import java_properties, postgres_conf, redis_conf


def test_java_properties_escape_backslashes_and_other_alphabets() -> None:
    """Java reads Latin-1 and backslash escapes; a space inside a value stands as it is."""
    assert java_properties({"dataDir": "/a b/c"}) == "dataDir=/a b/c\n"
    assert java_properties({"k": "a\\b"}) == "k=a\\\\b\n"
    assert java_properties({"k": "\u00fc"}) == "k=\\u00fc\n"
    assert java_properties({"k": " x"}) == "k=\\ x\n"


def test_postgres_values_are_quoted() -> None:
    """A quote is doubled, so that no value ends early."""
    assert postgres_conf({"wal_level": "replica", "x": "it's"}) == "wal_level = 'replica'\nx = 'it''s'\n"


def test_redis_empty_value_and_folder_with_a_space_are_one_word() -> None:
    """`save ""` turns snapshots off; `save 60 100` keeps its two words."""
    assert redis_conf({"save": ""}) == 'save ""\n'
    assert redis_conf({"save": "60 100"}) == "save 60 100\n"
    assert redis_conf({"dir": "/a b"}) == 'dir "/a b"\n'
