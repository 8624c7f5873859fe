"""The calls that every kind of resource has alike: list, read and update. How it is made and deleted is its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.listing import page
from rehearsal.clouds.hetzner.project import NOUNS, Answer, Call, Project, public

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One kind of resource.

    Attributes:
        name: Of its table, its path and its list.
        shown: A row as the API shows it.
        filters: Query parameters that must equal the row's field of the same name.
        fields: What an update may change, see `checked`.
        check: Refuses an update's body that is well-formed and still wrong.
    """

    name: str
    shown: Callable[[Project, Row], Row] = lambda _project, row: public(row)
    filters: tuple[str, ...] = ("name",)
    fields: str = "name:str labels:dict"
    check: Callable[[Row], None] = lambda _body: None

    def list(self, project: Project, call: Call) -> Answer:
        """All rows, in pages."""
        rows = [self.shown(project, row) for row in project.table(self.name).values()]
        return 200, page(self.name, rows, call.query, self.filters)

    def read(self, project: Project, call: Call) -> Answer:
        """One row."""
        return self._answer(project, project.get(self.name, call.id))

    def update(self, project: Project, call: Call) -> Answer:
        """Changes what may be changed."""
        body = checked(call.body, self.fields)
        self.check(body)
        return self._answer(project, project.rename(self.name, call, body))

    def _answer(self, project: Project, row: Row) -> Answer:
        return 200, {NOUNS[self.name]: self.shown(project, row)}
