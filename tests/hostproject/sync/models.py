from django.db import models


class SyncRun(models.Model):
    """What the shop's own exchange with its warehouse did."""

    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d}"
