"""Types and pure functions every other layer speaks in: time, signal, clip, colour, fields, records, reports, plans."""
