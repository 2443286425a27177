"""The app: ``streamlit run app.py``."""

from mtlviz.ui import frame

frame.run()
