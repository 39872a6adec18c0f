"""The background jobs and their schedule."""
