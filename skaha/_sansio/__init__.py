"""Logic without input or output, shared by both variants."""
