from crm.models import Reseller

from dotbridge.entities.registry import register

register(Reseller, email="email")
