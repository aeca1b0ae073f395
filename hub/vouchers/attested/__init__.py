"""Attestations of claims, and the map of claims of each day."""
