"""From us to Dotdigital: one file a step of the export."""
