"""Do the tests notice it when something slips? Makes plausible slips, one at a time, and runs the tests on each.

Each of a seeded sample, half in Python and half in SQL, is made in a copy of the source, and the tests that reach its
line run on that. A slip is caught when one of them fails; the others are printed.

The first run has to note which tests reach which line, which takes as long as all tests with coverage. `--measure`
does so again; `--tests` notes, and so judges by, these tests alone.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from covering import Covering
from python_operators import PythonSlip, slips_in_python
from sql_operators import Slip, slips_in_sql

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PLACES = (
    *(f"dotbridge/{name}" for name in ("consent", "sync", "connections", "lists", "mapping")),
    "dotdigital",
)
# What is declared there stands in the migrations, and the tests see those.
LEFT_OUT = ("migrations", "models", "models.py", "campaign_models.py", "apps.py")
DATA = ROOT / ".dotbridge" / "mutants" / "coverage"
FAILING = DATA.with_name("failing.txt")
FAILS = re.compile(r"(FAILED|ERROR) \S+::")
MOST_TESTS = 60
SECONDS_A_SLIP = 600
# As pytest answers: what was asked for cannot be, or there was nothing to be run.
SUCCEEDED, FAILED, NOT_RUN = 0, 1, (4, 5)


class Mutant(NamedTuple):
    """One slip in one file."""

    path: Path
    slip: Slip | PythonSlip

    def __str__(self) -> str:
        name = self.slip.name if isinstance(self.slip, Slip) else self.slip.operator
        return f"{self.path.relative_to(ROOT)}:{self.slip.line}  {name}"

    def source(self) -> str:
        """The file with the slip in it."""
        text = self.path.read_text(encoding="utf-8")
        if isinstance(self.slip, Slip):
            return text[: self.slip.start] + self.slip.text + text[self.slip.end :]
        return self.slip.apply(text)


def main() -> int:
    """Make the sample, judge it, print what survived. 1 when fewer are caught than were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200, help="how many slips")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help="note anew which tests reach which line")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="by these tests alone")
    parser.add_argument("--at-least", type=float, default=0.0, help="per cent that have to be caught")
    wanted = parser.parse_args()
    if wanted.measure or not DATA.exists():
        measure(wanted.tests)
    files = [path for place in PLACES for path in sorted((SOURCE / place).rglob("*.py")) if _is_ours(path)]
    failing = set(FAILING.read_text(encoding="utf-8").splitlines())
    covering = Covering(DATA, sorted(SOURCE.rglob("*.py")), failing)
    chosen = sample(files, covering, wanted.sample, wanted.seed)
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutants") as folder:
        shutil.copytree(SOURCE, Path(folder) / "src")
        for number, mutant in enumerate(chosen, start=1):
            is_caught = judge(mutant, covering, Path(folder))
            print(f"{number}/{len(chosen)} {'caught  ' if is_caught else 'SURVIVED'} {mutant}", flush=True)
            if not is_caught:
                survivors.append(mutant)
    caught = len(chosen) - len(survivors)
    share = 100 * caught / max(1, len(chosen))
    print(f"\n{caught} of {len(chosen)} slips were caught ({share:.0f} %), seed {wanted.seed}. Survivors:")
    for mutant in survivors:
        print(f"  {mutant}")
    return int(share < wanted.at_least)


def measure(tests: list[str]) -> None:
    """Run the tests, and note which of them reach which line."""
    DATA.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--cov=src",
        "--cov-context=test",
        "--cov-report=",
        *tests,
    ]
    print("Noting which tests reach which line ...", flush=True)
    environment = {**os.environ, "COVERAGE_FILE": str(DATA)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (SUCCEEDED, FAILED):
        raise SystemExit(f"{done.stdout[-2000:]}The tests ended with {done.returncode}.")
    # A test that fails without any slip would catch them all.
    summary = (line.partition(" ")[2].partition(" - ")[0] for line in done.stdout.splitlines() if FAILS.match(line))
    FAILING.write_text("\n".join(sorted(set(summary))), encoding="utf-8")
    print(f"{done.stdout.splitlines()[-1]}; what failed judges nothing", flush=True)


def sample(files: list[Path], covering: Covering, number: int, seed: int) -> list[Mutant]:
    """So many slips on lines that some test reaches, half of them in SQL, always the same ones for a seed."""
    python: list[Mutant] = []
    sql: list[Mutant] = []
    for path in files:
        text = path.read_text(encoding="utf-8")
        python += [Mutant(path, slip) for slip in slips_in_python(text)]
        sql += [Mutant(path, slip) for slip in slips_in_sql(text)]
    choose = random.Random(seed)
    chosen: list[Mutant] = []
    for mutants, share in ((python, number - number // 2), (sql, number // 2)):
        choose.shuffle(mutants)
        reached = (each for each in mutants if covering.tests_of(each.path, each.slip.line))
        chosen += [mutant for mutant, _number in zip(reached, range(share), strict=False)]
    print(f"{len(python):,} slips in Python and {len(sql):,} in SQL could be made", flush=True)
    return chosen


def judge(mutant: Mutant, covering: Covering, folder: Path) -> bool:
    """Whether a test fails with the slip."""
    copy = folder / "src" / mutant.path.relative_to(SOURCE)
    tests = folder / "tests.txt"
    tests.write_text("\n".join(covering.tests_of(mutant.path, mutant.slip.line)[:MOST_TESTS]), encoding="utf-8")
    former = copy.read_text(encoding="utf-8")
    copy.write_text(mutant.source(), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", f"@{tests}"]
        # What stands here goes before what is installed.
        environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS_A_SLIP, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        copy.write_text(former, encoding="utf-8")
    # Whatever else ends them, such as a call that never comes back, is the slip's doing.
    if done.returncode in NOT_RUN:
        raise SystemExit(f"{mutant}: the tests could not be run.\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode != SUCCEEDED


def _is_ours(path: Path) -> bool:
    return not set(LEFT_OUT) & set(path.parts)


if __name__ == "__main__":
    sys.exit(main())
