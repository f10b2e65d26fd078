"""The report a person reads: self-contained HTML with plots and pictures, and the same facts as JSON."""
