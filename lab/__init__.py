"""The phone lab: everything that lets Callwright run on one desk without an account.

Stand-ins that speak the vendors' wire protocols, simulated callers, and the embedded stack. Nothing in `services/` or
`shared/` knows that this package exists.
"""
