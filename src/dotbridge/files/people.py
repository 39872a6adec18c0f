"""Which columns are whose where a row has room for several people: "Name 1, E-mail 1, Name 2, E-mail 2"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# A name of several people: "Anna & Ben Berg".
_SEVERAL = re.compile(r"\w(?:\s*[&+/]\s*|\s+(?:und|and|et|och|og|en)\s+)\w", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


@dataclass
class Person:
    """The columns of one person: those of addresses, and one for each part of the name."""

    addresses: list[int] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)


def people_of(headers: Sequence[str], addresses: Sequence[int], names: Mapping[str, Sequence[int]]) -> list[Person]:
    """The people for whom a row has room, in order; nothing where it is one, with any number of addresses.

    `names` are the columns of each part of a name. By the numbers in their headers the columns belong together, else
    by their order. A part that has one column is everybody's.
    """
    several = {part: positions for part, positions in names.items() if len(positions) > 1}
    if len(addresses) < 2 or not several:
        return []
    groups = [addresses, *several.values()]
    numbered = [{_number(headers[position]): position for position in group} for group in groups]
    if all(len(by) == len(group) and "" not in by for by, group in zip(numbered, groups, strict=True)):
        keys = sorted({key for by in numbered for key in by}, key=int)
        people = [
            Person(
                [numbered[0][key]] if key in numbered[0] else [],
                {part: by[key] for part, by in zip(several, numbered[1:], strict=True) if key in by},
            )
            for key in keys
        ]
    elif len({*map(len, groups)}) == 1:
        people = [
            Person([address], dict(zip(several, parts, strict=True)))
            for address, *parts in zip(addresses, *several.values(), strict=True)
        ]
    else:
        people = _as_they_stand(addresses, several)
    for part, positions in names.items():
        for person in people if part not in several else ():
            person.names[part] = positions[0]
    return people


def names_several(name: str) -> bool:
    """Whether one name is that of several people."""
    return _SEVERAL.search(name) is not None


def _as_they_stand(addresses: Sequence[int], several: Mapping[str, Sequence[int]]) -> list[Person]:
    """One begins with a part of a name that the one before has already; addresses before all are the first's."""
    part_at = {position: part for part, positions in several.items() for position in positions}
    people = [Person()]
    for position in sorted([*addresses, *part_at]):
        part = part_at.get(position)
        if part is None:
            people[-1].addresses.append(position)
            continue
        if part in people[-1].names:
            people.append(Person())
        people[-1].names[part] = position
    return people


def _number(header: str) -> str:
    found = _NUMBER.findall(header)
    return str(int(found[0])) if len(found) == 1 else ""
