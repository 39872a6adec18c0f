"""The shop's own user: a colleague, who logs in with an address."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Colleagues(BaseUserManager["Colleague"]):
    def create_superuser(self, email: str, password: str) -> Colleague:
        colleague = self.model(email=email, is_staff=True, is_superuser=True)
        colleague.set_password(password)
        colleague.save()
        return colleague


class Colleague(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=50, blank=True)
    last_name = models.CharField(max_length=50, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    objects = Colleagues()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[Any]] = []

    def __str__(self) -> str:
        return self.email
