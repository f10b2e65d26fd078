"""From reports to plans, with reasons; pure."""
