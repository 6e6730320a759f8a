"""What a person has set beside `make demo` and `make up`."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.stack.platform import operator_settings, stood_in
from shared.settings import SettingsError


def test_a_setting_is_taken_from_its_variable_or_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "redis_url"
    secret.write_text("redis://127.0.0.1:6379/0\n", encoding="utf-8")
    given = operator_settings(
        {"REDIS_URL_FILE": str(secret), "PUBLIC_URL": "https://a.example", "HOME": "/", "LOG": ""}
    )
    assert given == {"REDIS_URL": "redis://127.0.0.1:6379/0", "PUBLIC_URL": "https://a.example"}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DATABASE_URL_FILE: .*missing: No such file"):
        operator_settings({"DATABASE_URL_FILE": str(tmp_path / "missing")})


def test_a_vendor_is_real_when_all_its_keys_are_set() -> None:
    twilio = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t"}
    assert stood_in(twilio) == ["Deepgram", "OpenAI", "Kayako"]
    assert "Twilio" in stood_in({"TWILIO_ACCOUNT_SID": "AC1"})
