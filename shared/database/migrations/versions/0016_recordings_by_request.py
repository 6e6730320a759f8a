"""when a call that is to be recorded may be asked for

Revision: 0016
Before: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("calls", sa.Column("recording_due_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_calls_talking", "calls", ["id"], postgresql_where=sa.text("media_state IN ('connected', 'plain')")
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_calls_talking", "calls")
    op.drop_column("calls", "recording_due_at")
