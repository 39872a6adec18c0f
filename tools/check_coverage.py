"""Fails when a package's branches are not covered well enough: `check_coverage.py sync=90 dotdigital=90`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main(wanted: list[str]) -> int:
    """Print each package's share of covered branches; 1 when one is below its limit."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", report.name], check=True)
        files = json.loads(Path(report.name).read_text())["files"]
    failed = False
    for pair in wanted:
        package, limit = pair.split("=")
        totals = [entry["summary"] for name, entry in files.items() if package in Path(name).parts]
        branches = sum(total["num_branches"] for total in totals)
        covered = sum(total["covered_branches"] for total in totals)
        if not branches:
            print(f"{package}: nothing was measured")
            failed = True
            continue
        share = 100 * covered / branches
        print(f"{package}: {share:.1f} % of {branches} branches covered, at least {limit} % wanted")
        failed = failed or share < float(limit)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
