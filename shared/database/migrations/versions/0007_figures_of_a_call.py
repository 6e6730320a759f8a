"""figures of a call: what each session was like, what was used, what it cost

Revision: 0007
Before: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "call_sessions",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("transport", sa.String(length=20), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("interruptions", sa.Integer(), nullable=False),
        sa.Column("false_interruptions", sa.Integer(), nullable=False),
        sa.Column("silences", sa.Integer(), nullable=False),
        sa.Column("kept_characters", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_call_sessions_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "generation", name=op.f("pk_call_sessions")),
    )
    op.create_table(
        "charges",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("contributor", sa.String(length=60), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column("unit", sa.String(length=30), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.Column("is_estimate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("amount", sa.Numeric(precision=22, scale=12), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("rate_valid_from", sa.Date(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_charges_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "contributor", "provider", "item", "unit", name=op.f("pk_charges")),
    )
    op.create_index("ix_charges_noted_at", "charges", ["noted_at"])
    for figure in ("false_interruptions", "silences"):
        op.add_column(
            "conversation_facts", sa.Column(figure, sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    for figure in ("stages", "cost"):
        op.add_column(
            "conversation_facts",
            sa.Column(figure, postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        )


def downgrade() -> None:
    """Take back."""
    for figure in ("cost", "stages", "silences", "false_interruptions"):
        op.drop_column("conversation_facts", figure)
    op.drop_index("ix_charges_noted_at", "charges")
    op.drop_table("charges")
    op.drop_table("call_sessions")
