"""Grain: measured, taken out before encoding, coded as AV1 film grain parameters, drawn again, verified."""
