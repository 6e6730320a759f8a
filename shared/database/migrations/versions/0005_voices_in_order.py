"""voices in order

Revision: 0005
Before: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "agents",
        sa.Column(
            "other_voices", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
    )
    op.add_column(
        "agents", sa.Column("voice_preference", sa.String(length=20), server_default="quality", nullable=False)
    )


def downgrade() -> None:
    """Take back."""
    op.drop_column("agents", "voice_preference")
    op.drop_column("agents", "other_voices")
