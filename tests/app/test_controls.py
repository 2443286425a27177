"""The switch of negative controls, on every page that has it."""

import pytest

from tests.app.conftest import said, spec, specs

PAGES = {
    "pages/2_slots.py": {"model": "kem"},
    "pages/3_compare.py": {"compare_part": "what the token reads"},
    "pages/8_affinity.py": {"model": "ctal"},
    "pages/6_embedding.py": {"model": "kem"},
    "pages/7_stability.py": {"model": "kem"},
}


def correlations(at) -> list[str]:
    """What stands below the maps."""
    return [str(one.value) for one in at.markdown if "-badge[:material/science:" in str(one.value)]


def test_a_page_starts_with_the_model_itself(open_page):
    for path, query in PAGES.items():
        at = open_page(path, **query)
        assert not at.exception
        assert at.selectbox(key="control").value == "the model"
        assert "Negative control" not in said(at)
        assert not correlations(at)


@pytest.mark.parametrize("path", PAGES)
def test_a_control_is_linked_named_and_compared_with_the_model(open_page, path):
    at = open_page(path, control="random weights", control_seed="3", **PAGES[path])
    assert not at.exception
    assert not at.error
    assert "**Negative control: random weights (seed 3), not the model.**" in said(at)
    assert len(correlations(at)) >= (1 if "embedding" in path else 4)
    at.button(key="control_off").click().run()
    assert at.selectbox(key="control").value == "the model"
    assert not correlations(at)


@pytest.mark.parametrize("seed", ["9" * 5000, "-1", "1e400", "\u0663\u0663\u0663", ""])
def test_a_seed_that_is_none_gives_the_default(open_page, seed):
    at = open_page("pages/2_slots.py", model="kem", control="random weights", control_seed=seed)
    assert not at.exception
    assert "random weights (seed 0)" in said(at)


def test_other_weights_are_compared_without_the_numbers_of_slots(open_page):
    at = open_page("pages/2_slots.py", model="kem", control="random weights")
    helps = [one.help for one in at.markdown if str(one.value) in correlations(at)]
    assert any("all slots together" in text for text in helps)
    assert not any("slot by slot" in text for text in helps)
    alone = open_page("pages/2_slots.py", model="kem", control="random weights", slots_only="true")
    assert not correlations(alone)
    assert "has no model's slot to be compared with" in said(alone)
    swapped = open_page("pages/2_slots.py", model="kem", control="shuffled slots")
    assert any("slot by slot" in one.help for one in swapped.markdown if str(one.value) in correlations(swapped))


@pytest.mark.parametrize("control", ["shuffled slots", "permuted tokens", "mean image"])
def test_every_control_changes_what_the_slot_maps_draw(open_page, control):
    own = specs(open_page("pages/2_slots.py", model="kem"))
    at = open_page("pages/2_slots.py", model="kem", control=control)
    assert not at.exception
    assert [index for index, one in enumerate(specs(at)) if one != own[index]]
    assert len(correlations(at)) == 4


def test_shuffled_slots_are_not_offered_where_there_are_none(open_page):
    at = open_page("pages/8_affinity.py", model="ctal", control="shuffled slots")
    assert not at.exception
    assert "shuffled slots" not in at.selectbox(key="control").options
    assert at.selectbox(key="control").value == "the model"
    assert "is not one of the choices here" in said(at)


def test_a_control_follows_to_other_pages_and_gives_way_where_it_does_not_exist(open_page):
    at = open_page("pages/2_slots.py", model="kem", control="shuffled slots")
    at.switch_page("pages/7_stability.py").run()
    assert not at.exception
    assert at.selectbox(key="control").value == "the model"


@pytest.mark.parametrize("detail", ["overview", "fusion weights", "diffusion", "random walk"])
def test_every_map_of_affinities_has_its_control(open_page, detail):
    at = open_page("pages/8_affinity.py", model="ctal", control="permuted tokens", affinity_detail=detail)
    assert not at.exception
    assert not at.error
    assert len(correlations(at)) > 6


def test_results_over_a_set_stay_those_of_the_model_and_say_so(open_page):
    at = open_page("pages/2_slots.py", model="kem", control="mean image", slots_detail="set of images")
    assert "always that of the model itself" in said(at)


def test_the_picture_under_a_map_is_the_one_that_the_control_was_shown(open_page):
    own, mean = (open_page("pages/8_affinity.py", model="ctal", control=key) for key in ("the model", "mean image"))
    pictures = [spec(at, 0)["layout"]["images"][0]["source"] for at in (own, mean)]
    assert len(pictures[1]) < len(pictures[0]) / 4
