"""Nets: their weights with cards, the runtime that infers them, and what their outputs mean."""
