"""Who is asking: Basic, sessions, the token against forged requests, the second factor, and the lock.

Two rules are found in the wild, and a tenant may follow either:

- documented: Basic opens a session, later requests carry only the session; both together fail with 454.
- reported: the session alone is refused; every request carries Basic, the session and its token.

Under both, Basic alone is enough for any request: two production clients send nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lab.kayako import refusals
from shared.clock import Clock

COOKIE = "novo_sessionid"
"""Name of the session cookie; the documentation does not give one."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SignInRule(StrEnum):
    """What a tenant wants on the second request."""

    DOCUMENTED = "documented"
    REPORTED = "reported"


@dataclass
class Account:
    """A member of staff who may sign in."""

    email: str
    password: str = field(repr=False)
    user_id: int
    one_time_code: str | None = None
    """When set, the second factor is on and this is the code it takes."""
    password_expired: bool = False


@dataclass
class Session:
    """What Basic opens."""

    id: str
    user_id: int
    csrf_token: str | None
    """None when the session was opened with `X-CSRF: false`."""
    last_used: float


@dataclass(frozen=True)
class Credentials:
    """What one request carries, wherever it carries it."""

    basic: tuple[str, str] | None
    session_id: str | None
    csrf_token: str | None
    wants_no_csrf: bool
    step_token: str | None
    one_time_code: str | None


def read_credentials(
    headers: Mapping[str, str], arguments: Mapping[str, str], cookies: Mapping[str, str]
) -> Credentials:
    """Collect them. Raises PARAMETERS_INCONSISTENT when the same value comes twice with different content."""
    ids = {value for value in (headers.get("x-session-id"), arguments.get("_session_id"), cookies.get(COOKIE)) if value}
    if len(ids) > 1:
        raise refusals.inconsistent("_session_id")
    return Credentials(
        basic=_basic(headers.get("authorization")),
        session_id=next(iter(ids), None),
        csrf_token=headers.get("x-csrf-token"),
        wants_no_csrf=headers.get("x-csrf", "").lower() == "false",
        step_token=headers.get("x-token") or arguments.get("_token"),
        one_time_code=headers.get("x-otp") or arguments.get("_otp"),
    )


def _basic(header: str | None) -> tuple[str, str] | None:
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        email, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refusals.authentication_failed() from error
    if scheme.lower() != "basic" or not colon:
        raise refusals.authentication_failed()
    return email, password


class Sessions:
    """Signs requests in."""

    def __init__(
        self,
        clock: Clock,
        rule: SignInRule = SignInRule.DOCUMENTED,
        lifetime_s: float = 600,
        lock_after: int = 5,
        lock_s: int = 600,
        *,
        honours_no_csrf: bool = True,
    ) -> None:
        """`lifetime_s` is a guess, Kayako documents none; `lock_s` is that of the documented sample."""
        self._honours_no_csrf = honours_no_csrf
        self.rule = rule
        self.accounts: dict[str, Account] = {}
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._lock_after = lock_after
        self._lock_s = lock_s
        self._sessions: dict[str, Session] = {}
        self._step_tokens: dict[str, str] = {}
        self._failures: dict[str, int] = {}
        self._locked_until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, account: Account) -> None:
        """Let someone sign in."""
        self.accounts[account.email.lower()] = account

    def sign_in(self, given: Credentials, method: str) -> tuple[Session, bool]:
        """The session of a request, and whether this request opened it. Raises Refused."""
        if given.basic is None and given.step_token is None:
            return self._resume(given, method), False
        if given.session_id is None:
            session = self._open(given)
            if not self._honours_no_csrf and method not in SAFE:
                raise refusals.csrf_failed()
            return session, True
        if self.rule is SignInRule.DOCUMENTED:
            raise refusals.session_lost()
        self._check_password(given)
        return self._load(given, method), False

    def end(self, session: Session) -> None:
        """Sign out, or lose the session in the middle of the work."""
        self._sessions.pop(session.id, None)

    def _resume(self, given: Credentials, method: str) -> Session:
        if given.session_id is None or self.rule is SignInRule.REPORTED:
            raise refusals.authentication_failed()
        return self._load(given, method)

    def _load(self, given: Credentials, method: str) -> Session:
        session = self._sessions.get(given.session_id or "")
        now = self._clock.monotonic()
        if session is None or now - session.last_used > self._lifetime_s:
            raise refusals.session_lost()
        if method not in SAFE and session.csrf_token is not None and given.csrf_token != session.csrf_token:
            raise refusals.csrf_failed()
        session.last_used = now
        self._sessions[session.id] = self._sessions.pop(session.id)
        return session

    def _open(self, given: Credentials) -> Session:
        account = self._check_password(given)
        self._forget_old()
        session = Session(
            id=f"sess-{secrets.token_hex(8)}",
            user_id=account.user_id,
            csrf_token=None if given.wants_no_csrf and self._honours_no_csrf else f"csrf-{secrets.token_hex(8)}",
            last_used=self._clock.monotonic(),
        )
        self._sessions[session.id] = session
        return session

    def _forget_old(self) -> None:
        """Clients that sign in with every request open a session each; the dead ones stand first."""
        oldest = self._clock.monotonic() - self._lifetime_s
        for session in list(self._sessions.values()):
            if session.last_used >= oldest:
                break
            del self._sessions[session.id]

    def _check_password(self, given: Credentials) -> Account:
        if given.step_token is not None:
            account = self._second_step(given, given.step_token)
        else:
            assert given.basic is not None  # noqa: S101  (sign_in looked)
            account = self._first_step(*given.basic)
        self._failures.pop(account.email.lower(), None)
        return account

    def _first_step(self, email: str, password: str) -> Account:
        name = email.lower()
        self._refuse_when_locked(name)
        account = self.accounts.get(name)
        if account is None or not hmac.compare_digest(account.password.encode(), password.encode()):
            self._count_failure(name)
            raise refusals.authentication_failed()
        if account.password_expired:
            raise refusals.credential_expired(self._step_token(name))
        if account.one_time_code is not None:
            raise refusals.otp_expected(self._step_token(name))
        return account

    def _second_step(self, given: Credentials, token: str) -> Account:
        """Each step has a token of its own: it works once."""
        account = self.accounts.get(self._step_tokens.pop(token, ""))
        if account is None:
            raise refusals.authentication_failed()
        name = account.email.lower()
        self._refuse_when_locked(name)
        if account.one_time_code is None or given.one_time_code != account.one_time_code:
            self._count_failure(name)
            raise refusals.authentication_failed()
        return account

    def _step_token(self, name: str) -> str:
        token = f"step-{secrets.token_hex(8)}"
        self._step_tokens[token] = name
        return token

    def _count_failure(self, name: str) -> None:
        self._failures[name] = self._failures.get(name, 0) + 1
        if self._failures[name] >= self._lock_after:
            self._locked_until[name] = self._clock.monotonic() + self._lock_s

    def _refuse_when_locked(self, name: str) -> None:
        """Trying during the lock begins it anew: that is what makes a client's retry loop dangerous."""
        if self._clock.monotonic() < self._locked_until.get(name, float("-inf")):
            self._locked_until[name] = self._clock.monotonic() + self._lock_s
            raise refusals.authentication_locked(self._lock_s)
        if self._locked_until.pop(name, None) is not None:
            self._failures.pop(name, None)
