"""Do the maps of the inside foretell what happens when something is taken away?"""

import streamlit as st

from mtlviz.ui import faithfulness, faithfulness_set, frame, panels, state


def main() -> None:
    """Answer, measure the current image, and show what was measured over a set."""
    engine = state.engine()
    found = faithfulness_set.find()
    answer = st.container()
    if found is not None and (said := faithfulness_set.sentence(*found, engine.card.weights_sha256)):
        with answer:
            panels.headline(said)
    run = faithfulness.measured_run(engine)
    held = faithfulness.kinds(run)
    if not held:
        faithfulness.without_maps(run)
    else:
        kind = faithfulness.choose(held)
        live = faithfulness.measure(engine, run, kind)
        if live is not None:
            with answer:
                panels.headline(faithfulness.sentence(live))
            faithfulness.draw(live)

    st.subheader("Over a set of images", anchor="set")
    if found is None:
        panels.empty(
            "No result over a set is stored for these models, so this one image is all there is.",
            f"`{faithfulness_set.command([engine.card.name] if held else [])}` measures it; no restart is needed.",
        )
    else:
        faithfulness_set.draw(*found)


frame.bootstrap()
with frame.page(faithfulness.QUESTION):
    main()
