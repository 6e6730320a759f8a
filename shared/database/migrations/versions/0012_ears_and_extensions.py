"""who hears an agent's callers, and the keys pressed when a person picks up

Revision: 0012
Before: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("agents", sa.Column("transfer_digits", sa.String(length=32), nullable=True))
    op.add_column(
        "agents",
        sa.Column("hearing", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("agents", "hearing")
    op.drop_column("agents", "transfer_digits")
