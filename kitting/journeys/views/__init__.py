"""The employee's pages."""
