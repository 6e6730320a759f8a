"""Simulated callers: they speak and hear real sound and answer what they are asked, by simple visible rules."""
