"""waiting for a slot

Revision: 0009
Before: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "agents",
        sa.Column(
            "when_full",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("""'["wait", "call_back"]'"""),
            nullable=False,
        ),
    )
    op.add_column("calls", sa.Column("rounds_waited", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """Take back."""
    op.drop_column("calls", "rounds_waited")
    op.drop_column("agents", "when_full")
