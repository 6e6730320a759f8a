"""Tries each way of signing in to a Kayako tenant, the safest first: five bad tries would lock the account."""

from __future__ import annotations

from typing import get_args

from services.ticketing.domain.probe import Trial
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_capabilities import AuthMode
from shared.clients.kayako_errors import SignInLocked
from shared.clock import Clock
from shared.errors import Permanent, Transient
from shared.settings import KayakoSettings

MODES: tuple[AuthMode, ...] = get_args(AuthMode)


def sign_in_trials(settings: KayakoSettings, clock: Clock) -> list[Trial]:
    """One trial per way. When the first is refused the others are not tried: each begins with the same password."""
    trials = [_tried("basic_each", settings, clock)]
    if trials[0].failure is None:
        trials += [_tried(mode, settings, clock) for mode in MODES[1:]]
    return trials


def _tried(mode: AuthMode, settings: KayakoSettings, clock: Clock) -> Trial:
    with KayakoClient(settings.model_copy(update={"kayako_auth_mode": mode}), clock) as client:
        try:
            first = client.get("me")
            client.get("me")
        except SignInLocked as error:
            return Trial(mode, f"{error.detail}; it opens again in {error.retry_after or 0:.0f} s")
        except (Permanent, Transient) as error:
            return Trial(mode, error.detail)
    return Trial(mode, None, needs_token=first.gave_csrf_token)
