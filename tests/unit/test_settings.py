"""Settings are complete and spelt right, or the process says in one line each what to fix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import (
    ALL_GROUPS,
    EX_CONFIG,
    DatabaseSettings,
    KayakoSettings,
    PublicSettings,
    SettingsError,
    TwilioSettings,
    known_names,
    load,
    misspelt,
    socket_address,
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_names():
        monkeypatch.delenv(name, raising=False)


def lines_of(error: pytest.ExceptionInfo[SettingsError]) -> str:
    return "\n".join(error.value.lines)


def test_a_missing_setting_is_named_with_both_ways_to_give_it() -> None:
    with pytest.raises(SettingsError) as error:
        load(DatabaseSettings, os.environ)
    assert "DATABASE_URL: not set" in lines_of(error)
    assert "DATABASE_URL_FILE" in lines_of(error)


def test_every_wrong_setting_has_a_line_and_none_shows_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "not-an-account-7731")
    monkeypatch.setenv("TWILIO_API_URL", "ftp://host-7731")
    with pytest.raises(SettingsError) as error:
        load(TwilioSettings, os.environ)
    assert {line.split(":")[0] for line in error.value.lines} == {
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_API_URL",
    }
    assert "7731" not in lines_of(error)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("DATABSE_URL", "DATABASE_URL"),
        ("KAYAKO_PASWORD", "KAYAKO_PASSWORD"),
        ("TWILIO_REGION", "remove it"),
        ("OPENAI_MODLE", "OPENAI_MODEL"),
    ],
)
def test_a_misspelt_setting_is_found(given: str, said: str) -> None:
    (line,) = misspelt([given], known_names())
    assert line.startswith(given)
    assert said in line


@pytest.mark.parametrize("name", ["PATH", "HOME", "PYTHONPATH", "REDIS_PORT", "OPENAI_ORG_ID", "VOICE_SERVICE_HOST"])
def test_what_is_none_of_our_business_is_left_alone(name: str) -> None:
    assert misspelt([name], known_names()) == []


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "database_url"
    path.write_text("postgresql://somewhere/db\n", encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL_FILE", str(path))
    assert load(DatabaseSettings, os.environ).database_url.get_secret_value() == "postgresql://somewhere/db"


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsError) as error:
        load(DatabaseSettings, os.environ)
    assert "DATABASE_URL_FILE" in lines_of(error)
    assert "No such file" in lines_of(error)


def test_a_secret_file_that_was_never_filled_counts_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "never_filled"
    path.write_text("\n", encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL_FILE", str(path))
    with pytest.raises(SettingsError) as error:
        load(DatabaseSettings)
    assert "DATABASE_URL: not set" in lines_of(error)


def test_addresses_lose_their_trailing_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://calls.example/")
    settings = load(PublicSettings, os.environ)
    assert settings.public_url == "https://calls.example"
    assert settings.media_address == "wss://calls.example"
    assert socket_address("http://127.0.0.1:9") == "ws://127.0.0.1:9"


def test_an_empty_setting_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAYAKO_URL", "")
    with pytest.raises(SettingsError, match="KAYAKO_URL: not set"):
        load(KayakoSettings, os.environ)


def test_no_two_groups_share_a_setting() -> None:
    names = [name for group in ALL_GROUPS for name in group.model_fields]
    assert len(names) == len(set(names))


def test_a_process_with_wrong_settings_ends_with_the_status_for_it() -> None:
    environment = {name: value for name, value in os.environ.items() if name not in known_names()}
    ended = subprocess.run(
        [sys.executable, "-m", "shared.database.migrate"],
        env=environment | {"DATABSE_URL": "postgresql://typo/db"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == EX_CONFIG
    assert len(ended.stderr.splitlines()) == 2
    assert "did you mean DATABASE_URL?" in ended.stderr
