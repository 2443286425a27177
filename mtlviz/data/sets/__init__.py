"""Data sets on disk: NYUD_MT, PASCAL-Context, Cityscapes, MTAN's, rendered rooms and one's own folders."""

from mtlviz.data.sets.base import DataSet, Finding
from mtlviz.data.sets.catalogue import data_splits, open_data, recognise

__all__ = ["DataSet", "Finding", "data_splits", "open_data", "recognise"]
