"""Backbones of Hugging Face transformers and of timm, built from plain settings and brought to one form.

Both libraries are optional and imported only where a network names a backbone. Nothing is downloaded to build one:
weights come from a checkpoint, or from ``load_pretrained`` where a training starts from published ones.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, cast

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from mtlviz.errors import OptionError

STRIDES = (4, 8, 16, 32)
"""Of the four stages of a backbone."""
INSTALL = "pip install transformers"
TIMM = "timm"
"""``model_type`` of the settings of a backbone of timm; every other one is a type of transformers."""
_PROBE = 64
"""Pixels a side of the image that shows the form of a backbone's stages."""
_NOT_THE_FORM = {
    "architectures", "dtype", "id2label", "label2id", "num_labels", "out_features", "out_indices", "problem_type",
    "stage_names", "torch_dtype", "transformers_version",
}  # fmt: skip
"""Entries of a repository's configuration that do not shape the stages."""


class Stages(nn.Module):
    """The stages of a backbone at chosen strides.

    Attributes:
        sides: what both sides of an image must be multiples of, for the library's own code.
    """

    sides = 1

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """Feature maps, finest first."""
        raise NotImplementedError

    def load_pretrained(self, repository: str) -> None:
        """Take over published weights, from safetensors only."""
        raise NotImplementedError


class TransformersStages(Stages):
    """A backbone behind ``transformers.AutoBackbone``.

    Attention is computed step by step, so that its multiply-accumulates are counted the same on every device.
    """

    def __init__(self, settings: Mapping[str, Any], strides: Sequence[int]) -> None:
        library = _library("transformers")
        _check_names(library, settings)
        try:
            config = library.AutoConfig.for_model(**settings)
            names = list(config.stage_names)[-len(STRIDES) :]
            config.out_features = [names[STRIDES.index(stride)] for stride in strides]
            model = library.AutoBackbone.from_config(config, attn_implementation="eager")
        except ImportError as error:  # a part of the library that is imported only now
            raise OptionError(
                f"The library transformers cannot be imported ({_said(error.__cause__ or error)}); install it anew."
            ) from error
        except Exception as error:  # of the library's checks, without a common base
            raise OptionError(
                f"transformers cannot make a backbone of type {settings['model_type']!r} from these settings "
                f"({_said(error)}); correct them, or choose one of the presets."
            ) from error
        super().__init__(model)

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """See ``Stages.forward``."""
        return list(self.model(image).feature_maps)

    def load_pretrained(self, repository: str) -> None:
        """See ``Stages.load_pretrained``."""
        kind = cast(Any, type(self.model))
        found, info = kind.from_pretrained(
            repository, config=cast(Any, self.model).config, use_safetensors=True, output_loading_info=True
        )
        lacking = [name for name in info["missing_keys"] if "norm" not in name]  # norms behind stages are new
        if lacking:
            raise ValueError(f"they have nothing for {sorted(lacking)[0]}")
        self.model.load_state_dict(found.state_dict())


