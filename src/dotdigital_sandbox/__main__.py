"""``python -m dotdigital_sandbox`` is the command."""

from dotdigital_sandbox.cli import main

main()
