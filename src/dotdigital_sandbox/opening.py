"""How an account comes to life: its folder is seeded, and its background work begins."""

from __future__ import annotations

from dotdigital_sandbox.account import Account
from dotdigital_sandbox.background import Background
from dotdigital_sandbox.import_sources import discard_left_files
from dotdigital_sandbox.seed import plant
from dotdigital_sandbox.settings import Settings


def open_account(settings: Settings) -> Account:
    """Open the account of a folder, seed it if it is new, and take up the imports that a stop had interrupted.

    Raises OSError for a folder that cannot be used.
    """
    account = Account(settings)
    try:
        plant(account)
        discard_left_files(account)
        background = Background(account)
        background.start()
        account.before_closing(background.stop)
    except BaseException:
        account.close()
        raise
    return account
