"""``dynafile demo``: real data in a folder, and what one does with it, with timings."""
