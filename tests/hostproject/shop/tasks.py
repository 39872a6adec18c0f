"""The shop's own jobs, in the same tables of procrastinate."""

from procrastinate.contrib.django import app


@app.task(name="shop.count_stock")
def count_stock() -> None:
    """In the default queue."""


@app.task(name="shop.write_letter", queue="letters")
def write_letter() -> None:
    """In a queue of the shop's own."""
