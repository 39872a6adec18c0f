"""Business partners, each kind in a table of its own beside the common one."""

from django.db import models


class Partner(models.Model):
    first_name = models.CharField(max_length=50, blank=True)
    last_name = models.CharField(max_length=50, blank=True)
    email = models.EmailField(blank=True)

    def __str__(self) -> str:
        return self.email


class Reseller(Partner):
    discount = models.DecimalField(max_digits=4, decimal_places=2, default=0)
    country = models.CharField(max_length=2, blank=True)
