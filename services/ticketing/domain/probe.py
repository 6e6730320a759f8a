"""What a first look at a help desk comes to. Pure: readings in, findings and decisions out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.clients.kayako_capabilities import AuthMode, Capabilities

CALL_FIELD = "external_call_id"
"""Key of the text field that carries our marker, where a tenant has made one."""


class Verdict(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    NOTE = "note"
    """Differs from what is documented, and is dealt with."""
    PROBLEM = "PROBLEM"
    """Somebody should mend it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, in a sentence for the operator; never anything about a customer."""

    topic: str
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a probe found."""

    findings: tuple[Finding, ...]
    capabilities: Capabilities
    signed_in: bool = True

    @property
    def has_problems(self) -> bool:
        """Whether somebody should mend something."""
        return any(finding.verdict is Verdict.PROBLEM for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of signing in, tried with two reads."""

    mode: AuthMode
    failure: str | None
    """Why it does not work; None when it does."""
    needs_token: bool = False
    """A session came with a token against forged requests, although we had asked for none."""


def choose_mode(trials: Sequence[Trial]) -> AuthMode | None:
    """The way of signing in to use: without sessions where writes will pass, else whichever works."""
    working = [trial for trial in trials if trial.failure is None]
    for trial in working:
        if trial.mode != "basic_each" or not trial.needs_token:
            return trial.mode
    return working[0].mode if working else None


@dataclass(frozen=True, slots=True)
class FormChoice:
    """The form that cases should be made with."""

    form_id: int | None
    """None: the default form, which need not be named."""
    demanded: tuple[str, ...]
    """Keys of custom fields that the default form demands of agents."""
    has_call_field: bool

    @property
    def fits(self) -> bool:
        """Whether a case can be made at all."""
        return not self.demanded or self.form_id is not None


def choose_form(forms: Sequence[Mapping[str, Any]], fields: Sequence[Mapping[str, Any]]) -> FormChoice:
    """The default form; another one when the default demands fields that a call cannot fill and the other does not."""
    usable = [form for form in forms if form.get("is_enabled", True) and not form.get("is_deleted")]
    default = next((form for form in usable if form.get("is_default")), None)
    if default is None:
        return FormChoice(None, (), has_call_field=False)
    demanded = _demanded(default, fields)
    other = next((form for form in usable if not _demanded(form, fields)), None) if demanded else None
    used = other or default
    return FormChoice(int(other["id"]) if other else None, demanded, _has_call_field(used, fields))


def _demanded(form: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(
        str(field.get("key"))
        for field in _fields_of(form, fields)
        if field.get("is_required_for_agents") and not field.get("is_system")
    )


def _has_call_field(form: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> bool:
    return any(field.get("key") == CALL_FIELD and field.get("type") == "TEXT" for field in _fields_of(form, fields))


def _fields_of(form: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    shown = {field.get("id") for field in form.get("fields") or []}
    return [field for field in fields if field.get("id") in shown and field.get("is_enabled", True)]


def missing(wanted: Collection[object], found: Collection[object]) -> list[str]:
    """Those of the wanted that were not found, as words."""
    return [str(word) for word in wanted if word not in found]


def joined(measured: Capabilities, before: Capabilities, *, wrote: bool) -> Capabilities:
    """What is known after this probe: a reading one does not forget what a writing one measured."""
    return measured if wrote else measured.model_copy(update={"shown_after_s": before.shown_after_s})
