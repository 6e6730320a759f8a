"""transport of a call

Revision: 0006
Before: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for table in ("agents", "calls"):
        op.add_column(
            table, sa.Column("transport", sa.String(length=20), server_default="media_streams", nullable=False)
        )
    op.add_column(
        "agents",
        sa.Column("relay", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("agents", "relay")
    for table in ("calls", "agents"):
        op.drop_column(table, "transport")
