"""The Compare page in a real Chromium: clicks pick tokens, swapping exchanges the sides, a phone can hold it."""

import re

import pytest

from tests.browser.conftest import overflow, settle, visit

pytestmark = pytest.mark.browser


def heading(page) -> str:
    """The page's question."""
    return page.locator("h1").inner_text()


def chart(page, key: str):
    """The surface of a chart that takes clicks."""
    return page.locator(f".st-key-{key} .nsewdrag").first


def drawn(page, key: str) -> list[str]:
    """The pictures that a map shows."""
    return page.locator(f".st-key-{key} image").evaluate_all("all => all.map(one => one.getAttribute('href'))")


def test_a_click_on_what_a_model_reads_picks_that_token_of_that_task(page, app_url):
    visit(page, f"{app_url}/compare?compare_part=what+the+token+reads")
    before = drawn(page, "compare_reads_B_0_0")
    surface = chart(page, "compare_reads_A_2_0")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    surface.click(position={"x": box["width"] * 5.5 / 20, "y": box["height"] * 3.5 / 16})
    page.get_by_text("The Normals token at row 3, column 5 reads").wait_for()
    settle(page)
    assert all(part in page.url for part in ("task=normals", "row=3", "column=5"))
    assert drawn(page, "compare_reads_B_0_0") != before


def test_swapping_exchanges_the_sides_in_the_page_and_in_the_link(page, app_url):
    visit(page, f"{app_url}/compare")
    assert heading(page) == "What does KEM change against Cross-attention on this image?"
    left, right = drawn(page, "compare_maps_0"), drawn(page, "compare_maps_1")
    page.get_by_role("button", name="Swap sides").click()
    page.wait_for_url(re.compile("model=cross_attention"))
    settle(page)
    assert heading(page) == "What does Cross-attention change against KEM on this image?"
    assert "second=kem" in page.url
    assert (drawn(page, "compare_maps_0"), drawn(page, "compare_maps_1")) == (right, left)
    page.reload()
    settle(page)
    assert heading(page) == "What does Cross-attention change against KEM on this image?"


PARTS = (
    "predictions", "what the token reads", "reading in numbers", "nearer to the truth", "over a set", "cost",
)  # fmt: skip


def test_a_part_is_shown_at_a_click_and_stays_in_the_link(page, app_url):
    visit(page, f"{app_url}/compare")
    page.get_by_role("button", name="nearer to the truth").or_(
        page.get_by_role("radio", name="nearer to the truth")
    ).click()
    page.locator(".st-key-compare_truth_0").wait_for()
    settle(page)
    assert page.locator(".st-key-compare_maps_0").count() == 0
    page.reload()
    settle(page)
    assert page.locator(".st-key-compare_truth_0").count() == 1


def test_the_first_screen_holds_the_answer_and_the_maps_of_both_models_and_their_difference(page, app_url):
    visit(page, f"{app_url}/compare")
    maps = [page.locator(f".st-key-compare_maps_{index}").bounding_box() for index in range(3)]
    assert all(box["y"] + box["height"] <= 900 for box in maps)


def test_every_part_fits_a_phone(page, app_url):
    page.set_viewport_size({"width": 420, "height": 900})
    for part in PARTS:
        visit(page, f"{app_url}/compare?compare_part={part.replace(' ', '+')}")
        assert overflow(page) <= 0, part
