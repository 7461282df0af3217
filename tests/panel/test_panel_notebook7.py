"""The main tests of the panel once more, in Notebook 7."""

from __future__ import annotations

import pytest
from test_panel_lab import (  # noqa: F401 - collected here too
    second,
    test_an_answer_arrives_in_steps,
    test_cells_and_the_panel_are_one_conversation,
    test_copy_and_to_a_cell,
    test_edit_a_prompt_and_go_back,
    test_settings,
    test_stop_continue_regenerate_and_versions,
    test_streaming_goes_on_while_a_cell_computes,
    test_the_composer,
    test_the_transcript_outlives_the_page_and_the_kernel,
    test_views_and_panels_stay_in_step,
)


@pytest.fixture(scope="module")
def kind() -> str:
    """Name the front end."""
    return "notebook"
