"""Which models are here, and what can each of them show?"""

from mtlviz.ui import frame, models, models_own, models_pair, panels

frame.bootstrap()


def main() -> None:
    """Answer, choose, compare two where two are chosen, then the cards."""
    every = models.entries()
    panels.headline(models.headline(every))
    choice = models.controls(every)
    if choice.pair is not None:
        models_pair.draw(*choice.pair)
    models.grid(every, choice, dict(models.linked_pages(frame.page_links())))
    models_own.draw()


with frame.page(models.QUESTION):
    main()
