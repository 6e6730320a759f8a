"""what a help desk can do, repeat calls, and whether it answers

Revision: 0004
Before: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "help_desk_probes",
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("capabilities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("probed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_help_desk_probes")),
    )
    op.create_table(
        "help_desk_gates",
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("knocking", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_help_desk_gates")),
    )
    op.add_column(
        "agents", sa.Column("repeat_policy", sa.String(length=30), server_default="join_open_ticket", nullable=False)
    )
    op.add_column("tickets", sa.Column("joined_ticket_id", sa.Uuid(), nullable=True))
    op.add_column("tickets", sa.Column("stands_alone", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(op.f("ix_tickets_joined_ticket_id"), "tickets", ["joined_ticket_id"])
    op.create_foreign_key(
        op.f("fk_tickets_joined_ticket_id_tickets"), "tickets", "tickets", ["joined_ticket_id"], ["id"]
    )


def downgrade() -> None:
    """Take back."""
    op.drop_constraint(op.f("fk_tickets_joined_ticket_id_tickets"), "tickets", type_="foreignkey")
    op.drop_index(op.f("ix_tickets_joined_ticket_id"), table_name="tickets")
    op.drop_column("tickets", "stands_alone")
    op.drop_column("tickets", "joined_ticket_id")
    op.drop_column("agents", "repeat_policy")
    op.drop_table("help_desk_gates")
    op.drop_table("help_desk_probes")
