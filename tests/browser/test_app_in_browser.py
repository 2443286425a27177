"""What only a real browser can tell: uploads, clicks, links to a server just started, narrow windows."""

import re

import pytest

from tests.app.conftest import png
from tests.browser.conftest import click_map, overflow, settle, visit

pytestmark = pytest.mark.browser


def test_an_uploaded_photograph_is_predicted(page, app_url):
    visit(page, f"{app_url}/predictions?source=upload")
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": png(200, 150)}
    )
    page.get_by_text("mine.png · 200 × 150 px").first.wait_for()
    settle(page)
    page.get_by_text("Normals", exact=True).first.wait_for()
    assert page.locator(".js-plotly-plot").count() == 6
    assert page.get_by_text("Drawn at 200 × 150 pixels, predicted at 160 × 128").count() == 1


def test_a_bad_upload_says_why_and_the_session_goes_on(page, app_url):
    visit(page, f"{app_url}/predictions?source=upload")
    page.locator("input[type=file]").set_input_files({"name": "no.png", "mimeType": "image/png", "buffer": b"no image"})
    page.get_by_text("not a PNG, JPEG or WebP image").wait_for()
    page.get_by_text("photo", exact=True).first.click()
    page.get_by_text("Photograph: temple").first.wait_for()


def test_a_click_on_the_image_picks_that_token_and_the_link_follows(page, app_url):
    visit(page, f"{app_url}/predictions?room=2")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    click_map(page, 0, (5 + 0.5) / 20, (3 + 0.5) / 16)
    page.wait_for_url(re.compile("row=3"))
    settle(page)
    assert "column=5" in page.url
    assert page.get_by_label("Row (0 to 15)").input_value() == "3"
    assert page.get_by_label("Column (0 to 19)").input_value() == "5"
    page.get_by_text("Values at pixel x 44, y 28").wait_for()


def test_arrow_keys_move_the_picked_token(page, app_url):
    visit(page, f"{app_url}/predictions?row=3&column=5")
    page.get_by_label("Row (0 to 15)").press("ArrowUp")
    page.wait_for_url(re.compile("row=4"))


def test_a_link_works_for_the_first_visitor_of_a_server_just_started(page, start_app):
    visit(page, f"{start_app()}/predictions?room=7&model=none&row=3&column=4")
    page.get_by_text("room 7 · 160 × 128 px").first.wait_for()
    settle(page)
    assert page.get_by_text("What does the model see in this image?").count() >= 1
    assert page.get_by_label("Row (0 to 15)").input_value() == "3"
    page.locator(".annotation-text", has_text="Hard sharing").first.wait_for()
    assert page.get_by_text("Page not found").count() == 0
    assert page.locator("[data-testid=stTopNavSection]").count() == 4


@pytest.mark.parametrize("path", ["", "predictions", "predictions?source=photo"])
def test_nothing_is_wider_than_the_window(page, app_url, path):
    for width in (420, 1400, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        visit(page, f"{app_url}/{path}")
        assert overflow(page) <= 0, width


def test_the_app_asks_no_other_server_for_anything(page, app_url):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, f"{app_url}/predictions")
    local = (app_url, app_url.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(local)] == []


def test_a_map_fills_its_column_at_every_width(page, app_url):
    """Also after the window has changed, and with the shape of its image, 128 x 160."""
    visit(page, f"{app_url}/predictions")
    for width in (1400, 1920, 420, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(FILLED)


FILLED = """() => {
    const map = document.querySelector('[class*="st-key-map_"] .js-plotly-plot'), full = map._fullLayout;
    const column = map.closest('[data-testid="stColumn"]').getBoundingClientRect().width;
    const [left, right] = full.xaxis.domain, high = full.height - full.margin.t - full.margin.b;
    const near = (one, other, by) => Math.abs(one - other) <= by;
    return near(full.width, column, 1) && near(left, 0, 0.01) && near(right, 1, 0.01)
        && near(high / full.width, 128 / 160, 0.01);
}"""
