"""What does the model see in this image, task by task?"""

import streamlit as st

from mtlviz.ui import frame
from mtlviz.ui import prediction_panels as predictions
from mtlviz.ui.data import unscored

frame.bootstrap()

with frame.page("What does the model see in this image?"):
    sentence = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        runs = predictions.choose_runs()
        view = predictions.choose_view(runs)
    with sentence:
        predictions.answer(runs[0])
    predictions.draw_image(runs, view)
    predictions.draw_tasks(runs, view)
    unscored.draw(runs[0], view)
    st.subheader("At one point", anchor=False)
    predictions.read_point(runs)
    st.subheader("Take it away", anchor=False)
    predictions.offer_downloads(runs, view)
