"""`/api/v1/permissions`: who agreed to be called, and who asked not to be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.api.agent_profile import Number
from services.gateway.api.documented import BODY, api_router, documented, documented_repeat
from services.gateway.api.strict import Named, PageQuery, Strict
from services.gateway.auth.requires import Requires
from services.gateway.outbound.permissions import Permissions
from services.gateway.wiring import Session, Wired
from shared.contracts.calls import PermissionKind, PermissionSource
from shared.errors import NotFound
from shared.security.api_keys import Scope

routes = api_router("permissions")

_NEW: dict[str, Any] = {"number": "+12025550123", "kind": "consent", "evidence": "web form of 2026-11-02, box 3"}
_EXAMPLE: dict[str, Any] = {
    **_NEW,
    "id": "0d7b9f0e-1f5e-4c8e-9b8a-7f3f3c1f2a55",
    "source": "api",
    "conversation_id": None,
    "given_at": "2026-11-20T08:23:38Z",
    "withdrawn_at": None,
}


class NewPermission(Strict):
    """What somebody has said about being called."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW]})

    number: Number
    kind: PermissionKind = Field(description="consent, or opt_out, which counts whatever they agreed to")
    evidence: Named = Field(min_length=1, max_length=500, description="how it is known, for whoever asks later")


class Permission(BaseModel):
    """What somebody has said, and whether it still holds."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    kind: PermissionKind
    source: PermissionSource = Field(description="call: said to the assistant, and confirmed")
    evidence: str
    conversation_id: UUID | None = Field(description="where it was said to the assistant")
    given_at: datetime
    withdrawn_at: datetime | None = Field(description="null while it holds")


class PermissionPage(BaseModel):
    """A page of them, the newest first; those that were withdrawn stay in the list."""

    permissions: list[Permission]
    total: int


class PermissionQuery(PageQuery):
    """Which ones."""

    number: Number | None = None
    kind: PermissionKind | None = None


@routes.post(
    "",
    status_code=201,
    dependencies=[Depends(Requires(Scope.CALLS_START))],
    responses=documented(_EXAMPLE, *BODY, status=201) | documented_repeat(Permission, _EXAMPLE),
    response_model=Permission,
)
async def note_permission(new: NewPermission, session: Session, response: Response) -> Permission:
    """Note that somebody agreed to be called, or asked not to be; 200 when the same holds already."""
    permission, is_new = await Permissions(session).note(new.number, new.kind, new.evidence)
    if not is_new:
        response.status_code = 200
    return Permission.model_validate(permission)


@routes.get(
    "",
    dependencies=[Depends(Requires(Scope.CALLS_READ))],
    responses=documented({"permissions": [_EXAMPLE], "total": 1}),
)
async def list_permissions(query: Annotated[PermissionQuery, Query()], session: Session) -> PermissionPage:
    """List what people have said about being called, the newest first."""
    found, total = await Permissions(session).page(query.number, query.kind, query.limit, query.offset)
    return PermissionPage(permissions=[Permission.model_validate(one) for one in found], total=total)


@routes.delete(
    "/{permission_id}",
    status_code=204,
    dependencies=[Depends(Requires(Scope.CALLS_START))],
    responses=documented(None, NotFound),
)
async def withdraw_permission(permission_id: UUID, session: Session, wiring: Wired) -> None:
    """Say that it holds no more: they took their consent back, or want to be called again after all."""
    await Permissions(session).withdraw(permission_id, wiring.clock.now())
