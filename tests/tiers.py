"""The tier of each test: what it needs of the machine. A file is named here, or its tests are unit tests.

    unit     nothing but Python: no network, no process, no kernel, no browser
    fuzz     the same on long texts and many examples, which takes its time
    server   servers on loopback, real Gradio ones among them, or other processes
    kernel   a real IPython kernel or terminal
    browser  Chromium
    model    llama.cpp with the real weights

A mark of a test's own, or a fixture that needs more, counts more than its file.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from servers.environments import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

TIERS = ("unit", "fuzz", "server", "kernel", "browser", "model")
_FILES = {
    "fuzz": """
        backends/test_gradio_recordings fuzz/test_fuzz media/test_pictures notebook/test_attached_pdf
    """,
    "server": """
        backends/test_answers_with_files backends/test_capabilities backends/test_conformance
        backends/test_dashscope backends/test_discovery_servers backends/test_fetching
        backends/test_fetching_hostile backends/test_fitting_servers backends/test_gradio_pictures
        backends/test_hub_weights backends/test_key_rules backends/test_known_spaces backends/test_layouts
        backends/test_matrix backends/test_old_gradio backends/test_old_websocket backends/test_openai
        backends/test_openai_keys backends/test_openai_servers backends/test_picture_pixels backends/test_proxies
        backends/test_roles backends/test_scripted_space backends/test_servers_words backends/test_space
        backends/test_space_connections backends/test_stranger backends/test_thinking_switches
        backends/test_weight_sources backends/test_weights backends/test_wire_names backends/test_wire_shapes
        backends/test_without_streaming batch/test_batch_service batch/test_batch_service_faults
        batch/test_batch_written batch/test_disk_faults batch/test_executors batch/test_executors_faults
        batch/test_hostile_service batch/test_keeping_faults batch/test_map batch/test_map_columns
        batch/test_map_command batch/test_map_replay batch/test_map_replay_only batch/test_map_targets
        batch/test_pictures_of_rows chat/test_doctor client/test_chain client/test_client
        client/test_empty_answers client/test_many_at_once client/test_past_pictures client/test_reasking
        client/test_schema_ladder client/test_schema_spaces client/test_seeing client/test_sync_stream
        exports/test_exports_pictures media/test_charts_at_addresses faults/test_faults faults/test_redirects faults/test_slots
        faults/test_trying_again faults/test_waiting panel/test_choices panel/test_composer
        panel/test_panel_files panel/test_panel_growth panel/test_panel_parts panel/test_panel_plain
        panel/test_panel_sizes public/test_documents public/test_public_api replay/test_replay
        replay/test_replay_crashes replay/test_replay_key servers/test_app_processes servers/test_servers
        store/test_store_away store/test_store_crashes store/test_store_parts store/test_versions test_marimo
        test_nouns test_parameters test_reply test_rooms text/test_steering text/test_surrogates
    """,
    "kernel": """
        chat/test_exchange notebook/test_answer_files notebook/test_asking_cells notebook/test_batch_cells
        notebook/test_canaries notebook/test_canaries_of_files notebook/test_cell_lines notebook/test_colab
        notebook/test_commands notebook/test_comparing notebook/test_completion notebook/test_consoles
        notebook/test_context notebook/test_conversations notebook/test_doctor_command
        notebook/test_failing_cells notebook/test_first_sign notebook/test_fixing notebook/test_help
        notebook/test_hostile_servers notebook/test_identity notebook/test_import notebook/test_interrupts
        notebook/test_jupyter_console notebook/test_kernel notebook/test_kills notebook/test_locked_store
        notebook/test_map_cells notebook/test_map_replay_cells notebook/test_picture_cells
        notebook/test_prompt_contents notebook/test_pty notebook/test_pull_cells notebook/test_pyodide
        notebook/test_questions notebook/test_replayed_cells notebook/test_runners notebook/test_schema_cells notebook/test_shaping
        notebook/test_shown_figures notebook/test_steering_cells notebook/test_template_command
        notebook/test_thinking_display notebook/test_two_kernels notebook/test_values notebook/test_whereabouts
        notebook/test_words panel/test_panel_app panel/test_panel_composing panel/test_panel_executed
        panel/test_panel_failed panel/test_panel_kernel panel/test_panel_menu panel/test_panel_news
        panel/test_panel_replay panel/test_panel_session soak/test_soak test_companion_notebooks
        test_conversation_notebook test_data_notebook test_pictures_notebook
    """,
    "browser": """
        notebook/test_browser notebook/test_completion_lab notebook/test_data_lab notebook/test_html_frame
        notebook/test_nbconvert_font notebook/test_rows_lab notebook/test_session_lab panel/test_marimo_page
        panel/test_page panel/test_page_attaching panel/test_page_code panel/test_page_hosts panel/test_page_keys
        panel/test_page_menu panel/test_page_parts panel/test_page_spoken panel/test_page_suggesting
        panel/test_page_user panel/test_panel_axe panel/test_panel_dock panel/test_panel_hostile
        panel/test_panel_lab panel/test_panel_long panel/test_panel_lost panel/test_panel_notebook7 panel/test_panel_pictures panel/test_panel_reopened
        panel/test_panel_voila panel/test_shown_lab
    """,
    "model": """
        backends/test_engine backends/test_engine_loading backends/test_llama_server backends/test_local
        backends/test_local_sight backends/test_schema_local test_quickstart test_readme text/test_tokens
    """,
}
_LONG = frozenset(
    """
    test_a_garbage_file_is_told_of_once test_a_line_gives_back_all_steps test_a_text_that_is_none_is_refused
    test_a_huge_block_costs_what_it_is_long test_a_slow_answer_is_told_less_often
    test_a_thousand_at_once test_a_thousand_turns_are_written_and_searched_in_no_time
    test_an_answer_that_is_cut_gives_its_value_or_none test_any_json_is_read_or_refused test_any_turn_comes_back
    test_anything_in_a_queues_messages test_attack_while_it_grows test_budget_holds test_character_by_character
    test_cost_at_worst test_every_language_and_alias_is_one_that_pygments_has test_feeding_is_linear
    test_hostile_pieces test_hostile_pieces_cut test_images test_it_is_light test_it_is_linear
    test_it_takes_no_longer_than_it_may test_json_within_prose test_many_blocks_are_sent_once
    test_no_text_takes_the_square_of_its_length test_random_events test_runs_render_as_the_whole test_source_code
    test_the_text_of_code_is_the_code test_time_grows_with_the_text test_time_is_linear
    test_twice_the_text_costs_twice_as_much test_two_threads_ask_while_the_setting_changes
    test_what_is_held_is_what_is_there test_what_runs_on_request_is_stopped test_what_would_be_large_is_not_computed
    test_whole_blocks_and_single_lines_read_the_same
    """.split()
)
"""Functions of the tier "fuzz"."""
TIER_OF = {f"tests/{name}.py": tier for tier, names in _FILES.items() for name in names.split()}
_FIXTURES = {
    "weights": "model",
    "engine": "model",
    "front": "browser",
    "browser": "browser",
    "kernel": "kernel",
    "fresh_kernel": "kernel",
    "gradio_server": "server",
    "scripted_space": "server",
}


_GRADIO = re.compile(rf"[\[-]({'|'.join(map(re.escape, VERSIONS))})[\]-]")
"""A version in the parameters of a test."""


def tier_of(item: pytest.Item) -> str:
    """Give a test's tier: the most that its file, its fixtures or its own marks say."""
    path = item.nodeid.partition("::")[0]
    fixtures = {_FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in _FIXTURES}
    long = {"fuzz"} if getattr(item, "originalname", "") in _LONG else set()
    own = {mark.name for mark in item.iter_markers() if mark.name in TIERS}
    return max({TIER_OF.get(path, "unit")} | long | fixtures | own, key=TIERS.index)


