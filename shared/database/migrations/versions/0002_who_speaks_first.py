"""who speaks first

Revision: 0002
Before: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("agents", sa.Column("opening", sa.String(length=20), server_default="greet", nullable=False))


def downgrade() -> None:
    """Take back."""
    op.drop_column("agents", "opening")
