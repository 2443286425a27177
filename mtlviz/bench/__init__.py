"""What mtlviz costs on this machine: ``run`` measures, ``table`` prints, ``KEYS`` names what there is."""

from mtlviz.bench.catalogue import KEYS, PARTS
from mtlviz.bench.measurement import Bar, Measurement
from mtlviz.bench.report import as_json, table
from mtlviz.bench.running import run

__all__ = ["KEYS", "PARTS", "Bar", "Measurement", "as_json", "run", "table"]
