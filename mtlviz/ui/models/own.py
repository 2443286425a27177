"""How one's own model comes to stand among the others."""

import streamlit as st

IMPORT = (
    "python -m mtlviz import-checkpoint kem.safetensors --config configs/kem.yaml --name my-kem --out mine "
    '--licence MIT --provenance "our run of May"'
)
PULL = "python -m mtlviz hub pull OWNER/REPO --out mine"
START = "streamlit run app.py -- --checkpoints checkpoints --checkpoints mine"
ADAPT = "MTLVIZ_ADAPTERS=my_adapter.py:MyAdapter streamlit run app.py"


def draw() -> None:
    """Three ways, a sentence and a command each."""
    st.subheader("Your own model", anchor="own")
    st.markdown(
        "**Weights of one of these architectures** become a checkpoint with a card by one command, and the app lists "
        "the folder that it is started with."
    )
    st.code(f"{IMPORT}\n{START}", language="bash", wrap_lines=True)
    st.markdown("**A checkpoint that somebody has published** on the Hugging Face Hub is fetched, verified and kept.")
    st.code(PULL, language="bash", wrap_lines=True)
    st.markdown(
        "**Any other network** joins through an adapter, about 40 lines of Python that only the person who starts the "
        "app can name, since naming code runs it; `python -m mtlviz check my_adapter.py:MyAdapter` says what it lacks."
    )
    st.code(ADAPT, language="bash", wrap_lines=True)
