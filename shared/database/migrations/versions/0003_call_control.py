"""call control: orders to call, transfers, recordings, and what an agent allows

Revision: 0003
Before: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "outbound_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("to_number", sa.String(length=32), nullable=False),
        sa.Column("from_number", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="planned", nullable=False),
        sa.Column("call_sid", sa.String(length=34), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_outbound_calls_agent_id_agents")),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name=op.f("fk_outbound_calls_api_key_id_api_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound_calls")),
        sa.UniqueConstraint("call_sid", name=op.f("uq_outbound_calls_call_sid")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_outbound_calls_idempotency_key")),
    )
    op.create_index("ix_outbound_calls_requested_at", "outbound_calls", ["requested_at"])
    op.create_index("ix_outbound_calls_to_number_requested_at", "outbound_calls", ["to_number", "requested_at"])
    op.create_table(
        "transfers",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_transfers_call_id_calls"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_transfers")),
    )
    op.create_table(
        "recordings",
        sa.Column("recording_sid", sa.String(length=34), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=True),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_recordings_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("recording_sid", name=op.f("pk_recordings")),
    )
    op.create_index(op.f("ix_recordings_call_id"), "recordings", ["call_id"])
    op.add_column("calls", sa.Column("answered_by", sa.String(length=30), nullable=True))
    op.add_column("calls", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("agents", sa.Column("transfer_mode", sa.String(length=10), server_default="cold", nullable=False))
    op.add_column("agents", sa.Column("on_machine", sa.String(length=20), server_default="hang_up", nullable=False))
    for option in ("takes_messages", "records_calls"):
        op.add_column("agents", sa.Column(option, sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    """Take back."""
    for option in ("records_calls", "takes_messages", "on_machine", "transfer_mode"):
        op.drop_column("agents", option)
    op.drop_column("calls", "checked_at")
    op.drop_column("calls", "answered_by")
    op.drop_table("recordings")
    op.drop_table("transfers")
    op.drop_table("outbound_calls")
