"""Stages that give more to see: colour brought to BT.709, detail within limits, the era's grain given back."""
