"""The ETF geometry page: how close the classes come to the frame of equal angles."""
