"""sentences that a person has recorded

Revision: 0017
Before: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    recorded = sa.Column("recorded", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("agents", recorded)


def downgrade() -> None:
    """Take back."""
    op.drop_column("agents", "recorded")
