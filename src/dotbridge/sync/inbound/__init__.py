"""From Dotdigital to us: one file a connector."""
