"""Tests, by kind: see CONTRIBUTING.md."""