def holds_none_of(path: str, expression: str) -> bool:
    """Tell whether no test of a file can be selected by `-m EXPRESSION`, so that the file need not be read.

    A file's tests are of its tier or of a higher one. An expression with other names than tiers may select any.
    """
    names = set(re.findall(r"\w+", expression)) - {"and", "or", "not"}
    if not names or not names <= set(TIERS):
        return False
    possible = TIERS[TIERS.index(TIER_OF.get(path, "unit")) :]
    return not any(eval(expression, {name: name == tier for name in TIERS}) for tier in possible)


def work_unit(nodeid: str) -> str:
    """Give what is run by one worker of many: all of what a machine has once, or of a Gradio's servers, or a file."""
    path, _, name = nodeid.partition("::")
    tier = TIER_OF.get(path, "unit")
    if tier == "model":
        return tier
    if tier == "browser":  # those that share a JupyterLab, and the others
        return "front" if path.startswith(("tests/panel/test_panel_", "tests/panel/test_shown_")) else "page"
    gradio = _GRADIO.search(name) if tier == "server" else None
    return gradio[1] if gradio else path


class OnlyPython:
    """Keep unit tests from the network and from other processes, so that they are what they say."""

    def __init__(self) -> None:
        self._running = False
        self._hooked = False

    def watch(self) -> Iterator[None]:
        """Watch while one test runs."""
        if not self._hooked:
            self._hooked = True
            sys.addaudithook(self._refuse)
        self._running = True
        try:
            yield
        finally:
            self._running = False

    def _refuse(self, event: str, args: tuple[object, ...]) -> None:
        if not self._running:
            return
        if event in ("socket.connect", "socket.bind"):
            family = getattr(args[0], "family", None)
            if getattr(family, "name", "") in ("AF_INET", "AF_INET6"):
                raise AssertionError("a unit test opens no connection: name its file in tests/tiers.py")
        elif event == "subprocess.Popen":
            raise AssertionError("a unit test starts no process: name its file in tests/tiers.py")
