"""Marketing campaigns to work with."""

from __future__ import annotations

import pytest

from dotbridge.campaigns.models import MarketingCampaign
from dotbridge.campaigns.services import create_marketing_campaign


@pytest.fixture
def spring(db: None) -> MarketingCampaign:
    return create_marketing_campaign(name="Spring", code="SPRING")


@pytest.fixture
def summer(db: None) -> MarketingCampaign:
    return create_marketing_campaign(name="Summer", code="SUMMER")
