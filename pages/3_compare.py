"""What does one way of sharing change against another on this image?"""

import streamlit as st

from mtlviz.ui import (
    compare,
    compare_answer,
    compare_cards,
    compare_cost,
    compare_predictions,
    compare_reading,
    frame,
    panels,
)

frame.bootstrap()

with frame.page(compare.question()):
    pair = compare.pair()
    answer = st.container()
    compare_answer.caveat(pair)
    picked = compare.controls(pair)

    st.subheader("What they predict", anchor="predict")
    compare_predictions.maps(pair, picked.task)
    compare_predictions.classes(pair, picked.task)
    compare_predictions.differences(pair)

    st.subheader("What the token reads", anchor="read")
    for side in pair.sides:
        if side.trace is None:
            compare_reading.no_interaction(side)
    maps = st.container()
    oracle = compare_reading.choose_oracle(pair)
    readings = compare_reading.readings(pair, picked, oracle)
    if readings:
        with maps:
            compare_reading.maps(pair, readings, picked, compare_reading.choose_view())
            compare_reading.sources(pair, readings, picked)
        compare_reading.numbers(pair, readings)
        compare_reading.exchange(pair, readings)
    with answer:
        panels.headline(compare_answer.answer(pair, readings, picked))

    if picked.task in pair.first.run.sample.labels:
        st.subheader("Which is nearer to the truth", anchor="truth")
        compare_predictions.truth(pair, picked.task, picked.place)

    st.subheader("Over a whole set", anchor="set")
    compare_cards.over_a_set(pair)

    st.subheader("What they cost", anchor="cost")
    st.markdown(compare_cost.sentence(pair))
    st.table(compare_cost.table(pair).set_index("Part"))
    compare_cost.latency(pair)
