"""The Stability page in a real Chromium: the slider changes the picks and the link, a curve can be measured."""

import pytest

from tests.browser.conftest import overflow, settle, visit

pytestmark = pytest.mark.browser


def note(page, chart: int) -> str:
    """What a map says of its picks."""
    return page.locator(".js-plotly-plot").nth(chart).locator(".annotation-text").first.text_content()


def test_the_slider_changes_the_picks_and_the_link(page, app_url):
    visit(page, f"{app_url}/stability?stability_noise=0")
    assert "60 kept" in note(page, 1)
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(8):
        slider.press("ArrowRight")
    page.wait_for_function("() => document.body.innerText.includes('overlap to')")
    settle(page)
    assert "new" in note(page, 1)
    assert "stability_noise=0.08" in page.url


def test_a_curve_is_drawn_after_its_button(page, app_url):
    visit(page, f"{app_url}/stability")
    before = page.locator(".js-plotly-plot").count()
    page.get_by_role("button", name="Measure the curve").click()
    page.wait_for_function(f"() => document.querySelectorAll('.js-plotly-plot').length > {before}")


def test_the_page_fits_a_phone(page, app_url):
    page.set_viewport_size({"width": 420, "height": 900})
    visit(page, f"{app_url}/stability")
    assert overflow(page) <= 1
