"""The ETF geometry page in a real Chromium: a view that was turned stays turned, a set can be stopped, phones."""

import re

import pytest

from tests.browser.conftest import overflow, settle, visit

pytestmark = pytest.mark.browser

CAMERA = """() => {
    const plot = [...document.querySelectorAll('.js-plotly-plot')].find(plot => plot._fullLayout?.scene?._scene);
    if (!plot) return [0, 0, 0];  // between two drawings
    const {x, y, z} = plot._fullLayout.scene._scene.getCamera().eye;
    return [x, y, z].map(value => Math.round(value * 1000));
}"""
DRAWN = "() => [...document.querySelectorAll('.js-plotly-plot')].some(plot => plot._fullLayout?.scene?._scene)"


def camera(page) -> list[int]:
    page.wait_for_function(DRAWN)
    return page.evaluate(CAMERA)


def turn(page) -> None:
    view = page.locator(".js-plotly-plot").filter(has=page.locator(".gl-container canvas")).first
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 90, box["y"] + box["height"] / 2 + 30, steps=6)
    page.mouse.up()


def test_a_turned_view_stays_turned_when_the_classes_change_and_a_look_puts_it_back(page, app_url):
    visit(page, f"{app_url}/etf")
    start = camera(page)
    turn(page)
    page.wait_for_function(
        f"() => !['[0,0,0]', '{str(start).replace(' ', '')}'].includes(JSON.stringify(({CAMERA})()))"
    )
    turned = camera(page)
    page.get_by_text("Compare all models that have this task").click()
    page.get_by_text("At the interaction input:").wait_for()
    settle(page)
    assert camera(page) == turned
    page.get_by_role("radio", name="along axis 1").or_(page.get_by_role("button", name="along axis 1")).first.click()
    page.wait_for_url(re.compile("etf_look=along"))
    page.wait_for_function(f"() => ({CAMERA})()[0] > 1000")


def test_a_long_set_can_be_stopped_and_keeps_what_is_done(page, app_url):
    visit(page, f"{app_url}/etf?etf_images=a+set&etf_rooms=300")
    page.get_by_role("button", name="Start").click()
    page.wait_for_function("() => /([2-9]|\\d\\d+) of 300 rooms/.test(document.body.innerText)")
    page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped before all 300 rooms were done").wait_for()
    settle(page)
    assert re.search(r"classes of \d+ held-out rooms", page.inner_text("body"))


@pytest.mark.parametrize("query", ["", "?etf_beside=second+model&model=skem", "?etf_images=a+set"])
def test_nothing_is_wider_than_the_window(page, app_url, query):
    for width in (420, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        visit(page, f"{app_url}/etf{query}")
        assert overflow(page) <= 1, width
