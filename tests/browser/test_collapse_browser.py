"""The Neural collapse page in a real Chromium: a pass with progress, a toggle in the link, a phone that can hold it."""

import pytest

from tests.browser.conftest import overflow, settle, visit

pytestmark = pytest.mark.browser


def numbers(page, key: str) -> list[float]:
    """What the first model's dots of a panel stand for."""
    read = "all => all[0].data[0].y"
    return page.locator(f".st-key-{key} .js-plotly-plot").evaluate_all(read)


def test_a_pass_is_made_the_weighting_goes_into_the_link_and_a_phone_holds_the_page(page, app_url):
    visit(page, f"{app_url}/collapse?second=kem")
    assert page.get_by_text("python -m mtlviz collapse --checkpoint kem").count()
    rooms = page.get_by_label("Held-out rooms (2 to 300)")
    rooms.fill("4")
    rooms.press("Tab")
    settle(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("4 images of rooms:val, computed in this session").wait_for()
    settle(page)
    balanced = numbers(page, "collapse_nc1_quotient")
    assert len(balanced) == 5
    page.get_by_role("radio", name="pixel-weighted").click()
    page.wait_for_url("**collapse_weighting=pixel-weighted**")
    settle(page)
    assert numbers(page, "collapse_nc1_quotient") != balanced
    page.set_viewport_size({"width": 420, "height": 900})
    settle(page)
    assert overflow(page) <= 0
