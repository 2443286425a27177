"""Which models are here, and what can each of them show?"""

from mtlviz.ui import frame, panels
from mtlviz.ui.models import own, page, pair

frame.bootstrap()


def main() -> None:
    """Answer, choose, compare two where two are chosen, then the cards."""
    every = page.entries()
    panels.headline(page.headline(every))
    choice = page.controls(every)
    if choice.pair is not None:
        pair.draw(*choice.pair)
    page.grid(every, choice, dict(page.linked_pages(frame.page_links())))
    own.draw()


with frame.page(page.QUESTION):
    main()
