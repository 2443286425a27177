"""Rooms: a data set that needs no download; a seed names a furnished room, its picture and all labels."""

from mtlviz.data.rooms.dataset import SPLITS, VERSION, Rooms, class_frequencies, write_rooms
from mtlviz.data.rooms.render import RoomOptions, render_room

__all__ = ["SPLITS", "VERSION", "RoomOptions", "Rooms", "class_frequencies", "render_room", "write_rooms"]
