"""Added to modules of package unittest."""