class TimmStages(Stages):
    """A backbone of timm; its networks do not pad, so that images have to fit their coarsest stride."""

    sides = STRIDES[-1]

    def __init__(self, settings: Mapping[str, Any], strides: Sequence[int]) -> None:
        library = _library("timm")
        options = {key: value for key, value in settings.items() if key != "model_type"}
        name = options.pop("architecture", "")
        if name not in library.list_models():
            raise OptionError(f"timm has no architecture {name!r}; name one of timm.list_models() in the settings.")
        try:
            with torch.device("meta"):
                known = library.create_model(name, features_only=True, **options).feature_info.reduction()
        except Exception as error:  # as for transformers
            raise OptionError(
                f"timm cannot make stages of {name!r} from these settings ({_said(error)}); correct them."
            ) from error
        missing = [stride for stride in strides if stride not in known]
        if missing:
            raise OptionError(f"Backbone {name!r} of timm has no stage at stride {missing[0]}; choose another one.")
        chosen = tuple(len(known) - 1 - known[::-1].index(stride) for stride in strides)
        super().__init__(library.create_model(name, features_only=True, out_indices=chosen, **options))

    def forward(self, image: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B _ _ _"]]:
        """See ``Stages.forward``."""
        return list(self.model(image))

    def load_pretrained(self, repository: str) -> None:
        """See ``Stages.load_pretrained``."""
        found = load_file(_library("huggingface_hub").hf_hub_download(repository, "model.safetensors"))
        own = self.model.state_dict().keys()
        self.model.load_state_dict({name: tensor for name, tensor in found.items() if name in own})


def build_stages(settings: Mapping[str, Any], strides: Sequence[int]) -> Stages:
    """The stages of a backbone, finest first, with weights drawn at random.

    Args:
        settings: with ``model_type``, a type of transformers or ``timm``.
        strides: of ``STRIDES``, ascending.

    Raises:
        OptionError: if the library is not installed, or does not know the settings.
    """
    return (TimmStages if settings["model_type"] == TIMM else TransformersStages)(settings, strides)


def stage_widths(stages: Stages, strides: Sequence[int], name: str) -> tuple[int, ...]:
    """Channels of the stages, from a small image.

    What such an image shows to have no part in the stages, as a norm behind the last one, stops learning: several
    devices would wait for its gradient.

    Raises:
        OptionError: if a stage has another stride than it should have.
    """
    parameters = list(stages.parameters())
    training = stages.training
    image = torch.zeros(1, 3, _PROBE, _PROBE, device=parameters[0].device)
    with torch.inference_mode(False), torch.enable_grad():
        maps = stages.eval()(image)
        gradients = torch.autograd.grad(torch.stack([part.sum() for part in maps]).sum(), parameters, allow_unused=True)
    stages.train(training)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.requires_grad_(gradient is not None)
    if len(maps) != len(strides) or any(
        part.shape[-1] != _PROBE // stride for part, stride in zip(maps, strides, strict=True)
    ):
        raise OptionError(
            f"Backbone {name!r} does not halve its grid from stage to stage, strides {', '.join(map(str, STRIDES))}; "
            "choose one that does, such as a Swin transformer or a ResNet."
        )
    return tuple(part.shape[1] for part in maps)


def published_settings(repository: str) -> dict[str, Any]:
    """The plain configuration that a repository of Hugging Face, or a folder like one, holds.

    Raises:
        OptionError: if transformers is not installed, or the configuration cannot be had.
    """
    library = _library("transformers")
    try:
        found = library.AutoConfig.from_pretrained(repository, trust_remote_code=False)
    except Exception as error:  # of the network, of the repository or of its files, without a common base
        raise OptionError(
            f"The configuration of backbone {repository!r} cannot be had ({_said(error)}); connect to the "
            "internet, correct the name, or give its settings in the configuration."
        ) from error
    known = type(found)().to_dict().keys() - _NOT_THE_FORM
    return {key: value for key, value in found.to_dict().items() if key in known}


def load_pretrained(stages: Stages, repository: str) -> None:
    """Take over the weights that a repository publishes as safetensors.

    Raises:
        OptionError: if they cannot be had or do not fit.
    """
    try:
        stages.load_pretrained(repository)
    except Exception as error:  # as above
        raise OptionError(
            f"The weights of {repository!r} cannot be had as safetensors ({_said(error)}); connect to the "
            "internet once, or set pretrained: false and name a safetensors file as encoder."
        ) from error


def _check_names(library: Any, settings: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Refuse what transformers would keep without a use for it."""
    name = settings["model_type"]
    try:
        known = library.AutoConfig.for_model(name).to_dict()
    except ValueError as error:
        raise OptionError(f"transformers knows no model_type {name!r}; name one such as swin or resnet.") from error
    strange = [key for key in settings if key not in known]
    if strange:
        raise OptionError(f"A backbone of type {name!r} has no setting {strange[0]!r}; correct or leave it out.")


def _library(name: str) -> Any:  # noqa: ANN401
    try:
        return cast(Any, import_module(name))
    except ImportError as error:
        more = " and pip install timm" if name == TIMM else ""
        raise OptionError(
            f"This backbone needs the library {name}, which cannot be imported ({_said(error)}); run "
            f"{INSTALL}{more}, or choose the built-in encoder."
        ) from error
    except RuntimeError as error:  # torchvision without its compiled part
        raise OptionError(f"The library {name} cannot be imported ({_said(error)}); install it anew.") from error


def _said(error: BaseException) -> str:
    """The first sentence of a library's error, as a part of ours."""
    return (" ".join(str(error).split()) or type(error).__name__).split(". ")[0][:160].rstrip(".:; ")
