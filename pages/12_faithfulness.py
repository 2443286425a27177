"""Do the maps of the inside foretell what happens when something is taken away?"""

import streamlit as st

from mtlviz.ui import frame, panels, state
from mtlviz.ui.faithfulness import image_set, page


def main() -> None:
    """Answer, measure the current image, and show what was measured over a set."""
    engine = state.engine()
    found = image_set.find()
    answer = st.container()
    if found is not None and (said := image_set.sentence(*found, engine.card.weights_sha256)):
        with answer:
            panels.headline(said)
    run = page.measured_run(engine)
    held = page.kinds(run)
    if not held:
        page.without_maps(run)
    else:
        kind = page.choose(held)
        live = page.measure(engine, run, kind)
        if live is not None:
            with answer:
                panels.headline(page.sentence(live))
            page.draw(live)

    st.subheader("Over a set of images", anchor="set")
    if found is None:
        panels.empty(
            "No result over a set is stored for these models, so this one image is all there is.",
            f"`{image_set.command([engine.card.name] if held else [])}` measures it; no restart is needed.",
        )
    else:
        image_set.draw(*found)


frame.bootstrap()
with frame.page(page.QUESTION):
    main()
