"""What is kept of addresses that were put on a manual list: how many of each kind did not match."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from dotbridge.lists.models import AddressLoad, WhyNoted


def loads_with_numbers(marketing_list: Any) -> QuerySet[AddressLoad]:
    """The loads of a list, the newest first, each with `noted_number`: how many of its addresses are worth a look."""
    loads = AddressLoad.objects.filter(marketing_list=marketing_list).select_related("created_by")
    return loads.annotate(noted_number=Count("noted")).order_by("-pk")


def numbers_of(load: AddressLoad) -> dict[str, int]:
    """How many addresses of a load are noted for each reason that there is, in the order in which they matter."""
    counted = dict(load.noted.order_by().values_list("why").annotate(number=Count("*")))
    return {why.value: counted[why.value] for why in WhyNoted if counted.get(why.value)}
