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
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import django
from covering import Covering
from django.db import connection
from judging import TEMPLATE, Bench
from python_operators import PythonSlip, slips_in_python
from sql_operators import Slip, slips_in_sql

from dotbridge import embedded, postgres

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PLACES = (
    *(f"dotbridge/{name}" for name in ("consent", "sync", "connections", "lists", "mapping")),
    "dotdigital",
)
# What is declared there stands in the migrations, and the tests see those.
LEFT_OUT = ("migrations", "models", "apps.py")
DATA = ROOT / ".dotbridge" / "mutants" / "coverage"
FAILING = DATA.with_name("failing.txt")
FAILS = re.compile(r"(FAILED|ERROR) \S+::")
USED = re.compile(r"^from (dotbridge[\w.]+) import", re.MULTILINE)
MEASURED = Path(__file__).with_name("coveragerc")
MOST_TESTS = 100
# As pytest answers.
SUCCEEDED, FAILED = 0, 1


class Mutant(NamedTuple):
    """One slip in one file, whose text was this when the sample was taken."""

    path: Path
    text: str
    slip: Slip | PythonSlip

    def __str__(self) -> str:
        name = self.slip.name if isinstance(self.slip, Slip) else self.slip.operator
        return f"{self.path.relative_to(ROOT)}:{self.slip.line}  {name}"

    def source(self) -> str:
        """The file with the slip in it."""
        if isinstance(self.slip, Slip):
            return self.text[: self.slip.start] + self.slip.text + self.text[self.slip.end :]
        return self.slip.apply(self.text)


def main() -> int:
    """Make the sample, judge it, print what survived. 1 when fewer are caught than were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200, help="how many slips")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help="note anew which tests reach which line")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="by these tests alone")
    parser.add_argument("--at-once", type=int, default=2, help="how many slips are judged at the same time")
    parser.add_argument("--at-least", type=float, default=0.0, help="per cent that have to be caught")
    wanted = parser.parse_args()
    # It is written last: without it a measurement was broken off.
    if wanted.measure or not FAILING.exists():
        measure(wanted.tests)
    files = [path for place in PLACES for path in sorted((SOURCE / place).rglob("*.py")) if _is_ours(path)]
    failing = set(FAILING.read_text(encoding="utf-8").splitlines())
    migrated = set(_used_by_migrations())
    covering = Covering(ROOT, DATA, sorted(SOURCE.rglob("*.py")), failing, migrated)
    chosen = sample(files, covering, wanted.sample, wanted.seed)
    survivors = []
    make_template()
    for number, (mutant, is_caught) in enumerate(judge(chosen, covering, migrated, wanted.at_once), start=1):
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
    FAILING.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--cov",
        f"--cov-config={MEASURED}",
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
        python += [Mutant(path, text, slip) for slip in slips_in_python(text)]
        sql += [Mutant(path, text, slip) for slip in slips_in_sql(text)]
    choose = random.Random(seed)
    chosen: list[Mutant] = []
    for mutants, share in ((python, number - number // 2), (sql, number // 2)):
        choose.shuffle(mutants)
        reached = (each for each in mutants if covering.tests_of(each.path, each.slip.line))
        chosen += [mutant for mutant, _number in zip(reached, range(share), strict=False)]
    print(f"{len(python):,} slips in Python and {len(sql):,} in SQL could be made", flush=True)
    return chosen


def make_template() -> None:
    """Make a migrated database, and keep the tests' server up as long as this process lives."""
    django.setup()
    if (data_dir := embedded.data_dir()) is not None:
        postgres.ensure_running(data_dir)
    connection.settings_dict["TEST"]["NAME"] = TEMPLATE
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    connection.close()


def judge(chosen: list[Mutant], covering: Covering, migrated: set[Path], at_once: int) -> Iterator[tuple[Mutant, bool]]:
    """Each slip, as soon as it is known, and whether a test fails with it."""
    benches: SimpleQueue[Bench] = SimpleQueue()
    for _number in range(at_once):
        benches.put(Bench(ROOT))

    def notices(mutant: Mutant, tests: list[str]) -> bool:
        bench = benches.get()
        try:
            return bench.notices(mutant.path, mutant.source(), tests, is_migrated=mutant.path in migrated)
        finally:
            benches.put(bench)

    with ThreadPoolExecutor(at_once) as lanes:
        judged = {
            lanes.submit(notices, mutant, covering.tests_of(mutant.path, mutant.slip.line)[:MOST_TESTS]): mutant
            for mutant in chosen
        }
        for done in as_completed(judged):
            yield judged[done], done.result()
    while not benches.empty():
        benches.get().close()


def _used_by_migrations() -> Iterator[Path]:
    """The files that migrations import: what they say stands in a migrated database."""
    for migration in SOURCE.glob("*/*/migrations/*.py"):
        for name in USED.findall(migration.read_text(encoding="utf-8")):
            yield SOURCE / f"{name.replace('.', '/')}.py"


def _is_ours(path: Path) -> bool:
    return not set(LEFT_OUT) & set(path.parts) and not path.name.endswith("models.py")


if __name__ == "__main__":
    sys.exit(main())
