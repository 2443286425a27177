"""An image on its way into a network: fitted, normalised, its padding known."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mtlviz.cards import ModelCard
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.models.multitask import token_mask


@dataclass(frozen=True, eq=False)
class Prepared:
    """One image as a network receives it.

    Attributes:
        image: normalised, 0 at the padding.
        mask: True at tokens that cover a part of the image; None without padding.
        letterbox: how the image was fitted into the network's input.
    """

    image: Float[Tensor, "1 3 H W"]
    mask: Bool[Tensor, "1 N"] | None
    letterbox: Letterbox

    def to(self, device: str) -> "Prepared":
        """The same on a device."""
        mask = None if self.mask is None else self.mask.to(device)
        return Prepared(self.image.to(device), mask, self.letterbox)


def prepared(sample: Sample, card: ModelCard) -> Prepared:
    """An image as the network of a card receives it, on the CPU.

    Args:
        sample: the image; its labels are not looked at.
        card: says the input's size, and the mean and the deviation of the normalisation.
    """
    letterbox = Letterbox(sample.size, card.input_size)
    pixels = torch.from_numpy(letterbox.apply(sample.image)).permute(2, 0, 1)[None].float() / 255
    mean, std = (torch.tensor(values)[:, None, None] for values in (card.mean, card.std))
    inside = torch.from_numpy(letterbox.inside)[None]
    image = ((pixels - mean) / std) * inside[:, None]  # padding is the mean colour: zero
    mask = token_mask(inside, card.token_stride)
    return Prepared(image, None if bool(mask.all()) else mask, letterbox)
