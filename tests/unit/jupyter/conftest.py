from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from traitlets.config import Config


@pytest.fixture
def shell() -> Iterator[Any]:
    """A real IPython shell in this process."""
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield made
    made.reset(new_session=False)
    InteractiveShell.clear_instance()
