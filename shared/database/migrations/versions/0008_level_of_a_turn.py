"""level of a turn

Revision: 0008
Before: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("turns", sa.Column("level", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """Take back."""
    op.drop_column("turns", "level")
