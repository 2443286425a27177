"""The app: ``streamlit run app.py``."""

import os
import sys

from mtlviz.ui import frame, model_roots

model_roots.announce(sys.argv[1:], os.environ)
frame.run()
