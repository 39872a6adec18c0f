"""Change tracking: which records have mapped values that may have changed since they were compared last."""
