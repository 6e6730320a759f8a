"""From sentences to μ-law audio."""
