"""A guide's file, taken in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from django.utils.translation import gettext as _

from kitting.guides.rules.reading import read_guide
from kitting.guides.rules.shapes import Beside, GuideDraft

if TYPE_CHECKING:
    from collections.abc import Hashable

SHIPPED_GUIDE = Path(__file__).parent / "data" / "chromebook-city-staff.yaml"
NEW_PLACE_GUIDE = SHIPPED_GUIDE.with_name("new-place.yaml")


class GuideFileError(Exception):
    """The file is no YAML document; the sentence is for its author."""


class _StrictLoader(yaml.SafeLoader):
    """Reads YAML without code, and refuses a name that stands twice in one place."""

    def construct_mapping(self, node: yaml.MappingNode, *args: Any) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _value in node.value:
            key = key_node.value
            if isinstance(key, str) and key in seen:
                raise yaml.MarkedYAMLError(
                    problem=_("This stands twice: %(detail)s.") % {"detail": key},
                    problem_mark=key_node.start_mark,
                )
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, *args)


def read_guide_file(path: Path) -> GuideDraft:
    """Return a guide as its file and those beside it say it: NAME.readings.yaml, NAME.errors.yaml.

    Raises `GuideFileError` with the line where YAML ends.
    """
    found = {
        name: _document(beside)
        for name in ("readings", "errors")
        if (beside := path.with_name(f"{path.stem}.{name}.yaml")).exists()
    }
    return read_guide(_document(path), Beside(**found))


def _document(path: Path) -> object:
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_StrictLoader)  # noqa: S506  # a SafeLoader underneath: no code runs
    except OSError as error:
        raise GuideFileError(
            _("%(path)s cannot be opened: %(reason)s")
            % {"path": path, "reason": error.strerror}
        ) from error
    except UnicodeDecodeError as error:
        raise GuideFileError(_("%(path)s is not UTF-8.") % {"path": path}) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise GuideFileError(
            _("Line %(line)s: %(reason)s") % {"line": line, "reason": error.problem}
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise GuideFileError(_("%(path)s is no YAML file.") % {"path": path}) from error
