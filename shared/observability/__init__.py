"""Logs, trace ids, metrics, health."""
